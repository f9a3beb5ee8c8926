//! The program's commands and options: where they come from, which wins, and what is said when they are wrong.

use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::program::{Program, ask, run, scimd, serve};
use crate::support::{Client, Database};

fn json_of(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_wrong_option_is_one_line_and_code_2() {
    let database = Database::sqlite();
    let directory = database.directory.path();
    for (arguments, words) in [
        (&["--nobody"][..], "--nobody"),
        (&["fly"], "fly"),
        (&["serve", "extra"], "extra"),
        (&["serve", "--workers", "many"], "--workers"),
        (&["serve", "--listen", "nowhere"], "listen"),
        (&["serve", "--listen", "127.0.0.1:99999"], "listen"),
        (&["serve", "--listen", "nosuchhost.invalid:80"], "listen"),
        (&["serve", "--listen", "192.0.2.1:0"], "listen"),
        (&["serve", "--database-url", "mysql://x/y"], "database"),
        (&["serve", "--database-url", ""], "database-url"),
        (&["serve", "--database-url", "scimd.db"], "database"),
        (
            &["serve", "--database-url", "sqlite:/nowhere/at/all.db"],
            "/nowhere/at/all.db",
        ),
        (&["serve", "--database-url", "sqlite:"], "database"),
        (&["serve", "--public-url", "ftp://x"], "public-url"),
        (&["serve", "--public-url", "not a url"], "public-url"),
        (&["serve", "--log-format", "xml"], "xml"),
        (
            &["serve", "--trusted-proxies", "everybody"],
            "trusted-proxies",
        ),
        (&["serve", "--redis-url", "redis://x"], "redis-url"),
        (
            &["serve", "--failed-auth-per-minute", "0"],
            "failed-auth-per-minute",
        ),
        (&["serve", "--config", "nosuch.toml"], "nosuch.toml"),
        (&["tenant"], "tenant"),
        (&["tenant", "create"], "SLUG"),
        (&["tenant", "create", "Not A Slug"], "slug"),
        (&["tenant", "create", "x", "--profile", "nobody"], "nobody"),
        (&["token", "create"], "SLUG"),
        (&["migrate", "--database-url", "postgres://"], "PostgreSQL"),
    ] {
        run(scimd(directory, arguments)).refused(2, words);
    }
    run(scimd(directory, &["--help"])).fine();
    assert!(
        run(scimd(directory, &["--version"]))
            .fine()
            .out
            .starts_with("scimd ")
    );
}

#[test]
fn a_short_admin_token_is_refused_wherever_it_stands_and_never_repeated() {
    let database = Database::sqlite();
    let directory = database.directory.path();
    let short = "acmecorp2026-acmecorp2026-acmec";
    assert_eq!(short.len(), 31);
    let refused = |ended: crate::support::program::Ended| {
        ended.refused(2, "admin-token");
        assert!(!ended.err.contains(short), "{}", ended.err);
    };
    let mut by_variable = serve(directory, &database.url);
    by_variable.env("SCIMD_ADMIN_TOKEN", short);
    refused(run(by_variable));
    let mut by_flag = serve(directory, &database.url);
    by_flag.args(["--admin-token", short]);
    refused(run(by_flag));
    let mut empty = serve(directory, &database.url);
    empty.env("SCIMD_ADMIN_TOKEN", "");
    refused(run(empty));
    fs::write(
        directory.join("scimd.toml"),
        format!("admin-token = \"{short}\"\n"),
    )
    .unwrap();
    refused(run(serve(directory, &database.url)));
    // One character more is enough.
    fs::write(
        directory.join("scimd.toml"),
        format!("admin-token = \"{short}x\"\n"),
    )
    .unwrap();
    let mut program = Program::start(serve(directory, &database.url), directory);
    let admin = Client::new(program.address, "/admin/v1", Some(&format!("{short}x")));
    assert_eq!(ask(admin.get("/tenants")).status, 200);
    program.stop();
}

#[test]
fn a_database_that_cannot_be_reached_is_one_line_without_its_password() {
    let database = Database::sqlite();
    let directory = database.directory.path();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    for url in [
        format!("postgres://somebody:canarysecret@127.0.0.1:{port}/db"),
        format!("postgresql://somebody:canarysecret@127.0.0.1:{port}/db?sslmode=disable"),
        format!("postgres://a:canarysecret@127.0.0.1:{port},127.0.0.1:{port}/db"),
    ] {
        for command in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["migrate"],
            &["tenant", "list"],
            &["token", "create", "default"],
        ] {
            let mut command = scimd(directory, command);
            command.args(["--database-url", &url]);
            let ended = run(command);
            ended.refused(2, "PostgreSQL");
            assert!(!ended.err.contains("canarysecret"), "{}", ended.err);
        }
    }
    if let Some(database) = Database::postgres() {
        let mut command = scimd(directory, &["migrate"]);
        let (before, after) = database.url.rsplit_once('@').unwrap();
        let (user, _) = before.rsplit_once(':').unwrap();
        command.args(["--database-url", &format!("{user}:canarysecret@{after}")]);
        let ended = run(command);
        if ended.code != 0 {
            ended.refused(2, "PostgreSQL");
            assert!(!ended.err.contains("canarysecret"), "{}", ended.err);
        }
        let missing = format!("{}_missing", database.url);
        let mut command = scimd(directory, &["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--database-url", &missing]);
        run(command).refused(2, "PostgreSQL");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let database = Database::sqlite();
    let directory = database.directory.path();
    let file = directory.join("letter.txt");
    let text = "Dear Sir or Madam, this is no database. ".repeat(100);
    fs::write(&file, &text).unwrap();
    let url = format!("sqlite:{}", file.display());
    for command in [
        serve(directory, &url),
        scimd(directory, &["migrate", "--database-url", &url]),
    ] {
        run(command).refused(2, "letter.txt");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let url = format!("sqlite:{}", directory.display());
    run(serve(directory, &url)).refused(2, "");
}

#[test]
fn the_flag_wins_over_the_variable_and_the_variable_over_the_file() {
    let database = Database::sqlite();
    let directory = database.directory.path();
    let file = |name: &str| format!("sqlite:{}", directory.join(name).display());
    let toml = format!(
        "listen = \"127.0.0.1:0\"\ndatabase-url = \"{}\"\npublic-url = \"https://file.example\"\n",
        file("file.db")
    );
    fs::write(directory.join("scimd.toml"), &toml).unwrap();
    fs::write(directory.join("other.toml"), toml.replace("file", "other")).unwrap();
    let base = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = scimd(directory, arguments);
        command.envs(variables.iter().copied());
        let mut program = Program::start(command, directory);
        let config =
            ask(Client::new(program.address, "/scim/v2", None).get("/ServiceProviderConfig"));
        program.stop();
        let location = config.body["meta"]["location"].as_str().unwrap().to_owned();
        location
            .strip_suffix("/scim/v2/ServiceProviderConfig")
            .unwrap()
            .to_owned()
    };
    let variable = [
        ("SCIMD_PUBLIC_URL", "https://variable.example"),
        ("SCIMD_DATABASE_URL", &*file("variable.db")),
    ];
    let flag = [
        "serve",
        "--public-url",
        "https://flag.example/below/",
        "--database-url",
        &*file("flag.db"),
    ];
    for (arguments, variables, expected, database) in [
        (&["serve"][..], &[][..], "https://file.example", "file.db"),
        (&[], &[], "https://file.example", "file.db"),
        (
            &["serve"],
            &variable,
            "https://variable.example",
            "variable.db",
        ),
        (&flag, &variable, "https://flag.example/below", "flag.db"),
        (&flag, &[], "https://flag.example/below", "flag.db"),
        (
            &["serve", "--config", "other.toml"],
            &[],
            "https://other.example",
            "other.db",
        ),
    ] {
        assert_eq!(base(arguments, variables), expected);
        assert!(directory.join(database).exists(), "{database}");
    }
    for (text, words) in [
        ("listne = \"x\"\n", "line 1"),
        ("\nlisten = 5\n", "line 2"),
        ("listen = \n", "line 1"),
        ("admin-token = canarysecret\n", "line 1"),
        ("workers = \"canarysecret\"\n", "line 1"),
    ] {
        fs::write(directory.join("scimd.toml"), text).unwrap();
        let ended = run(scimd(directory, &["serve"]));
        ended.refused(2, words);
        assert!(
            ended.err.contains("scimd.toml") && !ended.err.contains("canarysecret"),
            "{}",
            ended.err
        );
    }
}

#[test]
fn commands_work_beside_a_server_and_are_in_force_at_once() {
    for database in [Some(Database::sqlite()), Database::postgres()]
        .into_iter()
        .flatten()
    {
        let directory = database.directory.path();
        let with = |arguments: &[&str]| {
            let mut command = scimd(directory, arguments);
            command.args(["--database-url", &database.url]);
            run(command)
        };
        let mut program = Program::start(serve(directory, &database.url), directory);
        assert_eq!(with(&["tenant", "list"]).fine().out.lines().count(), 1);
        let made = with(&[
            "tenant",
            "create",
            "acme",
            "--display-name",
            "Acme",
            "--profile",
            "default",
            "--json",
        ]);
        let tenant = json_of(&made.fine().out);
        assert_eq!(
            (&tenant["slug"], &tenant["displayName"]),
            (&json!("acme"), &json!("Acme"))
        );
        let token = with(&["token", "create", "acme", "--name", "cli", "--json"]);
        let token = json_of(&token.fine().out);
        assert_eq!(
            (&token["name"], &token["scopes"]),
            (&json!("cli"), &json!(["scim:read", "scim:write"]))
        );
        let plain = with(&["token", "create", "acme"]).fine().out.clone();
        assert_eq!(plain.lines().count(), 1);
        for text in [token["token"].as_str().unwrap(), plain.trim()] {
            let client = program.client_of(text);
            ask(client.get("/Users")).ok(200);
            ask(client.get("@/t/acme/scim/v2/Users")).ok(200);
        }
        let made = with(&["tenant", "create", "beta"]);
        assert!(made.fine().out.contains("/t/beta/scim/v2"), "{made:?}");
        let list = json_of(&with(&["tenant", "list", "--json"]).fine().out);
        let slugs: Vec<&str> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["slug"].as_str().unwrap())
            .collect();
        assert_eq!(slugs, ["acme", "beta", "default"]);
        let shown = with(&["tenant", "list"]).fine().out.clone();
        assert!(
            shown.contains("acme") && !shown.contains("scimd_"),
            "{shown}"
        );
        with(&["tenant", "create", "acme"]).refused(1, "acme");
        with(&["token", "create", "nosuch"]).refused(1, "nosuch");
        program.stop();
        assert!(!program.err().contains("panicked"), "{}", program.err());
    }
}

#[test]
fn migrate_may_run_again_and_before_and_beside_a_server() {
    for database in [Some(Database::sqlite()), Database::postgres()]
        .into_iter()
        .flatten()
    {
        let directory = database.directory.path();
        let migrate = || {
            run(scimd(
                directory,
                &["migrate", "--database-url", &database.url],
            ))
        };
        for _ in 0..2 {
            assert_eq!(migrate().fine().out, "");
        }
        // A database that was only migrated has not been started on yet.
        let mut program = Program::start(serve(directory, &database.url), directory);
        let made = ask(program.client().create(json!({"userName": "ada"})));
        migrate().fine();
        assert_eq!(
            ask(program.client().get("/Users")).ok(200).body["Resources"],
            json!([made.body])
        );
        program.stop();
        migrate().fine();
    }
}

#[test]
fn a_tenant_made_before_the_first_start_is_enough() {
    for database in [Some(Database::sqlite()), Database::postgres()]
        .into_iter()
        .flatten()
    {
        let directory = database.directory.path();
        run(scimd(
            directory,
            &["tenant", "create", "acme", "--database-url", &database.url],
        ))
        .fine();
        let token = run(scimd(
            directory,
            &["token", "create", "acme", "--database-url", &database.url],
        ));
        let mut program = Program::start(serve(directory, &database.url), directory);
        // The database is not empty: no other tenant is made, and only the administrator's token is.
        assert!(
            program.said("token: ").is_none() && program.said("admin token: ").is_some(),
            "{}",
            program.out()
        );
        ask(program
            .client_of(token.fine().out.trim())
            .create(json!({"userName": "ada"})))
        .ok(201);
        program.stop();
    }
}

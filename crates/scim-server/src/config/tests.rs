//! Precedence, checks and the example file.

use std::path::PathBuf;

use clap::Parser;

use super::*;

const EXAMPLE: &str = include_str!("../../../../scimd.example.toml");

#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    options: Options,
}

fn options(toml: &str) -> Options {
    toml::from_str(toml).unwrap()
}

fn check(toml: &str, expected: &str) {
    let error = Config::from_options(options(toml)).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{toml}: {error}");
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let flags = Flags::parse_from([
        "scimd",
        "--listen",
        "127.0.0.1:1",
        "--trusted-proxies",
        "10.0.0.0/8,::1",
    ]);
    let file =
        options("listen = \"127.0.0.1:2\"\nfailed-auth-per-minute = 7\ntrusted-proxies = []");
    let config = Config::from_options(flags.options.or(file)).unwrap();
    assert_eq!(config.listen, "127.0.0.1:1");
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.failed_auth_per_minute, 7);
    assert_eq!(config.database_url, Config::default().database_url);
}

#[test]
fn every_option_is_a_flag_and_a_variable_of_the_same_name() {
    use clap::CommandFactory;
    let command = Flags::command();
    for name in Options::names() {
        let arg = command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(&name));
        let variable = arg.unwrap().get_env().unwrap().to_str().unwrap();
        assert_eq!(
            variable,
            format!("SCIMD_{}", name.replace('-', "_").to_uppercase())
        );
    }
}

#[test]
fn a_wrong_value_names_its_option() {
    check(
        "admin-token = \"\"",
        "`admin-token`: expected at least 32 characters, found 0",
    );
    check(
        "admin-token = \"acmecorp2026\"",
        "`admin-token`: expected at least 32 characters, found 12",
    );
    check(
        &format!("admin-token = \"{}\"", "a b".repeat(20)),
        "`admin-token`: expected printable",
    );
    check(
        "redis-url = \"redis://127.0.0.1\"",
        "`redis-url`: sharing limits through Redis is not supported yet",
    );
    check("listen = \"8080\"", "`listen`: ");
    check("listen = \":8080\"", "`listen`: ");
    check("listen = \"127.0.0.1:99999\"", "`listen`: ");
    check("listen = \"::1:80\"", "`listen`: ");
    check("database-url = \"\"", "`database-url`: ");
    check("public-url = \"scim.example.com\"", "`public-url`: ");
    check("public-url = \"ftp://scim.example.com\"", "`public-url`: ");
    check(
        "public-url = \"https://scim.example.com/?a=b\"",
        "`public-url`: ",
    );
    check("trusted-proxies = [\"10.0.0.0/33\"]", "`trusted-proxies`: ");
    check(
        "failed-auth-per-minute = 0",
        "`failed-auth-per-minute`: expected at least 1, found 0",
    );
    check("max-body-bytes = 10", "`max-body-bytes`: ");
    check("body-timeout-seconds = 0", "`body-timeout-seconds`: ");
    check("workers = 100000", "`workers`: ");
}

#[test]
fn values_are_made_uniform() {
    let config = Config::from_options(options(
        "public-url = \"https://scim.example.com/idp/\"\nredis-url = \"\"\ntrusted-proxies = [\"10.1.2.3\"]",
    ))
    .unwrap();
    assert_eq!(
        config.public_url.as_deref(),
        Some("https://scim.example.com/idp")
    );
    assert_eq!(config.trusted_proxies[0].to_string(), "10.1.2.3/32");
}

#[test]
fn listen_splits_into_host_and_port() {
    for (listen, expected) in [
        ("127.0.0.1:0", Some(("127.0.0.1", 0))),
        ("localhost:80", Some(("localhost", 80))),
        ("[::1]:8080", Some(("::1", 8080))),
        ("[::1]", None),
        ("host", None),
        ("a b:1", None),
    ] {
        assert_eq!(split_listen(listen), expected, "{listen}");
    }
}

#[test]
fn a_missing_file_is_an_error_only_when_it_was_named() {
    let missing = PathBuf::from("/nonexistent/scimd.toml");
    let error = Options::from_file(Some(&missing)).unwrap_err().to_string();
    assert!(
        error.starts_with("/nonexistent/scimd.toml: cannot be read"),
        "{error}"
    );
}

#[test]
fn debug_shows_no_secret() {
    let options = options(
        "admin-token = \"correct-horse-battery-staple-hunter2\"\ndatabase-url = \"postgres://u:hunter2@h/d\"",
    );
    let shown = format!(
        "{options:?} {:?}",
        Config::from_options(options.clone()).unwrap()
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn the_example_file_has_every_key_with_its_default() {
    let config = Config::from_options(options(EXAMPLE)).unwrap();
    assert_eq!(config, Config::default());
    // Keys without a default stand there behind a `#`; taken in, they are right too.
    let keys = |line: &&str| line.contains(" = ");
    let whole: Vec<&str> = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix('#').unwrap_or(line))
        .filter(keys)
        .collect();
    let names: Vec<String> = whole
        .iter()
        .map(|line| line.split(" = ").next().unwrap().to_owned())
        .collect();
    assert_eq!(names, Options::names());
    // The token in the example must not work, or somebody would use it.
    check(&whole.join("\n"), "`admin-token`: ");
    let filled = whole
        .join("\n")
        .replace("<32 random characters or more>", &"x".repeat(32));
    let all = Config::from_options(options(&filled)).unwrap();
    assert_eq!(all.public_url.as_deref(), Some("https://scim.example.com"));
}

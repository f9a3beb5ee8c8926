//! Nobody gets in without a token: every route there is, in every spelling. The table below is held against the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scim_server::clock::Clock;
use scim_server::config::Config;

use crate::support::client::USER;
use crate::support::connection::exchange;
use crate::support::{Database, TestApp, app};

/// SCIM's routes as the source spells them, each with the methods that are served.
pub(crate) const SCIM: [(&str, &str); 12] = [
    ("/ServiceProviderConfig", "GET"),
    ("/ResourceTypes", "GET"),
    ("/ResourceTypes/{name}", "GET"),
    ("/Schemas", "GET"),
    ("/Schemas/{name}", "GET"),
    ("/Bulk", "POST"),
    ("/Me", "GET POST PUT PATCH DELETE"),
    ("/.search", "POST"),
    ("/{kind}/.search", "POST"),
    ("/{kind}/{id}", "GET PUT PATCH DELETE"),
    ("/{kind}", "GET POST"),
    ("", "GET"),
];

/// Administration's.
pub(crate) const ADMIN: [(&str, &str); 11] = [
    ("/tenants", "GET POST"),
    ("/tenants/{slug}", "GET PATCH DELETE"),
    ("/tenants/{slug}/tokens", "GET POST"),
    ("/tenants/{slug}/tokens/{id}", "DELETE"),
    ("/tenants/{slug}/schemas", "GET"),
    ("/tenants/{slug}/schemas/{urn}", "GET PUT DELETE"),
    ("/tenants/{slug}/resource-types", "GET"),
    ("/tenants/{slug}/resource-types/{name}", "GET PUT DELETE"),
    ("/tenants/{slug}/references", "GET"),
    ("/profiles", "GET"),
    ("/profiles/{name}", "GET"),
];

/// Open to all.
const OPEN: [&str; 2] = ["/health/live", "/health/ready"];

/// Where the routes stand, and nowhere else.
const TABLES: [&str; 3] = ["http.rs", "http/admin.rs", "http/health.rs"];

/// A failed authentication costs nothing here: these tests fail by the thousand.
pub(crate) fn patient() -> Config {
    Config {
        failed_auth_per_minute: 1_000_000,
        ..Config::default()
    }
}

/// A route's path with something in every place.
pub(crate) fn filled(route: &str) -> String {
    let name = if route.starts_with("/Schemas") {
        USER
    } else {
        "User"
    };
    let name = if route.starts_with("/profiles") {
        "default"
    } else {
        name
    };
    route
        .replace("{kind}", "Users")
        .replace("{id}", "01890000-0000-7000-8000-000000000000")
        .replace("{slug}", "default")
        .replace("{urn}", "urn:example:1.0:User")
        .replace("{name}", name)
}

/// Every request that SCIM serves, at each of its bases.
pub(crate) fn scim_requests() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for base in ["/scim/v2", "/scim", "", "/t/default/scim/v2", "/t/default"] {
        for (route, methods) in SCIM {
            let path = format!("{base}{}", filled(route));
            let path = if path.is_empty() {
                "/".to_owned()
            } else {
                path
            };
            all.extend(methods.split(' ').map(|method| (method, path.clone())));
        }
    }
    all
}

/// Every request that administration serves.
pub(crate) fn admin_requests() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for (route, methods) in ADMIN {
        let path = format!("/admin/v1{}", filled(route));
        all.extend(methods.split(' ').map(|method| (method, path.clone())));
    }
    all
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The paths that a source text gives to the router.
fn routes_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for call in [
        "at(\"",
        "web::resource(\"",
        ".route(\"",
        "web::scope(\"",
        "scim(\"",
    ] {
        for (at, _) in text.match_indices(call) {
            let rest = text.get(at + call.len()..).unwrap();
            found.insert(rest.split('"').next().unwrap().to_owned());
        }
    }
    // `.route(` on a new line: its path is on the next.
    for (at, _) in text.match_indices(".route(\n") {
        let rest = text.get(at + ".route(\n".len()..).unwrap().trim_start();
        if let Some(rest) = rest.strip_prefix('"') {
            found.insert(rest.split('"').next().unwrap().to_owned());
        }
    }
    found
}

fn read(file: &str) -> String {
    fs::read_to_string(source().join(file)).unwrap()
}

#[test]
fn the_tables_above_hold_every_route_of_the_source() {
    let set = |paths: &[&str]| {
        paths
            .iter()
            .map(|path| (*path).to_owned())
            .collect::<BTreeSet<_>>()
    };
    // A document's route stands inside the scope of its kind.
    let inside = |path: &'static str| {
        if path.ends_with("/{name}") {
            "/{name}"
        } else {
            path
        }
    };
    let mut scim: Vec<&str> = SCIM.iter().map(|(path, _)| inside(path)).collect();
    scim.extend(["/t/{slug}/scim/v2", "/scim/v2"]);
    assert_eq!(routes_in(&read("http.rs")), set(&scim));
    let mut admin: Vec<&str> = ADMIN.iter().map(|(path, _)| *path).collect();
    admin.push("/admin/v1");
    assert_eq!(routes_in(&read("http/admin.rs")), set(&admin));
    assert_eq!(routes_in(&read("http/health.rs")), set(&OPEN));
    // The reader of the source does see a route that is in no table.
    assert!(routes_in("config.route(\"/new\", web::get())").contains("/new"));
}

#[test]
fn no_other_file_makes_routes() {
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        // Tests of a module make applications of their own.
        if file.ends_with("tests.rs")
            || file
                .parent()
                .is_some_and(|parent| parent.ends_with("tests"))
        {
            continue;
        }
        let name = file
            .strip_prefix(source())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let routes = [
            "web::resource(",
            "web::scope(",
            ".route(",
            ".service(",
            "#[get(",
            "#[post(",
            "default_service(",
        ]
        .iter()
        .any(|call| text.contains(call));
        assert_eq!(routes, TABLES.contains(&name.as_str()), "{name}");
    }
}

/// The type system holds a handler to it: what it does needs what only the gate gives. This holds the gate to come first.
#[test]
fn every_handler_begins_with_the_gate() {
    let mut handlers = 0;
    for (file, gates) in [
        ("http/resources.rs", &["Caller<Read>", "Caller<Write>"][..]),
        ("http/discovery.rs", &["Visitor<"]),
        ("http/admin/tenants.rs", &["Admin"]),
        ("http/admin/tokens.rs", &["Admin"]),
        ("http/admin/profiles.rs", &["Admin"]),
        ("http/admin/schemas.rs", &["Admin"]),
    ] {
        let text = read(file);
        for (at, _) in text.match_indices("async fn ") {
            let rest = text.get(at..).unwrap();
            let signature = rest.split('{').next().unwrap();
            let public = text
                .get(..at)
                .unwrap()
                .lines()
                .last()
                .unwrap_or_default()
                .contains("pub");
            if !public || !signature.contains("Answer") {
                continue;
            }
            handlers += 1;
            let arguments = signature.split_once('(').unwrap().1.trim_start();
            let first = arguments.split_once(':').unwrap().1.trim_start();
            assert!(
                gates.iter().any(|gate| first.starts_with(gate)),
                "{file}: {signature}"
            );
        }
    }
    assert!(handlers >= 20, "{handlers}");
}

/// Other spellings of a path, each of which a router, a proxy or a filter of paths could read in its own way.
fn spellings(path: &str) -> Vec<String> {
    let percent = |of: &dyn Fn(char) -> bool, upper: bool| -> String {
        let encode = |c: char| match (of(c), upper) {
            (false, _) => c.to_string(),
            (true, true) => format!("%{:02X}", u32::from(c)),
            (true, false) => format!("%{:02x}", u32::from(c)),
        };
        path.chars().map(encode).collect()
    };
    let mut all = vec![
        path.to_owned(),
        percent(&|c| c.is_ascii_alphabetic(), true),
        percent(&|c| c.is_ascii_alphabetic(), false),
        percent(&|c| c.is_ascii_alphanumeric() || "-._:".contains(c), true),
        percent(&|c| c == '/', true).replacen("%2F", "/", 1),
        percent(&|c| c.is_ascii_uppercase(), true),
        percent(&|c| c.is_ascii_alphabetic(), true).replace('%', "%25"),
        path.to_uppercase(),
        path.to_lowercase(),
        path.replace('/', "//"),
        path.replace('/', "/./"),
        path.replace('/', "/x/../"),
        path.replace('/', "/%2e/"),
        path.replace('/', "/%2E%2E/"),
        path.replace('/', "/;x/"),
    ];
    for end in [
        "/",
        "//",
        "/.",
        "/..",
        "/../",
        ";a=b",
        "%00",
        "%20",
        "%2F",
        "%5C",
        "?",
        "?x=/health/live",
        "%3F",
        "%23",
        ".json",
        "/health/live",
        "/../ServiceProviderConfig",
    ] {
        all.push(format!("{path}{end}"));
    }
    for begin in [
        "/.",
        "/%2e",
        "//",
        "/%2F",
        "/health/..",
        "/health/live/..",
        "/t/default/..",
        "/%c0%af",
        "/\\",
        "/ServiceProviderConfig/..",
    ] {
        all.push(format!("{begin}{path}"));
    }
    let letters: Vec<char> = path.chars().collect();
    for (nth, letter) in letters
        .iter()
        .enumerate()
        .filter(|(_, letter)| letter.is_ascii_alphabetic())
        .step_by(3)
    {
        let (before, after) = (letters[..nth].iter(), letters[nth + 1..].iter());
        let before: String = before.collect();
        let after: String = after.collect();
        all.push(format!("{before}%{:02x}{after}", u32::from(*letter)));
    }
    all.push(format!("http://localhost{path}"));
    all
}

async fn statuses(
    app: &TestApp,
    method: &str,
    path: &str,
    token: Option<&str>,
) -> Vec<(String, u16)> {
    let mut found = Vec::new();
    for target in spellings(path) {
        let authorization = token
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}Content-Length: 2\r\n\r\n{{}}"
        );
        let status = exchange(app.address, request.as_bytes())
            .await
            .map_or(400, |answer| answer.status);
        found.push((target, status));
    }
    found
}

async fn nobody_gets_in(app: TestApp) {
    let mut refused = 0;
    for (method, path) in scim_requests().into_iter().chain(admin_requests()) {
        if path.ends_with("/ServiceProviderConfig") {
            continue;
        }
        for (target, status) in statuses(&app, method, &path, None).await {
            // What is appended to `/` alone may name what is open to all.
            let open = target.trim_start_matches('/') == "health/live";
            assert!(
                open || [400, 401, 404].contains(&status),
                "{method} {target}: {status}"
            );
            refused += usize::from(status == 401);
        }
    }
    assert!(refused > 2000, "{refused}");
    // The same spellings with a token: some of them do name what they seem to name.
    let known = statuses(&app, "GET", "/scim/v2/Users", Some(&app.token)).await;
    assert!(
        known.iter().filter(|(_, status)| *status == 200).count() > 10,
        "{known:?}"
    );
}

#[test]
fn nobody_gets_in_without_a_token_however_a_path_is_spelt() {
    app::run_with(
        Database::sqlite(),
        patient(),
        Clock::system(),
        nobody_gets_in,
    );
}

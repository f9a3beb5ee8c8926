//! The house rules that no compiler checks: who knows whom, twin migrations, docs that name tests which exist.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|one| one == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The files under `directory`, but for those below `except`, in whose code one of the words stands.
fn with_words(directory: &str, except: &[&str], words: &[&str]) -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    for path in files(&root.join(directory), "rs") {
        let name = path
            .strip_prefix(&root)
            .unwrap_or(&path)
            .display()
            .to_string();
        if except.iter().any(|one| name.contains(one)) {
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines() {
            let code = line.trim_start();
            if !code.starts_with("//") && words.iter().any(|word| code.contains(word)) {
                found.push(format!("{name}: {code}"));
            }
        }
    }
    found
}

#[test]
fn the_core_is_pure() {
    let words = [
        "async ",
        ".await",
        "std::fs",
        "std::net",
        "std::time",
        "std::thread",
        "Utc::now",
        "tokio",
        "actix",
        "diesel",
    ];
    assert_eq!(with_words("crates/scim-core/src", &[], &words), [""; 0]);
}

#[test]
fn arrows_point_down() {
    let server = "crates/scim-server/src";
    assert_eq!(
        with_words(server, &["src/store"], &["diesel::", "diesel_migrations"]),
        [""; 0]
    );
    for (floor, above) in [
        (
            "crates/scim-server/src/store",
            &["actix_web", "crate::service", "crate::gate", "crate::http"][..],
        ),
        (
            "crates/scim-server/src/service",
            &["actix_web", "crate::gate", "crate::http", "diesel"],
        ),
        ("crates/scim-server/src/gate", &["crate::http", "diesel"]),
    ] {
        assert_eq!(with_words(floor, &["/tests"], above), [""; 0], "{floor}");
    }
}

#[test]
fn one_file_knows_which_database_it_is() {
    let knows = [
        "Dialect::Sqlite",
        "Dialect::Postgres",
        "Conn::Lite(",
        "Conn::Pg(",
    ];
    let allowed = ["store/dialect.rs", "store/connection.rs", "store/tests"];
    assert_eq!(
        with_words("crates/scim-server/src", &allowed, &knows),
        [""; 0]
    );
}

#[test]
fn migrations_are_twins() {
    let names = |database: &str| -> BTreeSet<String> {
        let directory = root().join("migrations").join(database);
        files(&directory, "sql")
            .iter()
            .map(|path| path.strip_prefix(&directory).unwrap().display().to_string())
            .collect()
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert_eq!(sqlite, postgres);
    assert!(sqlite.iter().any(|name| name.ends_with("up.sql")));
    for name in sqlite.iter().filter(|name| name.ends_with("up.sql")) {
        assert!(
            sqlite.contains(&name.replace("up.sql", "down.sql")),
            "{name}"
        );
    }
}

#[test]
fn conformance_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/CONFORMANCE.md")).unwrap();
    let mut sources = String::new();
    for directory in [
        "crates/scim-core/src",
        "crates/scim-core/tests",
        "crates/scim-server/src",
        "crates/scim-server/tests",
    ] {
        for path in files(&root().join(directory), "rs") {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let mut named = 0;
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        for name in line.split('`').skip(1).step_by(2) {
            let Some(test) = name.rsplit("::").next().filter(|_| name.contains("::")) else {
                continue;
            };
            named += 1;
            let is_file = name.starts_with("idp::");
            assert!(
                is_file || sources.contains(&format!("fn {test}")),
                "{name} is not a test"
            );
        }
    }
    assert!(named > 100, "{named} tests named");
}

#[test]
fn files_are_small_enough_to_read() {
    for directory in ["crates/scim-core/src", "crates/scim-server/src"] {
        for path in files(&root().join(directory), "rs") {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 700, "{}: {lines} lines", path.display());
        }
    }
}

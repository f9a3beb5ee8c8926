//! A database of its own for each test.

use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection, sql_query};
use tempfile::TempDir;

/// Where the URL of a PostgreSQL server is found, on which databases may be created.
const POSTGRES: &str = "SCIMD_TEST_POSTGRES";

/// An empty database.
pub(crate) struct Database {
    /// What `--database-url` takes.
    pub(crate) url: String,
    /// The directory of an SQLite file; it goes when the test ends.
    pub(crate) directory: TempDir,
}

impl Database {
    /// A file in a directory of its own.
    pub(crate) fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite:{}", directory.path().join("scimd.db").display());
        Self { url, directory }
    }

    /// A new database on the server that the environment names; `None` without one, which CI does not allow.
    pub(crate) fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var(POSTGRES) else {
            assert!(
                std::env::var("CI").is_err() || std::env::var("SCIMD_SQLITE_ONLY").is_ok(),
                "{POSTGRES} is not set"
            );
            eprintln!("{POSTGRES} is not set: not run on PostgreSQL");
            return None;
        };
        let directory = TempDir::new().unwrap();
        let unique = directory.path().file_name().unwrap().to_string_lossy();
        let name: String = unique.chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("it_{}_{}", std::process::id(), name.to_ascii_lowercase());
        // As the program does: nothing is cleaned up below connections that are still being made when a test ends.
        openssl_sys::init();
        let mut connection = PgConnection::establish(&server).unwrap();
        sql_query(format!("CREATE DATABASE {name}"))
            .execute(&mut connection)
            .unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Some(Self {
            url: format!("{base}/{name}"),
            directory,
        })
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }
}

/// Runs a statement behind the server's back.
pub(crate) fn statement(database: &Database, statement: &str) {
    if database.is_postgres() {
        let mut connection = PgConnection::establish(&database.url).unwrap();
        sql_query(statement).execute(&mut connection).unwrap();
    } else {
        let path = database.url.strip_prefix("sqlite:").unwrap();
        let mut connection = SqliteConnection::establish(path).unwrap();
        for words in ["PRAGMA busy_timeout = 5000", statement] {
            sql_query(words).execute(&mut connection).unwrap();
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Table {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

#[derive(diesel::QueryableByName)]
struct Rows {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

/// How many rows each table has, in the order of their names.
pub(crate) fn rows_of_all_tables(database: &Database) -> Vec<(String, i64)> {
    const POSTGRES_TABLES: &str = "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    const SQLITE_TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1";
    let count = |table: &str| format!("SELECT count(*) AS n FROM \"{table}\"");
    if database.is_postgres() {
        let mut connection = PgConnection::establish(&database.url).unwrap();
        let tables: Vec<Table> = sql_query(POSTGRES_TABLES).load(&mut connection).unwrap();
        let rows = tables.into_iter().map(|table| {
            let rows: Rows = sql_query(count(&table.name))
                .get_result(&mut connection)
                .unwrap();
            (table.name, rows.n)
        });
        return rows.collect();
    }
    let path = database.url.strip_prefix("sqlite:").unwrap();
    let mut connection = SqliteConnection::establish(path).unwrap();
    let tables: Vec<Table> = sql_query(SQLITE_TABLES).load(&mut connection).unwrap();
    let rows = tables.into_iter().map(|table| {
        let rows: Rows = sql_query(count(&table.name))
            .get_result(&mut connection)
            .unwrap();
        (table.name, rows.n)
    });
    rows.collect()
}

//! A database for the length of the run.

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use tempfile::TempDir;

use crate::Outcome;

/// Where the URL of a PostgreSQL server is found, on which databases may be created.
const POSTGRES: &str = "SCIMD_TEST_POSTGRES";

/// It goes when it is dropped.
pub(crate) struct Database {
    pub(crate) url: String,
    /// What it is, for the reader.
    pub(crate) title: String,
    pub(crate) directory: TempDir,
    /// The server and the name of the database there.
    server: Option<(String, String)>,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    text: String,
}

impl Database {
    /// A file on the disk that holds the build.
    pub(crate) fn sqlite() -> Outcome<Database> {
        let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let version: Version = sql_query("SELECT sqlite_version() AS text")
            .get_result(&mut SqliteConnection::establish(":memory:")?)?;
        Ok(Database {
            url: format!("sqlite:{}", directory.path().join("scimd.db").display()),
            title: format!("SQLite {}, WAL, synchronous=FULL", version.text),
            directory,
            server: None,
        })
    }

    /// A new database on the server that the environment names; `None` without one.
    pub(crate) fn postgres() -> Outcome<Option<Database>> {
        let Ok(server) = std::env::var(POSTGRES) else {
            eprintln!("benchmark: {POSTGRES} is not set, so PostgreSQL is not measured");
            return Ok(None);
        };
        let name = format!("bench_{}", std::process::id());
        let mut link = PgConnection::establish(&server)?;
        link.batch_execute(&format!("CREATE DATABASE {name}"))?;
        let version: Version = sql_query(
            "SELECT format('PostgreSQL %s, fsync=%s, synchronous_commit=%s, shared_buffers=%s', current_setting('server_version'),
             current_setting('fsync'), current_setting('synchronous_commit'), current_setting('shared_buffers')) AS text",
        )
        .get_result(&mut link)?;
        let (base, _) = server
            .rsplit_once('/')
            .ok_or("expected a URL with a database in it")?;
        Ok(Some(Database {
            url: format!("{base}/{name}"),
            title: version.text,
            directory: TempDir::new()?,
            server: Some((server, name)),
        }))
    }

    /// Lets the database know its tables, as it would by itself after a minute.
    pub(crate) fn settle(&self) -> Outcome<()> {
        if self.server.is_some() {
            PgConnection::establish(&self.url)?.batch_execute("VACUUM ANALYZE")?;
        }
        Ok(())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.server
            && let Ok(mut link) = PgConnection::establish(server)
        {
            // Best effort: the server is a throw-away one.
            let _ = link.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

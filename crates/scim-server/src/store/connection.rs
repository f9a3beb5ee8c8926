//! One connection to either database: run, read, begin, commit; and how the pool makes and judges them.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::query_dsl::methods::LoadQuery;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::address::{Address, Server};
use super::dialect::{self, Dialect};
use super::error::{OpenError, StoreError};
use super::sql::{Rows, Sql};

const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// A connection that was not used for so long is asked whether it still lives.
const DOZE: Duration = Duration::from_secs(2);

/// A connection and what happened on it.
pub(super) struct Conn {
    link: Link,
    /// What happened since the attempt began.
    pub(super) trouble: Trouble,
    broken: bool,
    used: Instant,
    alive: Instant,
    clock: Clock,
    deadline: Instant,
}

enum Link {
    Server(PgConnection),
    File(SqliteConnection),
}

/// What a closure ran into; it may hide it, we must know.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trouble {
    /// A statement failed.
    pub(super) failed: bool,
    /// A change found another version than it expected.
    pub(super) stale: bool,
    /// The database asks to run it again.
    pub(super) again: bool,
    /// The disk is full.
    pub(super) full: bool,
    /// Something was changed.
    pub(super) changed: bool,
}

/// The server's clock at a moment of ours.
#[derive(Clone, Copy)]
struct Clock {
    at: Instant,
    micros: i64,
}

impl Conn {
    fn new(link: Link, micros: i64) -> Conn {
        let now = Instant::now();
        Conn {
            link,
            trouble: Trouble::default(),
            broken: false,
            used: now,
            alive: now,
            clock: Clock { at: now, micros },
            deadline: now,
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.link {
            Link::Server(_) => Dialect::Postgres,
            Link::File(_) => Dialect::Sqlite,
        }
    }

    /// Forgets old trouble; what is not done at the deadline is not done at all.
    pub(super) fn begin_attempt(&mut self, deadline: Instant) {
        self.trouble = Trouble::default();
        self.deadline = deadline;
    }

    /// The deadline by the server's clock, in microseconds since 1970.
    pub(super) fn server_deadline(&self) -> i64 {
        let left = self
            .deadline
            .saturating_duration_since(self.clock.at)
            .as_micros();
        self.clock
            .micros
            .saturating_add(i64::try_from(left).unwrap_or(i64::MAX))
    }

    pub(super) fn late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Runs a statement and tells how many rows it changed.
    pub(super) fn exec(&mut self, sql: Sql<'_>) -> Result<usize, StoreError> {
        let done = match &mut self.link {
            Link::Server(link) => sql.execute(link),
            Link::File(link) => sql.execute(link),
        };
        self.judge(done)
    }

    /// Runs a statement and reads all rows.
    pub(super) fn load<'q, T, U>(&mut self, sql: Sql<'q>) -> Result<Vec<U>, StoreError>
    where
        Rows<'q, T>: LoadQuery<'q, PgConnection, U> + LoadQuery<'q, SqliteConnection, U>,
    {
        let rows = sql.rows::<T>();
        let done = match &mut self.link {
            Link::Server(link) => rows.internal_load(link).and_then(Iterator::collect),
            Link::File(link) => rows.internal_load(link).and_then(Iterator::collect),
        };
        self.judge(done)
    }

    /// Runs a statement and reads the first row, if there is one.
    pub(super) fn first<'q, T, U>(&mut self, sql: Sql<'q>) -> Result<Option<U>, StoreError>
    where
        Rows<'q, T>: LoadQuery<'q, PgConnection, U> + LoadQuery<'q, SqliteConnection, U>,
    {
        let rows = sql.rows::<T>();
        let done = match &mut self.link {
            Link::Server(link) => rows
                .internal_load(link)
                .and_then(|mut cursor| cursor.next().transpose()),
            Link::File(link) => rows
                .internal_load(link)
                .and_then(|mut cursor| cursor.next().transpose()),
        };
        self.judge(done)
    }

    /// Runs fixed words that answer nothing.
    pub(super) fn say(&mut self, words: &str) -> Result<(), StoreError> {
        let done = match &mut self.link {
            Link::Server(link) => link.batch_execute(words),
            Link::File(link) => link.batch_execute(words),
        };
        self.judge(done)
    }

    /// Begins a transaction that will write.
    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        let done = match &mut self.link {
            Link::Server(link) => AnsiTransactionManager::begin_transaction(link),
            Link::File(link) => {
                AnsiTransactionManager::begin_transaction_sql(link, "BEGIN IMMEDIATE")
            }
        };
        self.judge_bracket(done)
    }

    /// Begins a savepoint in the transaction.
    pub(super) fn savepoint(&mut self) -> Result<(), StoreError> {
        let done = match &mut self.link {
            Link::Server(link) => AnsiTransactionManager::begin_transaction(link),
            Link::File(link) => AnsiTransactionManager::begin_transaction(link),
        };
        self.judge_bracket(done)
    }

    /// Commits the transaction, or releases the savepoint.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        let done = match &mut self.link {
            Link::Server(link) => AnsiTransactionManager::commit_transaction(link),
            Link::File(link) => AnsiTransactionManager::commit_transaction(link),
        };
        self.judge_bracket(done)
    }

    /// Takes back the transaction, or what was done since the savepoint.
    pub(super) fn rollback(&mut self) -> Result<(), StoreError> {
        let done = match &mut self.link {
            Link::Server(link) => AnsiTransactionManager::rollback_transaction(link),
            Link::File(link) => AnsiTransactionManager::rollback_transaction(link),
        };
        self.judge_bracket(done)
    }

    fn judge<T>(&mut self, done: QueryResult<T>) -> Result<T, StoreError> {
        done.map_err(|error| {
            let verdict = dialect::verdict(&error);
            self.trouble.failed = true;
            self.trouble.again |= verdict.again;
            self.trouble.full |= verdict.error == StoreError::Full;
            self.broken |= verdict.broken;
            verdict.error
        })
    }

    /// A transaction that cannot be begun or ended leaves the connection in an unknown state.
    fn judge_bracket(&mut self, done: QueryResult<()>) -> Result<(), StoreError> {
        let failed = done.is_err();
        self.broken |= failed;
        self.judge(done)
    }

    /// Never to be used again.
    pub(super) fn break_off(&mut self) {
        self.broken = true;
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(super) fn touch(&mut self) {
        self.used = Instant::now();
    }

    /// Whether it can be relied on: a connection that slept long, or is older than the last one that broke, is asked.
    pub(super) fn stands(&mut self, suspect: Option<Instant>) -> bool {
        let doubt = self.used.elapsed() > DOZE || suspect.is_some_and(|since| self.alive < since);
        if doubt && matches!(self.link, Link::Server(_)) {
            let now = Instant::now();
            if self.ping().is_ok() {
                self.alive = now;
                self.used = now;
            }
        }
        !self.broken
    }

    pub(super) fn ping(&mut self) -> Result<(), StoreError> {
        self.say("SELECT 1").inspect_err(|_| self.broken = true)
    }
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn")
            .field("dialect", &self.dialect())
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

/// What the connections of a pool are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Reader,
    Writer,
}

/// Makes connections for the pool.
#[derive(Debug, Clone)]
pub(super) struct Manager {
    pub(super) address: Address,
    pub(super) role: Role,
    pub(super) timeout: Duration,
}

/// Why a connection could not be made; one line, without secrets.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ConnectError(pub(super) OpenError);

impl r2d2::ManageConnection for Manager {
    type Connection = Conn;
    type Error = ConnectError;

    fn connect(&self) -> Result<Conn, ConnectError> {
        match &self.address {
            Address::Server(server) => connect_server(server, self.timeout)
                .map_err(|why| ConnectError(OpenError::new(why))),
            Address::File(path) => connect_file(path, self.role)
                .map(|link| Conn::new(Link::File(link), 0))
                .map_err(|why| ConnectError(OpenError::new(about(path, &why)))),
        }
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), ConnectError> {
        conn.ping().map_err(|error| ConnectError(error.into()))
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        conn.broken
    }
}

fn connect_server(server: &Server, timeout: Duration) -> Result<Conn, String> {
    let link = establish(server)?;
    let mut conn = Conn::new(Link::Server(link), 0);
    let why = |error: StoreError| format!("PostgreSQL at `{}`: {error}", server.place());
    conn.say(&dialect::postgres_session(timeout)).map_err(why)?;
    let micros = conn
        .first::<(BigInt,), (i64,)>(Sql::new(dialect::POSTGRES_CLOCK))
        .map_err(why)?;
    conn.clock = Clock {
        at: Instant::now(),
        micros: micros.map_or(0, |(micros,)| micros),
    };
    Ok(conn)
}

fn establish(server: &Server) -> Result<PgConnection, String> {
    // Without the cleaning up that OpenSSL does when a process ends: a pool that is still connecting then would crash in it.
    openssl_sys::init();
    PgConnection::establish(&server.url).map_err(|error| {
        let why = server.scrub(&error.to_string());
        format!(
            "cannot connect to PostgreSQL at `{}`: {why}",
            server.place()
        )
    })
}

fn about(path: &Path, why: &str) -> String {
    format!("cannot open the database `{}`: {why}", path.display())
}

/// Opens the file, and makes it if it is not there, readable for its owner only.
fn connect_file(path: &Path, role: Role) -> Result<SqliteConnection, String> {
    make(path).map_err(|error| error.to_string())?;
    let text = path.to_str().ok_or("the path is not UTF-8")?;
    let mut link = SqliteConnection::establish(text).map_err(|error| error.to_string())?;
    let last = match role {
        Role::Reader => dialect::SQLITE_READER,
        Role::Writer => dialect::SQLITE_WRITER,
    };
    for words in dialect::SQLITE_SESSION.into_iter().chain([last]) {
        patiently(&mut link, words).map_err(|error| error.to_string())?;
    }
    Ok(link)
}

fn make(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The change to WAL does not wait for a lock as other statements do: several processes may open a new file at once.
fn patiently(link: &mut SqliteConnection, words: &str) -> QueryResult<()> {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        match link.batch_execute(words) {
            Err(error) if error.to_string().contains("locked") && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
}

/// Refuses an `SQLite` that is too old for several connections.
pub(super) fn check_version(conn: &mut Conn) -> Result<(), OpenError> {
    if conn.dialect() != Dialect::Sqlite {
        return Ok(());
    }
    let row = conn.first::<(Text,), (String,)>(Sql::new("SELECT sqlite_version()"))?;
    let version = row.map(|(version,)| version).unwrap_or_default();
    dialect::new_enough(&version)
}

impl Manager {
    /// Runs the migrations that are pending; safe when several nodes do it at once.
    pub(super) fn migrate(&self) -> Result<(), OpenError> {
        let failed = |error: &dyn std::fmt::Display| {
            OpenError::new(format!("cannot migrate the database: {error}"))
        };
        match &self.address {
            Address::Server(server) => {
                let mut link = establish(server).map_err(OpenError::new)?;
                link.batch_execute(dialect::POSTGRES_MIGRATION_LOCK)
                    .map_err(|error| failed(&error))?;
                // The lock goes with the connection, at the end of this block.
                link.run_pending_migrations(POSTGRES_MIGRATIONS)
                    .map(|_| ())
                    .map_err(|error| failed(&error))
            }
            Address::File(path) => {
                let mut link = connect_file(path, Role::Writer)
                    .map_err(|why| OpenError::new(about(path, &why)))?;
                // Their own transactions become savepoints in this one.
                link.immediate_transaction(|link| {
                    link.run_pending_migrations(SQLITE_MIGRATIONS)
                        .map(|_| ())
                        .map_err(diesel::result::Error::QueryBuilderError)
                })
                .map_err(|error| failed(&error))
            }
        }
    }

    /// Whether the database is older than this program.
    pub(super) fn pending_migrations(&self) -> Result<bool, OpenError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            OpenError::new(format!("cannot read the migrations: {error}"))
        };
        match &self.address {
            Address::Server(server) => {
                let mut link = establish(server).map_err(OpenError::new)?;
                // Looking makes the table of migrations if it is not there: that too only one at a time.
                link.batch_execute(dialect::POSTGRES_MIGRATION_LOCK)
                    .map_err(|error| failed(error.into()))?;
                link.has_pending_migration(POSTGRES_MIGRATIONS)
                    .map_err(failed)
            }
            Address::File(path) => connect_file(path, Role::Writer)
                .map_err(|why| OpenError::new(about(path, &why)))?
                .has_pending_migration(SQLITE_MIGRATIONS)
                .map_err(failed),
        }
    }
}

//! The store: every row of the database, and the only floor that knows SQL.
//!
//! [`Store::tenant`] is the door to one tenant's rows, [`Store::directory`] the door to what stands above tenants. Both hand closures to database
//! threads over a bounded queue and wait without blocking: a full queue or a database that is away is [`StoreError::Unavailable`], and comes
//! within seconds.
//!
//! Reads run beside each other. On `SQLite` one thread writes, and commits together what waits; on `PostgreSQL` a change is one statement on any of the
//! connections. What differs between the two is in `dialect.rs`.

mod address;
mod changes;
mod changing;
mod connection;
mod dialect;
mod directory;
mod error;
mod jobs;
mod members;
mod model;
mod plan;
pub mod query;
mod queue;
mod resources;
mod schemas;
mod sql;
mod threads;
mod tokens;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use r2d2::ManageConnection;

use address::Address;
use connection::{Conn, Manager, Role};
use jobs::{Kind, Work};
use queue::{Receiver, Sender, bounded};
use threads::{Health, Message, Source};

pub use changing::Writer;
pub use directory::{Directory, TenantRow};
pub use error::{OpenError, StoreError};
pub use members::{Differences, Membership};
pub use model::{
    Change, ChangeKind, ChangeRow, Delete, Holders, IndexKey, Key, Keys, Member, Members, Micros,
    Moved, NewResource, Position, Stored, TenantId, Update,
};
pub use resources::Reader;
pub use schemas::{Definitions, IndexRow, IndexState, Unfinished};
pub use tokens::{TokenRow, TokenUse};

/// How a store is opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// `sqlite:PATH` or a libpq URL.
    pub url: String,
    /// Connections that run at once; on `SQLite` one more writes.
    pub readers: usize,
    /// Requests that may wait.
    pub queue: usize,
    /// How long a request may take, waiting included, before it is answered [`StoreError::Unavailable`]; half a second more for what is under way.
    pub timeout: Duration,
    /// Whether to refuse an `SQLite` file that another process has opened so: for `serve`.
    pub exclusive: bool,
}

impl StoreOptions {
    /// The defaults: two readers for each core, at least 4; 1,024 places to wait; 8 seconds.
    pub fn new(url: impl Into<String>) -> StoreOptions {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        StoreOptions {
            url: url.into(),
            readers: (2 * cores).max(4),
            queue: 1024,
            timeout: Duration::from_secs(8),
            exclusive: false,
        }
    }
}

/// Without the URL: it may hold a password.
impl std::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions")
            .field("readers", &self.readers)
            .field("queue", &self.queue)
            .field("timeout", &self.timeout)
            .field("exclusive", &self.exclusive)
            .finish_non_exhaustive()
    }
}

/// The database with its threads; clones share them.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    reads: Sender<Message>,
    /// The same queue as `reads` unless one thread writes.
    writes: Sender<Message>,
    manager: Manager,
    health: Arc<Health>,
    timeout: Duration,
    threads: Mutex<Vec<(Sender<Message>, JoinHandle<()>)>>,
    checkpoint: Mutex<Option<JoinHandle<()>>>,
    _lock: Option<File>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("address", &self.inner.manager.address)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Connects, looks whether the database is one we can use, and starts the threads. Blocks.
    ///
    /// # Errors
    ///
    /// One line when the URL is wrong, the database cannot be reached, the `SQLite` compiled in is too old, or another process serves the file.
    pub fn open(options: &StoreOptions) -> Result<Store, OpenError> {
        let manager = Manager {
            address: Address::parse(&options.url)?,
            role: Role::Writer,
            timeout: options.timeout,
        };
        let lock = lock(&manager.address, options.exclusive)?;
        let mut first = manager.connect().map_err(|error| error.0)?;
        connection::check_version(&mut first)?;
        let (reads, jobs) = bounded(options.queue);
        let health = Arc::new(Health::default());
        let mut inner = Inner {
            writes: reads.clone(),
            reads,
            manager,
            health,
            timeout: options.timeout,
            threads: Mutex::default(),
            checkpoint: Mutex::default(),
            _lock: lock,
        };
        inner.start_readers(options.readers.max(1), &jobs)?;
        if let Address::File(path) = inner.manager.address.clone() {
            inner.start_writer(options.queue, &path)?;
        }
        Ok(Store {
            inner: Arc::new(inner),
        })
    }

    /// Brings the database to this version. Safe when several nodes do it at once. Blocks.
    ///
    /// # Errors
    ///
    /// One line of what the database says.
    pub fn migrate(&self) -> Result<(), OpenError> {
        self.inner.manager.migrate()
    }

    /// Whether the database is older than this program. Blocks.
    ///
    /// # Errors
    ///
    /// One line of what the database says.
    pub fn pending_migrations(&self) -> Result<bool, OpenError> {
        self.inner.manager.pending_migrations()
    }

    /// Whether the database answers within two seconds; after a write that found the disk full, whether it can write again.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let limit = Duration::from_secs(2).min(self.inner.timeout);
        if self.inner.health.is_full() {
            self.probe(limit).await?;
            self.inner.health.set_full(false);
        }
        self.submit(Kind::Read, "ping", limit, |conn, _| conn.ping())
            .await
    }

    /// The door to one tenant's rows.
    pub fn tenant(&self, id: TenantId) -> TenantStore {
        TenantStore {
            store: self.clone(),
            id,
            schema: None,
            holding: false,
        }
    }

    /// The door to tenants, tokens and settings.
    pub fn directory(&self) -> Directory {
        Directory {
            store: self.clone(),
        }
    }

    /// Ends the threads when they have done what waits, and closes the database properly. Blocks; requests from now on are
    /// [`StoreError::Unavailable`].
    pub fn close(&self) {
        let threads = std::mem::take(
            &mut *self
                .inner
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for (queue, _) in &threads {
            // If the queue stays full the thread ends with the process.
            let _ = queue.send_timeout(None, self.inner.timeout);
        }
        let checkpoint = self
            .inner
            .checkpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        for thread in threads
            .into_iter()
            .map(|(_, thread)| thread)
            .chain(checkpoint)
        {
            // A thread that panicked has nothing left to do.
            let _ = thread.join();
        }
    }

    /// Sends a closure to a database thread and waits for its answer.
    async fn submit<T, E, F>(
        &self,
        kind: Kind,
        name: &'static str,
        limit: Duration,
        run: F,
    ) -> Result<T, E>
    where
        F: FnMut(&mut Conn, bool) -> Result<T, E> + Send + 'static,
        E: From<StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (work, answer) = Work::new(kind, name, Instant::now() + limit, run);
        let queue = match kind {
            Kind::Read => &self.inner.reads,
            Kind::Write | Kind::Transaction => &self.inner.writes,
        };
        queue
            .try_send(Some(Box::new(work)))
            .map_err(|_| StoreError::unavailable("too many requests wait for the database"))?;
        match tokio::time::timeout(limit + GRACE, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(StoreError::internal("a database job was lost").into()),
            Err(_) => Err(StoreError::unavailable("the database does not answer").into()),
        }
    }
}

/// How long a job may go on after its deadline before its caller stops waiting.
const GRACE: Duration = Duration::from_millis(500);

impl Inner {
    fn start_readers(&mut self, readers: usize, jobs: &Receiver<Message>) -> Result<(), OpenError> {
        let size =
            u32::try_from(readers).map_err(|_| OpenError::new("too many database connections"))?;
        let manager = Manager {
            role: Role::Reader,
            ..self.manager.clone()
        };
        let source = Source::new(manager, size, Arc::clone(&self.health));
        for number in 0..readers {
            let (source, jobs) = (source.clone(), jobs.clone());
            let thread = spawn(format!("database-{number}"), move || {
                threads::work(&source, &jobs);
            })?;
            self.keep(self.reads.clone(), thread);
        }
        Ok(())
    }

    fn start_writer(&mut self, queue: usize, path: &Path) -> Result<(), OpenError> {
        let (writes, jobs) = bounded(queue);
        let (written, wake) = bounded(1);
        let source = Source::new(self.manager.clone(), 1, Arc::clone(&self.health));
        let thread = spawn("database-writer".to_owned(), move || {
            writer::work(&source, &jobs, &written);
        })?;
        self.writes = writes;
        self.keep(self.writes.clone(), thread);
        let (manager, log) = (self.manager.clone(), beside(path, "-wal"));
        let thread = spawn("database-checkpoint".to_owned(), move || {
            writer::checkpoint(&manager, &log, &wake);
        })?;
        *self
            .checkpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    fn keep(&self, queue: Sender<Message>, thread: JoinHandle<()>) {
        self.threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((queue, thread));
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(|error| OpenError::new(format!("cannot start a database thread: {error}")))
}

/// The file of this name with something added.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Only one process serves a file; the lock ends with the process, however it ends.
fn lock(address: &Address, exclusive: bool) -> Result<Option<File>, OpenError> {
    let Address::File(path) = address else {
        return Ok(None);
    };
    if !exclusive {
        return Ok(None);
    }
    let failed = |why: &dyn std::fmt::Display| {
        OpenError::new(format!(
            "cannot lock the database `{}`: {why}",
            path.display()
        ))
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(path, ".lock"))
        .map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Err(failed(&"another scimd serves it")),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(&error)),
    }
}

/// One tenant's rows.
#[derive(Debug, Clone)]
pub struct TenantStore {
    store: Store,
    id: TenantId,
    /// The version of the tenant's definitions by which changes are checked.
    schema: Option<i64>,
    /// Whether a change holds what it reads before it begins to write.
    holding: bool,
}

impl TenantStore {
    /// Whose rows.
    pub fn id(&self) -> TenantId {
        self.id
    }

    /// Runs a closure that reads.
    ///
    /// # Errors
    ///
    /// What the closure returns; `Unavailable` when the database is away, hangs or has too much to do.
    pub async fn read<T, F>(&self, f: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (tenant, mut f) = (self.id, Some(f));
        let run = move |conn: &mut Conn, _| {
            let f = f
                .take()
                .ok_or_else(|| StoreError::internal("a read was run twice"))?;
            f(&mut Reader {
                conn,
                tenant,
                held: false,
                marks: false,
            })
        };
        self.store
            .submit(Kind::Read, "read", self.store.inner.timeout, run)
            .await
    }

    /// Runs a closure that reads and makes one change at most. When another change was faster it is run again, so it must be repeatable.
    ///
    /// # Errors
    ///
    /// What the closure returns; `Unavailable` as for `read`, and then the change happens not at all or before any later one.
    pub async fn write<T, E, F>(&self, name: &'static str, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
        E: From<StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let limit = self.store.inner.timeout;
        let kind = if self.holding {
            Kind::Transaction
        } else {
            Kind::Write
        };
        self.run(kind, name, limit, f).await
    }

    /// The same for several changes that belong together: they happen all or, when the closure returns an error, not at all.
    ///
    /// # Errors
    ///
    /// As for `write`.
    pub async fn transaction<T, E, F>(&self, name: &'static str, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
        E: From<StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let limit = self.store.inner.timeout;
        self.run(Kind::Transaction, name, limit, f).await
    }

    async fn run<T, E, F>(
        &self,
        kind: Kind,
        name: &'static str,
        limit: Duration,
        mut f: F,
    ) -> Result<T, E>
    where
        F: FnMut(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
        E: From<StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (tenant, schema) = (self.id, self.schema);
        let run = move |conn: &mut Conn, held| {
            f(&mut Writer {
                reader: Reader {
                    conn,
                    tenant,
                    held,
                    marks: false,
                },
                several: kind == Kind::Transaction,
                schema,
            })
        };
        self.store.submit(kind, name, limit, run).await
    }
}

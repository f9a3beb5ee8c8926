//! The database threads: each takes a job from the queue and a connection from the pool, runs the one on the other and answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use r2d2::{Pool, PooledConnection};

use super::connection::{Conn, Manager};
use super::error::StoreError;
use super::jobs::{Job, Kind, Step};
use super::queue::Receiver;

/// What travels in a queue; `None` ends the thread that takes it.
pub(super) type Message = Option<Box<dyn Job>>;

/// How long a job waits for a new connection.
const CONNECT: Duration = Duration::from_secs(3);
/// The same once a connection could not be made; the pool goes on trying by itself.
const CONNECT_AGAIN: Duration = Duration::from_millis(20);
/// After so long a connection to a server is replaced.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How often a change is run before its error stands.
const ATTEMPTS: u32 = 4;

/// How the database is doing, as seen from all threads.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// The last attempt to get a connection failed.
    down: AtomicBool,
    /// A write failed because the disk is full, and none of that size was seen to succeed since.
    full: AtomicBool,
    /// When a connection last broke: older ones are asked before they are used.
    suspect: Mutex<Option<Instant>>,
}

impl Health {
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    pub(super) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// Keeps whether the database was reached, and logs when that changes.
    fn reached(&self, error: Option<&r2d2::Error>) {
        let down = error.is_some();
        if self.down.load(Ordering::Relaxed) == down
            || self.down.swap(down, Ordering::Relaxed) == down
        {
            return;
        }
        match error {
            Some(error) => tracing::warn!(%error, "the database is away"),
            None => tracing::info!("the database is back"),
        }
    }

    /// Learns from an attempt.
    pub(super) fn learn(&self, conn: &Conn) {
        if conn.trouble.full {
            self.set_full(true);
        }
        if conn.is_broken() {
            *self.suspect.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    fn suspect(&self) -> Option<Instant> {
        *self.suspect.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool and what is known of its database.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) pool: Pool<Manager>,
    pub(super) health: Arc<Health>,
}

/// r2d2 tells it each time that a connection cannot be made, and tries again by itself; the first time is told below.
#[derive(Debug)]
struct Tell;

impl<E: std::error::Error> r2d2::HandleError<E> for Tell {
    fn handle_error(&self, error: E) {
        tracing::debug!(%error, "no connection to the database");
    }
}

impl Source {
    pub(super) fn new(manager: Manager, size: u32, health: Arc<Health>) -> Source {
        // A file does not move; a server may, and a new connection finds its new place.
        let lifetime = manager.address.is_server().then_some(LIFETIME);
        let pool = Pool::builder()
            .max_size(size)
            // Only on demand: a connection that is still being made when the program ends meets a TLS library that has been cleaned up.
            .min_idle(Some(0))
            .connection_timeout(CONNECT)
            .test_on_check_out(false)
            .idle_timeout(None)
            .max_lifetime(lifetime)
            .error_handler(Box::new(Tell))
            .build_unchecked(manager);
        Source { pool, health }
    }

    /// A connection that can be relied on.
    pub(super) fn connection(
        &self,
        deadline: Instant,
    ) -> Result<PooledConnection<Manager>, StoreError> {
        loop {
            let patience = if self.health.down.load(Ordering::Relaxed) {
                CONNECT_AGAIN
            } else {
                CONNECT
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(waited());
            }
            let got = self.pool.get_timeout(patience.min(left));
            self.health.reached(got.as_ref().err());
            let mut conn = got.map_err(|error| StoreError::unavailable(error.to_string()))?;
            if conn.stands(self.health.suspect()) {
                return Ok(conn);
            }
        }
    }
}

pub(super) fn waited() -> StoreError {
    StoreError::unavailable("the request waited too long")
}

/// Takes jobs until there are no more.
pub(super) fn work(source: &Source, queue: &Receiver<Message>) {
    while let Ok(Some(job)) = queue.recv() {
        if catch_unwind(AssertUnwindSafe(|| serve(source, job))).is_err() {
            tracing::error!("a panic in a database thread was caught");
        }
    }
}

fn serve(source: &Source, mut job: Box<dyn Job>) {
    if job.abandoned() {
        return;
    }
    match source.connection(job.deadline()) {
        Err(error) => job.answer(Err(error)),
        Ok(mut conn) => {
            let outcome = run(&mut *job, &mut conn);
            source.health.learn(&conn);
            conn.touch();
            job.answer(outcome);
        }
    }
}

/// Runs a job on a connection of its own: a change first without a transaction, as it is one statement; when another change was faster, in a
/// transaction that holds what it reads, so that it comes to an end.
fn run(job: &mut dyn Job, conn: &mut Conn) -> Result<(), StoreError> {
    let mut held = job.kind() == Kind::Transaction;
    for attempt in 1..=ATTEMPTS {
        let step = if held {
            in_transaction(job, conn)?
        } else {
            job.attempt(conn, false)
        };
        match step {
            Step::Done | Step::Failed => return Ok(()),
            Step::Stale if held => return Ok(()),
            Step::Stale => held = true,
            Step::Again => pause(attempt),
        }
        if job.abandoned() || conn.late() {
            // The caller was told that it failed, or will be: it must not happen after all.
            return Err(waited());
        }
    }
    Ok(())
}

fn in_transaction(job: &mut dyn Job, conn: &mut Conn) -> Result<Step, StoreError> {
    conn.begin()?;
    let step = job.attempt(conn, true);
    if step != Step::Done {
        // If this fails the connection is thrown away, and the server does the same.
        let _ = conn.rollback();
        return Ok(step);
    }
    if conn.trouble.failed || conn.late() {
        let failed = conn.trouble.failed;
        let _ = conn.rollback();
        return Err(if failed {
            StoreError::internal("a statement of a transaction failed and was passed over")
        } else {
            waited()
        });
    }
    conn.commit().map(|()| step)
}

/// Some milliseconds, not the same for all.
fn pause(attempt: u32) {
    let spread = Instant::now().elapsed().subsec_nanos() % 8;
    std::thread::sleep(Duration::from_millis(u64::from(attempt * 4 + spread)));
}

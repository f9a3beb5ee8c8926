//! The one writer of an `SQLite` file: changes that wait are committed together, each in a savepoint of its own; and the thread that moves the
//! write-ahead log into the file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use super::connection::{Conn, Manager};
use super::error::StoreError;
use super::jobs::{Job, Step};
use super::queue::{Receiver, Sender};
use super::threads::{Message, Source, waited};

/// So many changes share one commit at most.
const GROUP: usize = 256;
/// So long after a commit its pages go into the file.
const CHECKPOINT: Duration = Duration::from_millis(250);
/// A longer log is emptied, however long that takes.
const LOG_LIMIT: u64 = 256 * 1024 * 1024;

/// Takes jobs until there are no more. `written` wakes the checkpoint thread.
pub(super) fn work(source: &Source, queue: &Receiver<Message>, written: &Sender<()>) {
    while let Ok(Some(job)) = queue.recv() {
        let served = catch_unwind(AssertUnwindSafe(|| serve(source, job, queue)));
        // A full channel has said it already.
        let _ = written.try_send(());
        match served {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => tracing::error!("a panic in the writing thread was caught"),
        }
    }
}

/// Commits `first` and what waits behind it. False when the end of the queue was met.
fn serve(source: &Source, first: Box<dyn Job>, queue: &Receiver<Message>) -> bool {
    let mut conn = match source.connection(first.deadline()) {
        Ok(conn) => conn,
        Err(error) => {
            first.answer(Err(error));
            return true;
        }
    };
    let mut group = Group::default();
    let outcome = group.run(&mut conn, first, queue);
    source.health.learn(&conn);
    let more = !group.ended;
    group.answer(&outcome);
    more
}

/// Jobs that share a commit.
#[derive(Default)]
struct Group {
    jobs: Vec<Box<dyn Job>>,
    full: bool,
    ended: bool,
}

impl Group {
    fn run(
        &mut self,
        conn: &mut Conn,
        first: Box<dyn Job>,
        queue: &Receiver<Message>,
    ) -> Result<(), StoreError> {
        self.jobs.push(first);
        conn.begin()?;
        let filled = self.fill(conn, queue);
        let done = match filled {
            Ok(()) => conn.commit(),
            Err(error) => {
                let _ = conn.rollback();
                Err(error)
            }
        };
        conn.trouble.full |= self.full;
        done
    }

    /// Runs the first job, then what waits, until nothing waits or something is wrong with the transaction.
    fn fill(&mut self, conn: &mut Conn, queue: &Receiver<Message>) -> Result<(), StoreError> {
        let mut next = self.jobs.pop();
        while let Some(job) = next.take() {
            self.run_one(conn, job)?;
            if self.jobs.len() >= GROUP || conn.is_broken() {
                break;
            }
            match queue.try_recv() {
                Ok(Some(job)) => next = Some(job),
                Ok(None) => self.ended = true,
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// One job in its savepoint. An error is one of the whole transaction.
    fn run_one(&mut self, conn: &mut Conn, mut job: Box<dyn Job>) -> Result<(), StoreError> {
        if job.abandoned() {
            return Ok(());
        }
        if job.deadline() <= std::time::Instant::now() {
            job.answer(Err(waited()));
            return Ok(());
        }
        if let Err(error) = conn.savepoint() {
            self.jobs.push(job);
            return Err(error);
        }
        let step = job.attempt(conn, true);
        let trouble = conn.trouble;
        self.full |= trouble.full;
        let closed = if step == Step::Done && !trouble.failed {
            conn.commit()
        } else {
            conn.rollback()
        };
        if step == Step::Done && trouble.failed {
            job.answer(Err(StoreError::internal(
                "a statement failed and was passed over",
            )));
        } else {
            self.jobs.push(job);
        }
        // A full disk may have ended the whole transaction, and then there is no savepoint to go back to.
        if trouble.full {
            Err(StoreError::Full)
        } else {
            closed
        }
    }

    fn answer(self, outcome: &Result<(), StoreError>) {
        for job in self.jobs {
            job.answer(outcome.clone());
        }
    }
}

/// Moves the log into the file a moment after there were writes, and empties it at the end.
pub(super) fn checkpoint(manager: &Manager, log: &Path, written: &Receiver<()>) {
    let mut mover = Mover {
        manager,
        conn: None,
        failing: false,
    };
    while written.recv().is_ok() {
        std::thread::sleep(CHECKPOINT);
        let long = std::fs::metadata(log).is_ok_and(|file| file.len() > LOG_LIMIT);
        mover.run("PRAGMA wal_checkpoint(PASSIVE)");
        if long {
            // The writer waits for this one: little is left to move.
            mover.run("PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }
    mover.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

/// The connection of the checkpoint thread.
struct Mover<'a> {
    manager: &'a Manager,
    conn: Option<Conn>,
    failing: bool,
}

impl Mover<'_> {
    /// Runs a checkpoint; logs the first of several failures.
    fn run(&mut self, words: &str) {
        if self.conn.is_none() {
            self.conn = r2d2::ManageConnection::connect(self.manager).ok();
        }
        let failure = self.conn.as_mut().and_then(|conn| conn.say(words).err());
        if let Some(error) = &failure {
            self.conn = None;
            if !self.failing {
                tracing::warn!(%error, "the write-ahead log cannot be moved into the database");
            }
        }
        self.failing = failure.is_some();
    }
}

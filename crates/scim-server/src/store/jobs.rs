//! A closure on its way to a database thread, and its answer on the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use tokio::sync::oneshot;

use super::connection::Conn;
use super::error::StoreError;

/// How a closure wants to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It reads; it is run once.
    Read,
    /// It reads and makes one change; it may be run again.
    Write,
    /// It makes several changes that belong together; it may be run again.
    Transaction,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// With a value.
    Done,
    /// With an error that stands.
    Failed,
    /// A change found another version: again, and hold the row this time.
    Stale,
    /// The database asked to run it again.
    Again,
}

/// What a database thread sees of a closure.
pub(super) trait Job: Send {
    fn kind(&self) -> Kind;
    /// When the caller stops waiting.
    fn deadline(&self) -> Instant;
    /// Whether the caller is gone.
    fn abandoned(&self) -> bool;
    /// Runs the closure; a panic in it becomes an error.
    fn attempt(&mut self, conn: &mut Conn, held: bool) -> Step;
    /// Sends the result of the last attempt, or this error instead.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A closure with its place for the result.
pub(super) struct Work<T, E, F> {
    kind: Kind,
    name: &'static str,
    deadline: Instant,
    run: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Work<T, E, F> {
    pub(super) fn new(
        kind: Kind,
        name: &'static str,
        deadline: Instant,
        run: F,
    ) -> (Work<T, E, F>, oneshot::Receiver<Result<T, E>>) {
        let (reply, receiver) = oneshot::channel();
        let work = Work {
            kind,
            name,
            deadline,
            run,
            result: None,
            reply,
        };
        (work, receiver)
    }
}

impl<T, E, F> Job for Work<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnMut(&mut Conn, bool) -> Result<T, E> + Send,
{
    fn kind(&self) -> Kind {
        self.kind
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn attempt(&mut self, conn: &mut Conn, held: bool) -> Step {
        conn.begin_attempt(self.deadline);
        let caught = catch_unwind(AssertUnwindSafe(|| (self.run)(conn, held)));
        let result = caught.unwrap_or_else(|_| {
            conn.break_off();
            conn.trouble = super::connection::Trouble::default();
            tracing::error!(job = self.name, "a panic in a database job was caught");
            Err(E::from(StoreError::internal("a panic in a database job")))
        });
        let step = match &result {
            Ok(_) => Step::Done,
            Err(_) if self.kind == Kind::Read => Step::Failed,
            Err(_) if conn.trouble.again => Step::Again,
            Err(_) if conn.trouble.stale => Step::Stale,
            Err(_) => Step::Failed,
        };
        self.result = Some(result);
        step
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (outcome, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(E::from(StoreError::internal("a database job was not run"))),
            (Err(error), _) => Err(E::from(error)),
        };
        // Nobody waits any more: nothing to tell.
        let _ = self.reply.send(result);
    }
}

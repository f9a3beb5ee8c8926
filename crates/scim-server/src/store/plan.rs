//! A change and all that belongs to it: either everything happens or nothing.
//!
//! The first statement, the guard, changes the resource itself if it still is what it was; the others follow only if it did. `PostgreSQL` gets all of
//! them as one statement, which is one way there and back; `SQLite` gets them one by one inside a savepoint.

use diesel::sql_types::{BigInt, Bool, Integer, Nullable};

use super::connection::Conn;
use super::dialect::IN_TIME;
use super::error::StoreError;
use super::sql::Sql;

/// The statements of a change.
pub(super) struct Plan<'a> {
    /// Holds the resources that the change refers to, as `m`; where it is needed.
    pub(super) hold: Option<Sql<'a>>,
    /// Selects the attributes, as `attr`, whose new unique keys belong to another resource.
    pub(super) taken: Option<Sql<'a>>,
    /// Changes one row of `resource`; ends within its WHERE.
    pub(super) guard: Sql<'a>,
    /// What follows.
    pub(super) then: Vec<Sql<'a>>,
}

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It happened.
    Done,
    /// It did not: another resource has the key of this attribute.
    Taken(i32),
    /// It did not: the guard found nothing.
    Refused,
}

/// Names of the statements after the guard, as many as a plan ever has.
const NAMES: [&str; 10] = [
    ", s1 AS (",
    ", s2 AS (",
    ", s3 AS (",
    ", s4 AS (",
    ", s5 AS (",
    ", s6 AS (",
    ", s7 AS (",
    ", s8 AS (",
    ", s9 AS (",
    ", s10 AS (",
];

impl Conn {
    /// Runs the plan.
    ///
    /// # Errors
    ///
    /// `Conflict` when a key was taken at the same moment, and what the database says.
    pub(super) fn change(&mut self, plan: Plan<'_>) -> Result<Outcome, StoreError> {
        let outcome = if self.dialect().joins_statements() {
            self.at_once(plan)?
        } else {
            self.one_by_one(plan)?
        };
        self.trouble.changed |= outcome == Outcome::Done;
        Ok(outcome)
    }

    fn at_once(&mut self, plan: Plan<'_>) -> Result<Outcome, StoreError> {
        let deadline = self.server_deadline();
        let sql = joined(plan, deadline);
        let row = self.first::<(BigInt, Nullable<Integer>, Bool), (i64, Option<i32>, bool)>(sql)?;
        match row {
            Some((1, _, _)) => Ok(Outcome::Done),
            Some((_, Some(attr), _)) => Ok(Outcome::Taken(attr)),
            Some((_, None, true)) => Ok(Outcome::Refused),
            _ => {
                // Too late, or the server's clock was set: a new connection reads it anew.
                self.break_off();
                Err(StoreError::unavailable("the change came too late"))
            }
        }
    }

    fn one_by_one(&mut self, plan: Plan<'_>) -> Result<Outcome, StoreError> {
        if let Some(taken) = plan.taken
            && let Some((attr,)) = self.first::<(Integer,), (i32,)>(taken)?
        {
            return Ok(Outcome::Taken(attr));
        }
        if self.exec(plan.guard)? == 0 {
            return Ok(Outcome::Refused);
        }
        for sql in plan.then {
            self.exec(sql)?;
        }
        Ok(Outcome::Done)
    }
}

/// The whole plan as one statement that answers: rows changed by the guard, an attribute that is taken, whether it was in time.
fn joined(plan: Plan<'_>, deadline: i64) -> Sql<'_> {
    let start = match plan.hold {
        Some(hold) => Sql::new("WITH m AS MATERIALIZED (")
            .append(hold)
            .then("), "),
        None => Sql::new("WITH "),
    };
    let (start, taken) = match plan.taken {
        Some(taken) => (
            start
                .then("t AS (")
                .append(taken)
                .then("), g AS (")
                .append(plan.guard)
                .then(" AND NOT EXISTS (SELECT 1 FROM t)"),
            "(SELECT attr FROM t LIMIT 1)",
        ),
        None => (
            start.then("g AS (").append(plan.guard),
            "CAST(NULL AS integer)",
        ),
    };
    debug_assert!(
        plan.then.len() <= NAMES.len(),
        "a plan with too many statements"
    );
    let mut sql = start
        .then(" AND ")
        .then(IN_TIME)
        .bind(deadline)
        .then(" RETURNING rid)");
    for (name, next) in NAMES.into_iter().zip(plan.then) {
        sql = sql.then(name).append(next).then(")");
    }
    sql.then(" SELECT (SELECT count(*) FROM g), ")
        .then(taken)
        .then(", ")
        .then(IN_TIME)
        .bind(deadline)
}

//! Every difference between `PostgreSQL` and `SQLite`: types, words of SQL, session settings, and what an error means.

use std::time::Duration;

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::SqlType;
use diesel::sqlite::{Sqlite, SqliteValue};
use uuid::Uuid;

use super::error::{OpenError, StoreError};
use super::model::TenantId;
use super::sql::Sql;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// The SQL type of an id: `uuid` there, a `BLOB` of 16 bytes here. Both sort by bytes.
#[derive(Debug, Clone, Copy, Default, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub(super) struct RidSql;

/// An id as it is bound and read.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = RidSql)]
pub(super) struct Rid(pub(super) Uuid);

impl ToSql<RidSql, Pg> for Rid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        std::io::Write::write_all(out, self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<RidSql, Sqlite> for Rid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<RidSql, Pg> for Rid {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Rid(Uuid::from_slice(value.as_bytes())?))
    }
}

impl FromSql<RidSql, Sqlite> for Rid {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Rid(Uuid::from_slice(value.read_blob())?))
    }
}

/// The words that differ.
impl Dialect {
    /// The items of a JSON list, bound as text: rows `e` with the column `value`.
    pub(super) fn list(self) -> &'static str {
        match self {
            Dialect::Postgres => "json_array_elements(?::json) AS e(value)",
            Dialect::Sqlite => "json_each(?) AS e",
        }
    }

    /// The ids of a list that is bound as [`Dialect::id_list`] writes it: rows `e` with the id as [`Dialect::id`].
    pub(super) fn ids(self) -> &'static str {
        match self {
            Dialect::Postgres => "unnest(CAST(? AS uuid[])) AS e(rid)",
            Dialect::Sqlite => "json_each(?) AS e",
        }
    }

    /// The id in such a row.
    pub(super) fn id(self) -> &'static str {
        match self {
            Dialect::Postgres => "e.rid",
            Dialect::Sqlite => "unhex(e.value)",
        }
    }

    /// Ids as one text to bind: an array there, which is read three times as fast as JSON.
    pub(super) fn id_list(self, ids: &[Uuid]) -> String {
        let (begin, quote, end) = match self {
            Dialect::Postgres => ('{', "", '}'),
            Dialect::Sqlite => ('[', "\"", ']'),
        };
        let mut text = String::with_capacity(ids.len() * 35 + 2);
        text.push(begin);
        for (nth, id) in ids.iter().enumerate() {
            if nth > 0 {
                text.push(',');
            }
            text.push_str(quote);
            text.push_str(id.simple().encode_lower(&mut Uuid::encode_buffer()));
            text.push_str(quote);
        }
        text.push(end);
        text
    }

    /// An id in an item of a list, 32 hexadecimal digits.
    pub(super) fn listed_id(self) -> &'static str {
        match self {
            Dialect::Postgres => "(e.value->>0)::uuid",
            Dialect::Sqlite => "unhex(e.value->>0)",
        }
    }

    /// The second id in such an item.
    pub(super) fn second_listed_id(self) -> &'static str {
        match self {
            Dialect::Postgres => "(e.value->>1)::uuid",
            Dialect::Sqlite => "unhex(e.value->>1)",
        }
    }

    /// Joins to each `rid` of `p` its document, by one probe of the primary key for each. Binds tenant and resource type.
    ///
    /// `PostgreSQL` gets no choice of another join: a plan made while the table was small would read all of it later.
    pub(super) fn documents(self) -> &'static str {
        match self {
            Dialect::Postgres => {
                " FROM p CROSS JOIN LATERAL (SELECT * FROM resource x
                  WHERE x.tenant_id = ? AND x.rtype = ? AND x.rid = p.rid LIMIT 1) r"
            }
            Dialect::Sqlite => {
                " FROM p CROSS JOIN resource r ON r.tenant_id = ? AND r.rtype = ? AND r.rid = p.rid"
            }
        }
    }

    /// Joins to each `rid` of `p` the resource of a type, if there is one. Binds tenant and resource type. `hold` keeps it from being
    /// deleted until the end of the transaction.
    pub(super) fn existing(self, hold: bool) -> &'static str {
        match (self, hold) {
            (Dialect::Postgres, true) => {
                " FROM p CROSS JOIN LATERAL (SELECT x.rid FROM resource x
                  WHERE x.tenant_id = ? AND x.rtype = ? AND x.rid = p.rid LIMIT 1 FOR KEY SHARE) r"
            }
            (Dialect::Postgres, false) | (Dialect::Sqlite, _) => self.documents(),
        }
    }

    /// The same where `p` names the type of each too, as `rtype`: always held. Binds the tenant. `SQLite` has one writer, who holds everything.
    pub(super) fn existing_of_their_type(self) -> Option<&'static str> {
        match self {
            Dialect::Postgres => Some(
                " CROSS JOIN LATERAL (SELECT x.rid FROM resource x
                  WHERE x.tenant_id = ? AND x.rtype = p.rtype AND x.rid = p.rid LIMIT 1 FOR KEY SHARE) r",
            ),
            Dialect::Sqlite => None,
        }
    }

    /// Joins rows of `group_member` as `m` to each row before, on the condition that stands between the two: each time by one of its
    /// indexes, whatever the planner thinks.
    pub(super) fn members_of_each(self) -> (&'static str, &'static str) {
        match self {
            Dialect::Postgres => (
                "CROSS JOIN LATERAL (SELECT m.* FROM group_member m WHERE ",
                " OFFSET 0) m",
            ),
            Dialect::Sqlite => ("CROSS JOIN group_member m ON ", ""),
        }
    }

    /// Members as one text: for each the 32 hexadecimal digits of its id and the number of its type, with commas between.
    pub(super) fn joined_members(self) -> &'static str {
        match self {
            Dialect::Postgres => {
                "string_agg(encode(uuid_send(m.member_id), 'hex') || m.rtype, ',')"
            }
            Dialect::Sqlite => "group_concat(hex(m.member_id) || m.rtype, ',')",
        }
    }

    /// The condition that a key `k.skey` holds a text.
    pub(super) fn contains(self) -> &'static str {
        match self {
            Dialect::Postgres => " AND strpos(k.skey, ?) > 0",
            Dialect::Sqlite => " AND instr(k.skey, ?) > 0",
        }
    }

    /// The condition that a key `k.skey` ends with a text, which is bound twice.
    pub(super) fn ends_with(self) -> &'static str {
        match self {
            Dialect::Postgres => " AND right(k.skey, length(?)) = ?",
            Dialect::Sqlite => " AND substr(k.skey, -length(?)) = ?",
        }
    }

    /// The condition that a document `r.doc` holds a text, in any letter case of ASCII.
    pub(super) fn document_holds(self) -> &'static str {
        match self {
            Dialect::Postgres => " AND strpos(lower(r.doc), ?) > 0",
            Dialect::Sqlite => " AND instr(lower(r.doc), ?) > 0",
        }
    }

    /// Holds a row until the end of the transaction: its other columns may change, but not while somebody holds it exclusively.
    pub(super) fn hold_reference(self) -> &'static str {
        match self {
            Dialect::Postgres => " FOR KEY SHARE",
            Dialect::Sqlite => "",
        }
    }

    /// The hexadecimal digits of a member's id.
    pub(super) fn member_id(self) -> &'static str {
        match self {
            Dialect::Postgres => "encode(uuid_send(m.member_id), 'hex')",
            Dialect::Sqlite => "hex(m.member_id)",
        }
    }

    /// The memberships of a member, by their index: without statistics `SQLite` would go through all of the tenant's.
    pub(super) fn memberships(self) -> &'static str {
        match self {
            Dialect::Postgres => "group_member",
            Dialect::Sqlite => "group_member INDEXED BY group_member_by_member",
        }
    }

    /// Which resources of a type have their ids in a list: each found by one probe of the primary key, whatever the planner thinks. Binds
    /// tenant, resource type and list.
    pub(super) fn resources_listed(self) -> &'static str {
        match self {
            Dialect::Postgres => {
                "ctid = ANY (ARRAY(SELECT (SELECT x.ctid FROM resource x WHERE x.tenant_id = ? AND x.rtype = ?
                 AND x.rid = (e.value->>0)::uuid) FROM json_array_elements(?::json) AS e(value)))"
            }
            Dialect::Sqlite => {
                "rowid IN (SELECT (SELECT x.rowid FROM resource x WHERE x.tenant_id = ? AND x.rtype = ?
                 AND x.rid = unhex(e.value->>0)) FROM json_each(?) AS e)"
            }
        }
    }

    /// The later of `modified` and a moment that is bound.
    pub(super) fn later_modified(self) -> &'static str {
        match self {
            Dialect::Postgres => "greatest(modified, ?)",
            Dialect::Sqlite => "max(modified, ?)",
        }
    }

    /// Whether an OFFSET reads the documents it passes over. `SQLite` looks at the key alone.
    pub(super) fn passes_over_documents(self) -> bool {
        self == Dialect::Postgres
    }

    /// Holds the row until the end of the transaction; others may still refer to it. `SQLite` has one writer, who holds everything.
    pub(super) fn hold(self) -> &'static str {
        match self {
            Dialect::Postgres => " FOR NO KEY UPDATE OF r",
            Dialect::Sqlite => "",
        }
    }

    /// The same, and nobody can refer to it either.
    pub(super) fn hold_exclusively(self) -> &'static str {
        match self {
            Dialect::Postgres => " FOR UPDATE OF r",
            Dialect::Sqlite => "",
        }
    }

    /// Holds rows one after the other in the order of their ids; `None` where there is no need.
    pub(super) fn hold_in_order(self) -> Option<&'static str> {
        match self {
            Dialect::Postgres => Some(" ORDER BY r.rid FOR NO KEY UPDATE OF r"),
            Dialect::Sqlite => None,
        }
    }

    /// Whether a change and all that belongs to it is sent as one statement; else one by one, in a transaction.
    pub(super) fn joins_statements(self) -> bool {
        self == Dialect::Postgres
    }

    /// The condition under which the statements after the first of a change do something.
    pub(super) fn guarded(self) -> &'static str {
        match self {
            Dialect::Postgres => "EXISTS (SELECT 1 FROM g)",
            Dialect::Sqlite => "true",
        }
    }

    /// The slot in which a resource is counted: writers of one tenant meet in one of 16 on `PostgreSQL`; `SQLite` has one writer.
    pub(super) fn slot(self, id: Uuid) -> i16 {
        match self {
            Dialect::Postgres => i16::from(id.as_bytes().last().copied().unwrap_or_default() % 16),
            Dialect::Sqlite => 0,
        }
    }

    /// The position of a new change: the transaction's id, or the next number that the one writer counts.
    pub(super) fn position<'a>(self, tenant: TenantId) -> Sql<'a> {
        match self {
            Dialect::Postgres => Sql::new("CAST(CAST(pg_current_xact_id() AS text) AS bigint)"),
            Dialect::Sqlite => {
                Sql::new("(SELECT coalesce(max(position), 0) + 1 FROM change WHERE tenant_id = ?)")
                    .bind(tenant)
            }
        }
    }

    /// Keeps a reader of changes before the oldest transaction that still runs: what commits late is not passed by.
    pub(super) fn settled(self) -> &'static str {
        match self {
            Dialect::Postgres => {
                " AND position < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"
            }
            Dialect::Sqlite => "",
        }
    }

    /// Lets the running transaction take its time.
    pub(super) fn unhurried(self) -> Option<&'static str> {
        match self {
            Dialect::Postgres => Some("SET LOCAL statement_timeout = 0"),
            Dialect::Sqlite => None,
        }
    }
}

/// What a session of a `PostgreSQL` server begins with.
///
/// No sequential scans: every statement has its index, and a plan that was made while a table was tiny must not read all of it when it is not.
/// One plan for all values: what a statement does is fixed by its text, and planning it anew takes longer than running it.
pub(super) fn postgres_session(timeout: Duration) -> String {
    let timeout = timeout.as_millis();
    format!(
        "SET statement_timeout = {timeout}; SET idle_in_transaction_session_timeout = {timeout};
         SET default_transaction_isolation = 'read committed'; SET jit = off; SET enable_seqscan = off;
         SET plan_cache_mode = force_generic_plan"
    )
}

/// Whether a statement is run before its caller was told that it will not be; binds microseconds since 1970. For changes that are sent as one
/// statement: the server may have hung in between.
pub(super) const IN_TIME: &str =
    "clock_timestamp() < timestamptz 'epoch' + ? * interval '1 microsecond'";

/// The server's clock.
pub(super) const POSTGRES_CLOCK: &str =
    "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)";

/// Only one node migrates at a time. The number is arbitrary and ours.
pub(super) const POSTGRES_MIGRATION_LOCK: &str =
    "SET statement_timeout = 0; SELECT pg_advisory_lock(7283648501926451)";

/// What every connection to an `SQLite` file begins with. An acknowledged write is on the disk: `synchronous = FULL`.
pub(super) const SQLITE_SESSION: [&str; 6] = [
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",
];

/// Readers cannot write, whatever they are asked.
pub(super) const SQLITE_READER: &str = "PRAGMA query_only = ON";

/// The writer leaves checkpoints to a thread of their own.
pub(super) const SQLITE_WRITER: &str = "PRAGMA wal_autocheckpoint = 0";

/// The oldest `SQLite` without the bug that corrupts a WAL file with several connections.
const SQLITE_OLDEST: [u32; 3] = [3, 51, 3];

/// Refuses an older one.
pub(super) fn new_enough(version: &str) -> Result<(), OpenError> {
    let numbers: Vec<u32> = version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    if numbers.as_slice() >= SQLITE_OLDEST.as_slice() {
        return Ok(());
    }
    Err(OpenError::new(format!(
        "SQLite {version} is too old: 3.51.3 or later is needed, as older ones can corrupt a file with several connections"
    )))
}

/// What an error of the database means to us.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) error: StoreError,
    /// The connection must not be used again.
    pub(super) broken: bool,
    /// The same may succeed if it is run again at once.
    pub(super) again: bool,
}

impl Verdict {
    fn new(error: StoreError) -> Verdict {
        Verdict {
            error,
            broken: false,
            again: false,
        }
    }

    fn broken(error: StoreError) -> Verdict {
        Verdict {
            broken: true,
            ..Verdict::new(error)
        }
    }

    fn again(error: StoreError) -> Verdict {
        Verdict {
            again: true,
            ..Verdict::new(error)
        }
    }
}

/// Words by which either database says that it cannot now. Diesel does not hand out the codes.
const AWAY: [&str; 18] = [
    // PostgreSQL
    "canceling statement",
    "terminating connection",
    "the database system is",
    "server closed the connection",
    "connection",
    "cached plan must not change",
    "prepared statement",
    "out of memory",
    "out of shared memory",
    "too many",
    "in a read-only transaction",
    "recovery",
    // SQLite
    "locked",
    "disk I/O error",
    "unable to open database file",
    "readonly database",
    "malformed",
    "not a database",
];

/// A text with U+0000, which `PostgreSQL` cannot hold: a mistake of the caller, and no reason to connect anew.
const REFUSED: [&str; 2] = [
    "invalid byte sequence",
    "unsupported Unicode escape sequence",
];

const FULL: [&str; 4] = [
    "No space left on device",
    "could not extend file",
    "disk is full",
    "Disk quota exceeded",
];

/// Reads an error of either database.
pub(super) fn verdict(error: &Error) -> Verdict {
    let Error::DatabaseError(kind, info) = error else {
        return Verdict::broken(StoreError::internal(error.to_string()));
    };
    let message = info.message();
    match kind {
        DatabaseErrorKind::UniqueViolation => Verdict::new(duplicate(&**info)),
        DatabaseErrorKind::SerializationFailure => Verdict::again(StoreError::unavailable(message)),
        DatabaseErrorKind::ReadOnlyTransaction
        | DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::UnableToSendCommand => {
            Verdict::broken(StoreError::unavailable(message.trim()))
        }
        _ if message.contains("deadlock detected") => {
            Verdict::again(StoreError::unavailable(message))
        }
        _ if FULL.iter().any(|words| message.contains(words)) => Verdict::broken(StoreError::Full),
        _ if AWAY.iter().any(|words| message.contains(words)) => {
            Verdict::broken(StoreError::unavailable(message.trim()))
        }
        _ if REFUSED.iter().any(|words| message.contains(words)) => {
            Verdict::new(StoreError::internal("a text with U+0000"))
        }
        _ => Verdict::broken(StoreError::internal(message.trim())),
    }
}

/// Which unique key it was. `PostgreSQL` names the constraint and the values, `SQLite` the columns.
fn duplicate(info: &dyn DatabaseErrorInformation) -> StoreError {
    let constraint = info.constraint_name().unwrap_or_default();
    if constraint == "tenant_slug" || info.message().ends_with("tenant.slug") {
        return StoreError::SlugTaken;
    }
    match info
        .details()
        .filter(|_| constraint == "attr_unique_pkey")
        .and_then(taken_attribute)
    {
        Some(attr) => StoreError::Conflict { attr },
        None => StoreError::internal("a key that must be unique is there twice"),
    }
}

/// The second value in `Key (tenant_id, attr_id, skey)=(1, 2, ada) already exists.`
fn taken_attribute(details: &str) -> Option<i32> {
    let (_, values) = details.split_once(")=(")?;
    values.split(", ").nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_taken_attribute_is_in_the_details() {
        for (details, attr) in [
            (
                "Key (tenant_id, attr_id, skey)=(12, 34, ada) already exists.",
                Some(34),
            ),
            (
                "Schlüssel »(tenant_id, attr_id, skey)=(12, 7, a, b)« existiert bereits.",
                Some(7),
            ),
            ("nothing", None),
        ] {
            assert_eq!(taken_attribute(details), attr, "{details}");
        }
    }

    #[test]
    fn an_old_sqlite_is_refused() {
        for (version, fine) in [
            ("3.51.3", true),
            ("3.53.2", true),
            ("4.0.0", true),
            ("3.51.2", false),
            ("3.9.9", false),
            ("3.51", false),
            ("", false),
        ] {
            assert_eq!(new_enough(version).is_ok(), fine, "{version}");
        }
    }

    #[test]
    fn errors_are_told_apart_by_their_words() {
        let verdict = |kind, text: &str| {
            let verdict = verdict(&Error::DatabaseError(kind, Box::new(text.to_owned())));
            let name = match verdict.error {
                StoreError::Unavailable(_) => "unavailable",
                StoreError::Full => "full",
                StoreError::SlugTaken => "slug",
                _ => "internal",
            };
            (name, verdict.broken, verdict.again)
        };
        use DatabaseErrorKind::{ClosedConnection, SerializationFailure, UniqueViolation, Unknown};
        for (kind, text, expected) in [
            (Unknown, "database is locked", ("unavailable", true, false)),
            (Unknown, "database or disk is full", ("full", true, false)),
            (
                Unknown,
                "could not extend file \"base/5/1\": No space left on device",
                ("full", true, false),
            ),
            (
                Unknown,
                "canceling statement due to statement timeout",
                ("unavailable", true, false),
            ),
            (Unknown, "deadlock detected", ("unavailable", false, true)),
            (
                SerializationFailure,
                "could not serialize",
                ("unavailable", false, true),
            ),
            (ClosedConnection, "", ("unavailable", true, false)),
            (
                UniqueViolation,
                "UNIQUE constraint failed: tenant.slug",
                ("slug", false, false),
            ),
            (
                Unknown,
                "syntax error at or near \"x\"",
                ("internal", true, false),
            ),
        ] {
            assert_eq!(verdict(kind, text), expected, "{text}");
        }
    }
}

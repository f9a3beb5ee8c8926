//! Statements as static text and typed binds: a value can never become SQL.
//!
//! A statement is written with `?` for each value. Diesel writes `$1` or `?` in their place and caches the prepared statement by its text, so a
//! statement of a fixed shape is prepared once for each connection. Text comes from string literals alone (`&'static str`), values from binds alone.
//!
//! A limit is written `LIMIT CAST(? AS bigint)`: for a bare `LIMIT ?` `SQLite` plans by the value, and so prepares the statement again each time.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Bool, HasSqlType, Integer, Nullable, SmallInt, Text};
use diesel::{Connection, RunQueryDsl};
use uuid::Uuid;

use super::dialect::{Rid, RidSql};
use super::model::TenantId;

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bind<'a> {
    Small(i16),
    Int(i32),
    Big(i64),
    MaybeBig(Option<i64>),
    Bool(bool),
    Text(&'a str),
    MaybeText(Option<&'a str>),
    Bytes(&'a [u8]),
    Rid(Rid),
}

/// A statement under construction.
#[derive(Debug, Clone, Default)]
pub(super) struct Sql<'a> {
    text: Vec<&'static str>,
    binds: Vec<Bind<'a>>,
    /// Whether its text is one of so many that none is worth keeping prepared.
    uncached: bool,
}

impl<'a> Sql<'a> {
    /// Begins with `text`.
    pub(super) fn new(text: &'static str) -> Sql<'a> {
        let empty = Sql {
            text: Vec::with_capacity(4),
            binds: Vec::with_capacity(8),
            uncached: false,
        };
        empty.then(text)
    }

    /// Goes on with `text`.
    pub(super) fn then(mut self, text: &'static str) -> Sql<'a> {
        debug_assert!(!text.contains("LIMIT ?"), "see above: {text}");
        self.text.push(text);
        self
    }

    /// Gives the value of the next `?`.
    pub(super) fn bind(mut self, value: impl Into<Bind<'a>>) -> Sql<'a> {
        self.binds.push(value.into());
        self
    }

    /// Goes on with another piece and its values.
    pub(super) fn append(mut self, other: Sql<'a>) -> Sql<'a> {
        self.text.extend(other.text);
        self.binds.extend(other.binds);
        self.uncached |= other.uncached;
        self
    }

    /// Has it prepared anew each time: its text hangs on what a client asks, and prepared statements are kept for good.
    pub(super) fn uncached(mut self) -> Sql<'a> {
        self.uncached = true;
        self
    }

    /// The text as `PostgreSQL` takes it, and how many values it has.
    #[cfg(test)]
    pub(super) fn numbered(&self) -> (String, usize) {
        let text = self.text.concat();
        let mut parts = text.split('?');
        let mut numbered = parts.next().unwrap_or_default().to_owned();
        for (number, part) in parts.enumerate() {
            numbered.push_str(&format!("${}{part}", number + 1));
        }
        (numbered, self.binds.len())
    }

    /// Says of which types the columns of the answer are.
    pub(super) fn rows<T>(self) -> Rows<'a, T> {
        Rows {
            sql: self,
            types: PhantomData,
        }
    }
}

macro_rules! bind_from {
    ($($type:ty => $variant:ident),*) => {
        $(impl<'a> From<$type> for Bind<'a> {
            fn from(value: $type) -> Bind<'a> {
                Bind::$variant(value)
            }
        })*
    };
}
bind_from!(i16 => Small, i32 => Int, i64 => Big, Option<i64> => MaybeBig, bool => Bool, &'a str => Text, Option<&'a str> => MaybeText, &'a [u8] => Bytes);

impl From<Uuid> for Bind<'_> {
    fn from(value: Uuid) -> Self {
        Bind::Rid(Rid(value))
    }
}

impl From<TenantId> for Bind<'_> {
    fn from(value: TenantId) -> Self {
        Bind::Big(value.get())
    }
}

impl<'a> From<&'a String> for Bind<'a> {
    fn from(value: &'a String) -> Self {
        Bind::Text(value)
    }
}

/// Not static, so the cache of prepared statements goes by the text.
impl QueryId for Sql<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB> QueryFragment<DB> for Sql<'_>
where
    DB: Backend + HasSqlType<RidSql> + HasSqlType<Bool>,
    i16: ToSql<SmallInt, DB>,
    i32: ToSql<Integer, DB>,
    i64: ToSql<BigInt, DB>,
    bool: ToSql<Bool, DB>,
    str: ToSql<Text, DB>,
    [u8]: ToSql<Binary, DB>,
    Rid: ToSql<RidSql, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if self.uncached {
            out.unsafe_to_cache_prepared();
        }
        let mut binds = self.binds.iter();
        for piece in &self.text {
            for (number, part) in piece.split('?').enumerate() {
                if number > 0 {
                    match binds.next().ok_or_else(miscounted)? {
                        Bind::Small(value) => out.push_bind_param::<SmallInt, _>(value),
                        Bind::Int(value) => out.push_bind_param::<Integer, _>(value),
                        Bind::Big(value) => out.push_bind_param::<BigInt, _>(value),
                        Bind::MaybeBig(value) => out.push_bind_param::<Nullable<BigInt>, _>(value),
                        Bind::Bool(value) => out.push_bind_param::<Bool, _>(value),
                        Bind::Text(value) => out.push_bind_param::<Text, _>(*value),
                        Bind::MaybeText(value) => out.push_bind_param::<Nullable<Text>, _>(value),
                        Bind::Bytes(value) => out.push_bind_param::<Binary, _>(*value),
                        Bind::Rid(value) => out.push_bind_param::<RidSql, _>(value),
                    }?;
                }
                out.push_sql(part);
            }
        }
        binds.next().map_or(Ok(()), |_| Err(miscounted()))
    }
}

fn miscounted() -> diesel::result::Error {
    diesel::result::Error::QueryBuilderError("a statement has not as many values as places".into())
}

impl<C: Connection> RunQueryDsl<C> for Sql<'_> {}

/// A statement that answers rows with columns of the SQL types `T`.
#[derive(Debug)]
pub(super) struct Rows<'a, T> {
    sql: Sql<'a>,
    types: PhantomData<T>,
}

impl<T> QueryId for Rows<'_, T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<'a, T, DB: Backend> QueryFragment<DB> for Rows<'a, T>
where
    Sql<'a>: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.sql.walk_ast(out)
    }
}

impl<T> Query for Rows<'_, T> {
    type SqlType = T;
}

impl<C: Connection, T> RunQueryDsl<C> for Rows<'_, T> {}

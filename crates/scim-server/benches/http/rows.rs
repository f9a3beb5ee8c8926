//! The two statements that a bare read consists of, in diesel's own language: prepared once for each connection.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::SqlType;
use diesel::sqlite::{Sqlite, SqliteValue};
use uuid::Uuid;

/// `uuid` on PostgreSQL, a BLOB on SQLite.
#[derive(Debug, Clone, Copy, Default, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct RidSql;

/// The id of a resource.
#[derive(Debug, Clone, Copy, diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
#[diesel(sql_type = RidSql)]
pub(crate) struct Rid(pub(crate) Uuid);

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

diesel::table! {
    use diesel::sql_types::{BigInt, SmallInt, Text};
    use super::RidSql;

    resource (tenant_id, rtype, rid) {
        tenant_id -> BigInt,
        rtype -> SmallInt,
        rid -> RidSql,
        version -> BigInt,
        created -> BigInt,
        modified -> BigInt,
        doc -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Text};
    use super::RidSql;

    attr_unique (tenant_id, attr_id, skey) {
        tenant_id -> BigInt,
        attr_id -> Integer,
        skey -> Text,
        rid -> RidSql,
    }
}

diesel::allow_tables_to_appear_in_same_query!(resource, attr_unique);

/// Id, version, created, modified, document.
pub(crate) type Row = (Rid, i64, i64, i64, String);

/// Where to look.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) tenant: i64,
    pub(crate) rtype: i16,
    /// The number of `userName`.
    pub(crate) attr: i32,
}

/// The row of a resource.
macro_rules! get {
    ($conn:expr, $place:expr, $id:expr) => {{
        use $crate::rows::resource::dsl;
        dsl::resource
            .filter(dsl::tenant_id.eq($place.tenant))
            .filter(dsl::rtype.eq($place.rtype))
            .filter(dsl::rid.eq($crate::rows::Rid($id)))
            .select((
                dsl::rid,
                dsl::version,
                dsl::created,
                dsl::modified,
                dsl::doc,
            ))
            .get_result::<$crate::rows::Row>($conn)
    }};
}

/// The row of the resource with a unique key.
macro_rules! find {
    ($conn:expr, $place:expr, $skey:expr) => {{
        use $crate::rows::attr_unique::dsl as key;
        use $crate::rows::resource::dsl;
        let joined = dsl::tenant_id
            .eq(key::tenant_id)
            .and(dsl::rid.eq(key::rid))
            .and(dsl::rtype.eq($place.rtype));
        key::attr_unique
            .inner_join(dsl::resource.on(joined))
            .filter(key::tenant_id.eq($place.tenant))
            .filter(key::attr_id.eq($place.attr))
            .filter(key::skey.eq($skey))
            .select((
                dsl::rid,
                dsl::version,
                dsl::created,
                dsl::modified,
                dsl::doc,
            ))
            .get_result::<$crate::rows::Row>($conn)
    }};
}

pub(crate) use {find, get};

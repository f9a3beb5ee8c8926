//! Reading a tenant's resources: by id, by key, page by page. [`Reader`] knows its tenant and adds it to every statement.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use uuid::Uuid;

use super::connection::Conn;
use super::dialect::{Rid, RidSql};
use super::error::StoreError;
use super::model::{Stored, TenantId};
use super::sql::Sql;

/// Reads one tenant's rows.
#[derive(Debug)]
pub struct Reader<'c> {
    pub(super) conn: &'c mut Conn,
    pub(super) tenant: TenantId,
    /// Whether what is read is held until the end of the transaction.
    pub(super) held: bool,
    /// Whether [`Stored::is_member`] is looked up.
    pub(super) marks: bool,
}

/// The columns of a resource, in the order of [`Row`]; and the same with the mark of a member in place of `false`.
const COLUMNS: &str = "r.rid, r.version, r.created, r.modified, r.doc, r.secret, r.members, false";
const MARKED: &str = "r.rid, r.version, r.created, r.modified, r.doc, r.secret, r.members, (SELECT 1 FROM group_member k
     WHERE k.tenant_id = r.tenant_id AND k.member_id = r.rid LIMIT 1) IS NOT NULL";
pub(super) type Types = (
    RidSql,
    BigInt,
    BigInt,
    BigInt,
    Text,
    Nullable<Text>,
    BigInt,
    Bool,
);
pub(super) type Row = (Rid, i64, i64, i64, String, Option<String>, i64, bool);

const COUNT: &str = "SELECT CAST(coalesce(sum(n), 0) AS bigint) AS n FROM resource_count WHERE tenant_id = ? AND rtype = ?";

pub(super) fn stored(
    (id, version, created, modified, doc, secret, members, is_member): Row,
) -> Stored {
    Stored {
        id: id.0,
        version,
        created,
        modified,
        doc,
        secret,
        members,
        is_member,
    }
}

impl Reader<'_> {
    /// Looks up from now on whether what is read is a member of a group, or does not; at first it does not, and [`Stored::is_member`] is false.
    pub fn mark_members(&mut self, marks: bool) {
        self.marks = marks;
    }

    pub(super) fn column_names(&self) -> &'static str {
        if self.marks { MARKED } else { COLUMNS }
    }

    fn columns<'a>(&self) -> Sql<'a> {
        Sql::new("SELECT ").then(self.column_names())
    }

    /// The resource with this id.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn get(&mut self, rtype: i16, id: Uuid) -> Result<Option<Stored>, StoreError> {
        let sql = self.by_id(rtype, id);
        self.one(sql)
    }

    /// The same, held until the end of the transaction so that nobody else can even refer to it.
    pub(super) fn get_exclusively(
        &mut self,
        rtype: i16,
        id: Uuid,
    ) -> Result<Option<Stored>, StoreError> {
        let held = self.conn.dialect().hold_exclusively();
        let sql = self.by_id(rtype, id).then(held);
        Ok(self.conn.first::<Types, Row>(sql)?.map(stored))
    }

    pub(super) fn by_id<'a>(&self, rtype: i16, id: Uuid) -> Sql<'a> {
        self.columns()
            .then(" FROM resource r WHERE r.tenant_id = ? AND r.rtype = ? AND r.rid = ?")
            .bind(self.tenant)
            .bind(rtype)
            .bind(id)
    }

    /// The resource with this value of a unique attribute.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn by_unique(
        &mut self,
        rtype: i16,
        attr: i32,
        skey: &str,
    ) -> Result<Option<Stored>, StoreError> {
        let sql = self.columns()
            .then(
                " FROM attr_unique u JOIN resource r ON r.tenant_id = u.tenant_id AND r.rtype = ? AND r.rid = u.rid
                 WHERE u.tenant_id = ? AND u.attr_id = ? AND u.skey = ?",
            )
            .bind(rtype)
            .bind(self.tenant)
            .bind(attr)
            .bind(skey);
        self.one(sql)
    }

    /// Up to `limit` resources from the one at `offset`, in the order of creation, and how many there are in all, both at the same moment.
    ///
    /// # Errors
    ///
    /// What the database says. An offset or a limit below 0 is 0.
    pub fn page(
        &mut self,
        rtype: i16,
        offset: i64,
        limit: i64,
    ) -> Result<(Vec<Stored>, i64), StoreError> {
        let (offset, limit) = (offset.max(0), limit.max(0));
        let ids_first = offset > 0 && self.conn.dialect().passes_over_documents();
        let start = if ids_first {
            // Only ids are passed over, not documents.
            Sql::new(
                "WITH p AS MATERIALIZED (SELECT x.rid FROM resource x
                 WHERE x.tenant_id = ? AND x.rtype = ? ORDER BY x.rid LIMIT CAST(? AS bigint) OFFSET ?) ",
            )
            .bind(self.tenant)
            .bind(rtype)
            .bind(limit)
            .bind(offset)
        } else {
            Sql::default()
        };
        let sql = start
            .then("SELECT (")
            .append(self.counted(rtype))
            .then("), ")
            .then(self.column_names());
        let sql = if ids_first {
            sql.append(self.documents(rtype))
        } else {
            sql.then(" FROM resource r WHERE r.tenant_id = ? AND r.rtype = ? ORDER BY r.rid LIMIT CAST(? AS bigint) OFFSET ?")
                .bind(self.tenant)
                .bind(rtype)
                .bind(limit)
                .bind(offset)
        };
        let mut rows = self.conn.load::<(BigInt, Types), (i64, Row)>(sql)?;
        rows.sort_unstable_by_key(|(_, row)| row.0.0);
        let total = match rows.first() {
            Some((total, _)) => *total,
            // No row brought the total.
            None => self.count(rtype)?,
        };
        let page = rows.into_iter().map(|(_, row)| stored(row));
        Ok((page.collect(), total))
    }

    /// How many resources of the type there are.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn count(&mut self, rtype: i16) -> Result<i64, StoreError> {
        let sql = self.counted(rtype);
        let row = self.conn.first::<(BigInt,), (i64,)>(sql)?;
        Ok(row.map_or(0, |(total,)| total))
    }

    /// Up to `limit` resources that were created after the one named, in the order of creation.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn scan(
        &mut self,
        rtype: i16,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Stored>, StoreError> {
        let sql = self.columns()
            .then(" FROM resource r WHERE r.tenant_id = ? AND r.rtype = ? AND r.rid > ? ORDER BY r.rid LIMIT CAST(? AS bigint)")
            .bind(self.tenant)
            .bind(rtype)
            .bind(after.unwrap_or_default())
            .bind(limit.max(0));
        self.many(sql)
    }

    /// The resources with these ids, in this order; ids that do not exist are passed over.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn by_ids(&mut self, rtype: i16, ids: &[Uuid]) -> Result<Vec<Stored>, StoreError> {
        let list = self.conn.dialect().id_list(ids);
        let sql = self
            .with_listed("WITH ", &list)
            .then(" ")
            .append(self.columns())
            .append(self.documents(rtype));
        let mut found: Vec<Stored> = self.many(sql)?;
        let places: BTreeMap<Uuid, usize> = ids
            .iter()
            .enumerate()
            .map(|(place, id)| (*id, place))
            .collect();
        found.sort_by_key(|item| places.get(&item.id).copied());
        Ok(found)
    }

    /// `words` and the ids of a list, as `rid` of `p`.
    pub(super) fn with_listed<'a>(&self, words: &'static str, list: &'a String) -> Sql<'a> {
        let dialect = self.conn.dialect();
        Sql::new(words)
            .then("p AS MATERIALIZED (SELECT ")
            .then(dialect.id())
            .then(" AS rid FROM ")
            .then(dialect.ids())
            .bind(list)
            .then(")")
    }

    fn one(&mut self, sql: Sql<'_>) -> Result<Option<Stored>, StoreError> {
        let sql = if self.held {
            sql.then(self.conn.dialect().hold())
        } else {
            sql
        };
        Ok(self.conn.first::<Types, Row>(sql)?.map(stored))
    }

    pub(super) fn many(&mut self, sql: Sql<'_>) -> Result<Vec<Stored>, StoreError> {
        let rows = self.conn.load::<Types, Row>(sql)?;
        Ok(rows.into_iter().map(stored).collect())
    }

    pub(super) fn counted<'a>(&self, rtype: i16) -> Sql<'a> {
        Sql::new(COUNT).bind(self.tenant).bind(rtype)
    }

    pub(super) fn documents<'a>(&self, rtype: i16) -> Sql<'a> {
        Sql::new(self.conn.dialect().documents())
            .bind(self.tenant)
            .bind(rtype)
    }
}

/// A list as one bound text.
pub(super) fn json<T: serde::Serialize>(list: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(list).map_err(|error| StoreError::internal(error.to_string()))
}

//! Sets of resources that their keys tell, and pages of them: filters and orders as one statement. RFC 7644 §3.4.2.
//!
//! `query/set.rs` has the sets, `query/select.rs` writes them. A set is written as `INTERSECT`, `UNION` and `EXCEPT` of ranges of the key tables and put down once (`MATERIALIZED`), so that neither database
//! plans by what it guesses of the values, and page and total are of one moment. Documents are read for the page alone.

use diesel::sql_types::{BigInt, Nullable, Text};
use scim_core::list::compare;
use uuid::Uuid;

use super::dialect::{Rid, RidSql};
use super::error::StoreError;
use super::model::Stored;
use super::resources::{Reader, Row, Types, stored};
use super::sql::Sql;

mod select;
mod set;

pub use set::{Elements, KeyTable, Keyed, Set, Test};

/// The order of a list: by key, then by id; what has no key is last. Descending is that order turned round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The keys that are compared: of several the first element's.
    pub keys: KeyTable,
    /// Whether every resource has one.
    pub complete: bool,
    /// From the greatest to the least.
    pub descending: bool,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Behind so many resources.
    Offset(i64),
    /// Behind a resource, and its key if the list has an order.
    After(Option<String>, Uuid),
}

/// A page, and how many resources there are in all.
#[derive(Clone, Debug)]
pub struct Matches {
    /// The resources, each with the key by which it is ordered.
    pub rows: Vec<(Option<String>, Stored)>,
    /// How many there are in the set.
    pub total: i64,
}

impl Reader<'_> {
    /// The ids of a set, in their order, unless there are more than `limit`.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn ids(
        &mut self,
        rtype: i16,
        set: &Set,
        limit: i64,
    ) -> Result<Option<Vec<Uuid>>, StoreError> {
        let sql = self
            .set(rtype, set, "WITH s(rid) AS MATERIALIZED (")
            .then(") SELECT rid FROM s ORDER BY rid LIMIT CAST(? AS bigint)")
            .bind(limit.saturating_add(1));
        let rows = self.conn.load::<(RidSql,), (Rid,)>(sql)?;
        let ids: Vec<Uuid> = rows.into_iter().map(|(id,)| id.0).collect();
        let fit = i64::try_from(ids.len()).is_ok_and(|count| count <= limit);
        Ok(fit.then_some(ids))
    }

    /// How many resources are in a set, counted up to `limit`.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn size(&mut self, rtype: i16, set: &Set, limit: i64) -> Result<i64, StoreError> {
        let sql = self
            .set(rtype, set, "SELECT count(*) FROM (SELECT 1 FROM (")
            .then(") s LIMIT CAST(? AS bigint)) n")
            .bind(limit);
        let row = self.conn.first::<(BigInt,), (i64,)>(sql)?;
        Ok(row.map_or(0, |(size,)| size))
    }

    /// Whether some value of the attribute is longer than what is kept of it.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn has_long(&mut self, attr: i32) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "SELECT CAST(1 AS bigint) FROM attr_index WHERE tenant_id = ? AND attr_id = ? LIMIT 1",
        )
        .bind(self.tenant)
        .bind(-attr);
        Ok(self.conn.first::<(BigInt,), (i64,)>(sql)?.is_some())
    }

    /// A page of a set, in the order of creation.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn matching(
        &mut self,
        rtype: i16,
        set: &Set,
        from: &Begin,
        limit: i64,
    ) -> Result<Matches, StoreError> {
        if limit <= 0 {
            return Ok(Matches {
                rows: Vec::new(),
                total: self.all(rtype, set)?,
            });
        }
        if let Some(one) = self.at_most_one(rtype, set)? {
            let total = i64::from(one.is_some());
            let on_page = |row: &Stored| match from {
                Begin::Offset(offset) => *offset == 0,
                Begin::After(_, id) => row.id > *id,
            };
            let rows = one.into_iter().filter(on_page).map(|row| (None, row));
            return Ok(Matches {
                rows: rows.collect(),
                total,
            });
        }
        if *set == Set::All {
            let (rows, total) = match from {
                Begin::Offset(offset) => self.page(rtype, *offset, limit)?,
                Begin::After(_, id) => (self.scan(rtype, Some(*id), limit)?, self.count(rtype)?),
            };
            let rows = rows.into_iter().map(|row| (None, row)).collect();
            return Ok(Matches { rows, total });
        }
        let sql = self.page_of(rtype, set, from, limit);
        self.matches(rtype, set, sql)
    }

    /// The statement for a page of a set, in the order of creation.
    pub(super) fn page_of<'a>(
        &self,
        rtype: i16,
        set: &'a Set,
        from: &'a Begin,
        limit: i64,
    ) -> Sql<'a> {
        let start = self
            .set(rtype, set, "WITH s(rid) AS MATERIALIZED (")
            .then("), p AS MATERIALIZED (SELECT rid FROM s");
        let page = match from {
            Begin::Offset(offset) => start
                .then(" ORDER BY rid LIMIT CAST(? AS bigint) OFFSET ?")
                .bind(limit)
                .bind(*offset),
            Begin::After(_, id) => start
                .then(" WHERE rid > ? ORDER BY rid LIMIT CAST(? AS bigint)")
                .bind(*id)
                .bind(limit),
        };
        page.then(") SELECT (SELECT count(*) FROM s), NULL, ")
            .then(self.column_names())
            .append(self.documents(rtype))
    }

    /// A page of a set in an order.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn sorted(
        &mut self,
        rtype: i16,
        set: &Set,
        order: Order,
        from: &Begin,
        limit: i64,
    ) -> Result<Matches, StoreError> {
        if limit <= 0 {
            return self.matching(rtype, set, from, 0);
        }
        if *set == Set::All
            && let Some(page) = self.walked(rtype, order, from, limit)?
        {
            return Ok(page);
        }
        let sql = self.sorted_page(rtype, set, order, from, limit);
        let mut found = self.matches(rtype, set, sql.uncached())?;
        found.sort(order.descending);
        Ok(found)
    }

    /// The statement for a page of a set in an order.
    pub(super) fn sorted_page<'a>(
        &self,
        rtype: i16,
        set: &'a Set,
        order: Order,
        from: &'a Begin,
        limit: i64,
    ) -> Sql<'a> {
        let keys = order.keys;
        let start = self
            .set(rtype, set, "WITH s(rid) AS MATERIALIZED (")
            .then("), w(skey, rid) AS MATERIALIZED (SELECT k.skey, k.rid FROM ")
            .then(keys.table())
            .then(" k WHERE k.tenant_id = ? AND k.attr_id = ?")
            .bind(self.tenant)
            .bind(keys.attr)
            .then(keys.first())
            .then(
                " AND k.rid IN (SELECT rid FROM s)),
                 o(lacks, skey, rid) AS MATERIALIZED (SELECT CAST(0 AS smallint), skey, rid FROM w UNION ALL
                 SELECT CAST(1 AS smallint), '', n.rid FROM (SELECT rid FROM s EXCEPT SELECT rid FROM w) n),
                 p AS MATERIALIZED (SELECT lacks, skey, rid FROM o",
            );
        let (up, down) = (
            " ORDER BY lacks, skey, rid",
            " ORDER BY lacks DESC, skey DESC, rid DESC",
        );
        let ordered = if order.descending { down } else { up };
        let page = match from {
            Begin::Offset(offset) => start
                .then(ordered)
                .then(" LIMIT CAST(? AS bigint) OFFSET ?")
                .bind(limit)
                .bind(*offset),
            Begin::After(key, id) => {
                let lacks = i16::from(key.is_none());
                let key = key.as_deref().unwrap_or_default();
                let beyond = if order.descending {
                    " WHERE (lacks < ? OR (lacks = ? AND (skey < ? OR (skey = ? AND rid < ?))))"
                } else {
                    " WHERE (lacks > ? OR (lacks = ? AND (skey > ? OR (skey = ? AND rid > ?))))"
                };
                start
                    .then(beyond)
                    .bind(lacks)
                    .bind(lacks)
                    .bind(key)
                    .bind(key)
                    .bind(*id)
                    .then(ordered)
                    .then(" LIMIT CAST(? AS bigint)")
                    .bind(limit)
            }
        };
        page.then(") SELECT (SELECT count(*) FROM s), CASE p.lacks WHEN 0 THEN p.skey END, ")
            .then(self.column_names())
            .append(self.documents(rtype))
    }

    /// A page of all resources in an order, if those with keys fill it: then nothing but the page is looked at.
    fn walked(
        &mut self,
        rtype: i16,
        order: Order,
        from: &Begin,
        limit: i64,
    ) -> Result<Option<Matches>, StoreError> {
        // What has no key comes first there, and is told only by all that have one.
        if order.descending && !order.complete {
            return Ok(None);
        }
        let Some(sql) = self.walk(rtype, order, from, limit) else {
            return Ok(None);
        };
        let mut found = self.matches(rtype, &Set::All, sql)?;
        let full = i64::try_from(found.rows.len()).is_ok_and(|count| count == limit);
        found.sort(order.descending);
        Ok(full.then_some(found))
    }

    /// The statement for a page of all that have keys, in the order of the keys; `None` behind the last of these.
    pub(super) fn walk<'a>(
        &self,
        rtype: i16,
        order: Order,
        from: &'a Begin,
        limit: i64,
    ) -> Option<Sql<'a>> {
        let start = Sql::new("WITH p AS MATERIALIZED (SELECT k.skey, k.rid FROM ")
            .then(order.keys.table())
            .then(" k WHERE k.tenant_id = ? AND k.attr_id = ?")
            .bind(self.tenant)
            .bind(order.keys.attr)
            .then(order.keys.first());
        // Of a unique key there is no second resource to be told apart by its id.
        let (ordered, beyond) = match (order.keys.unique, order.descending) {
            (true, false) => (" ORDER BY k.skey", " AND k.skey > ?"),
            (true, true) => (" ORDER BY k.skey DESC", " AND k.skey < ?"),
            (false, false) => (
                " ORDER BY k.skey, k.rid",
                " AND k.skey >= ? AND (k.skey > ? OR k.rid > ?)",
            ),
            (false, true) => (
                " ORDER BY k.skey DESC, k.rid DESC",
                " AND k.skey <= ? AND (k.skey < ? OR k.rid < ?)",
            ),
        };
        let limited = |sql: Sql<'a>| {
            sql.then(ordered)
                .then(" LIMIT CAST(? AS bigint)")
                .bind(limit)
        };
        let page = match from {
            Begin::Offset(offset) => limited(start).then(" OFFSET ?").bind(*offset),
            Begin::After(Some(key), _) if order.keys.unique => {
                limited(start.then(beyond).bind(key))
            }
            Begin::After(Some(key), id) => {
                limited(start.then(beyond).bind(key).bind(key).bind(*id))
            }
            Begin::After(None, _) => return None,
        };
        let sql = page
            .then(") SELECT (")
            .append(self.counted(rtype))
            .then("), p.skey, ")
            .then(self.column_names())
            .append(self.documents(rtype));
        Some(sql)
    }

    fn matches(&mut self, rtype: i16, set: &Set, sql: Sql<'_>) -> Result<Matches, StoreError> {
        type Found = (i64, Option<String>, Row);
        let rows = self
            .conn
            .load::<(BigInt, Nullable<Text>, Types), Found>(sql)?;
        let total = match rows.first() {
            Some((total, _, _)) => *total,
            // No row brought the total.
            None => self.all(rtype, set)?,
        };
        let row = |(_, key, row): Found| (key, stored(row));
        let mut rows: Vec<_> = rows.into_iter().map(row).collect();
        rows.sort_by_key(|(_, row)| row.id);
        Ok(Matches { rows, total })
    }

    fn all(&mut self, rtype: i16, set: &Set) -> Result<i64, StoreError> {
        match set {
            Set::All => self.count(rtype),
            set => self.size(rtype, set, i64::MAX),
        }
    }

    /// The one resource of a set that can have no other; `None` for other sets.
    fn at_most_one(&mut self, rtype: i16, set: &Set) -> Result<Option<Option<Stored>>, StoreError> {
        Ok(match set {
            Set::Id(id) => Some(self.get(rtype, *id)?),
            Set::Keys(Keyed {
                keys,
                test: Test::Equal(key),
            }) if keys.unique => Some(self.by_unique(rtype, keys.attr, key)?),
            _ => None,
        })
    }
}

impl Matches {
    fn sort(&mut self, descending: bool) {
        self.rows.sort_by(|(a, x), (b, y)| {
            compare((a.as_deref(), &x.id), (b.as_deref(), &y.id), descending)
        });
    }
}

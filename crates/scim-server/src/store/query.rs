//! Sets of resources that their keys tell, and pages of them: filters and orders as one statement. RFC 7644 §3.4.2.
//!
//! A set is written as `INTERSECT`, `UNION` and `EXCEPT` of ranges of the key tables and put down once (`MATERIALIZED`), so that neither database
//! plans by what it guesses of the values, and page and total are of one moment. Documents are read for the page alone.

use diesel::sql_types::{BigInt, Nullable, Text};
use scim_core::list::compare_keys;
use uuid::Uuid;

use super::dialect::{Rid, RidSql};
use super::error::StoreError;
use super::model::Stored;
use super::resources::{Reader, Row, Types, stored};
use super::sql::Sql;

/// Resources of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// All of them.
    All,
    /// Those with a key that passes a test.
    Keys(Keyed),
    /// Those of which one element of a multi-valued attribute has keys that pass.
    Element(Elements),
    /// The one with this id.
    Id(Uuid),
    /// Those that have this member themselves.
    Holding(Uuid),
    /// Those that are in this group, through other groups too.
    Below(Uuid),
    /// Those in both.
    And(Box<Set>, Box<Set>),
    /// Those in either.
    Or(Box<Set>, Box<Set>),
    /// Those that are not in it.
    Not(Box<Set>),
}

/// Elements of a multi-valued attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elements {
    /// Those with a key that passes a test.
    Keys(Keyed),
    /// Those in both.
    And(Box<Elements>, Box<Elements>),
    /// Those in either.
    Or(Box<Elements>, Box<Elements>),
}

/// The keys of an attribute that pass a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Where they are.
    pub keys: KeyTable,
    /// What they must be.
    pub test: Test,
}

/// The keys of one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTable {
    /// Number of the attribute.
    pub attr: i32,
    /// Whether no two resources share a key.
    pub unique: bool,
    /// Whether a resource can have several.
    pub several: bool,
}

/// What a key must be; keys as [`scim_core::key::stored`] makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Any.
    Any,
    /// This one.
    Equal(String),
    /// Greater than this one.
    Greater(String),
    /// This one or greater.
    AtLeast(String),
    /// Less than this one.
    Less(String),
    /// This one or less.
    AtMost(String),
    /// One from the first on, and before the second if there is one: those that begin with the first. See [`Test::prefix`].
    Between(String, Option<String>),
    /// One that holds this.
    Contains(String),
    /// One that ends so.
    Suffix(String),
}

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
pub enum From {
    /// Behind so many resources.
    Offset(i64),
    /// Behind a resource, and its key if the list has an order.
    After(Option<String>, Uuid),
}

/// A page and how many resources there are in all, both of the same moment.
#[derive(Clone, Debug)]
pub struct Matches {
    /// The resources, each with the key by which it is ordered.
    pub rows: Vec<(Option<String>, Stored)>,
    /// How many there are in the set.
    pub total: i64,
}

impl Test {
    /// A key that begins so.
    #[must_use]
    pub fn prefix(begin: String) -> Self {
        let mut end = begin.clone();
        while let Some(last) = end.pop() {
            // The next character, and so the next in bytes too.
            if let Some(next) = (last..=char::MAX).nth(1) {
                end.push(next);
                return Self::Between(begin, Some(end));
            }
        }
        Self::Between(begin, None)
    }
}

impl Set {
    /// Sets that all of it is in, when it is an intersection; only those that are told by few keys, perhaps.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<Set> {
        let mut found = Vec::new();
        let mut todo = vec![self];
        while let Some(set) = todo.pop() {
            match set {
                Self::And(left, right) => todo.extend([right.as_ref(), left.as_ref()]),
                Self::Element(elements) => found.extend(elements.conjuncts()),
                Self::Keys(_) | Self::Id(_) | Self::Holding(_) => found.push(set.clone()),
                Self::All | Self::Below(_) | Self::Or(..) | Self::Not(_) => {}
            }
        }
        if matches!(self, Self::And(..) | Self::Element(_)) {
            found
        } else {
            Vec::new()
        }
    }

    /// Whether the statement for it is one of a few, so that a database may keep it prepared.
    fn is_simple(&self) -> bool {
        !matches!(self, Self::And(..) | Self::Or(..) | Self::Element(_))
            && !matches!(self, Self::Not(inner) if !inner.is_simple())
    }
}

impl Elements {
    /// Resources that have a key that each of the elements has.
    fn conjuncts(&self) -> Vec<Set> {
        let mut found = Vec::new();
        let mut todo = vec![self];
        while let Some(elements) = todo.pop() {
            match elements {
                Self::Keys(keyed) => found.push(Set::Keys(keyed.clone())),
                Self::And(left, right) => todo.extend([right.as_ref(), left.as_ref()]),
                Self::Or(..) => {}
            }
        }
        found
    }
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

    /// Whether some value of one of these attributes is longer than what is kept of it.
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
        from: &From,
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
                From::Offset(offset) => *offset == 0,
                From::After(_, id) => row.id > *id,
            };
            let rows = one.into_iter().filter(on_page).map(|row| (None, row));
            return Ok(Matches {
                rows: rows.collect(),
                total,
            });
        }
        if *set == Set::All {
            let (rows, total) = match from {
                From::Offset(offset) => self.page(rtype, *offset, limit)?,
                From::After(_, id) => (self.scan(rtype, Some(*id), limit)?, self.count(rtype)?),
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
        from: &'a From,
        limit: i64,
    ) -> Sql<'a> {
        let start = self
            .set(rtype, set, "WITH s(rid) AS MATERIALIZED (")
            .then("), p AS MATERIALIZED (SELECT rid FROM s");
        let page = match from {
            From::Offset(offset) => start
                .then(" ORDER BY rid LIMIT CAST(? AS bigint) OFFSET ?")
                .bind(limit)
                .bind(*offset),
            From::After(_, id) => start
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
        from: &From,
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
        from: &'a From,
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
            From::Offset(offset) => start
                .then(ordered)
                .then(" LIMIT CAST(? AS bigint) OFFSET ?")
                .bind(limit)
                .bind(*offset),
            From::After(key, id) => {
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
        from: &From,
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
        from: &'a From,
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
            From::Offset(offset) => limited(start).then(" OFFSET ?").bind(*offset),
            From::After(Some(key), _) if order.keys.unique => limited(start.then(beyond).bind(key)),
            From::After(Some(key), id) => limited(start.then(beyond).bind(key).bind(key).bind(*id)),
            From::After(None, _) => return None,
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

    /// `words` and the statement that selects a set behind them.
    pub(super) fn set<'a>(&self, rtype: i16, set: &'a Set, words: &'static str) -> Sql<'a> {
        let sql = self.select(rtype, set, Sql::new(words));
        if set.is_simple() { sql } else { sql.uncached() }
    }

    /// Each id once.
    fn select<'a>(&self, rtype: i16, set: &'a Set, sql: Sql<'a>) -> Sql<'a> {
        match set {
            Set::All => sql
                .then("SELECT rid FROM resource WHERE tenant_id = ? AND rtype = ?")
                .bind(self.tenant)
                .bind(rtype),
            Set::Keys(keyed) => {
                let once = if keyed.keys.several {
                    "SELECT DISTINCT k.rid FROM "
                } else {
                    "SELECT k.rid FROM "
                };
                self.keyed(keyed, sql.then(once))
            }
            Set::Element(elements) => self
                .elements(elements, sql.then("SELECT DISTINCT e.rid FROM ("))
                .then(") e"),
            Set::Id(id) => sql
                .then("SELECT rid FROM resource WHERE tenant_id = ? AND rtype = ? AND rid = ?")
                .bind(self.tenant)
                .bind(rtype)
                .bind(*id),
            Set::Holding(member) => sql
                .then("SELECT h.rid FROM (")
                .append(self.holders(*member))
                .then(") h"),
            Set::Below(group) => sql
                .then("SELECT d.rid FROM (")
                .append(self.down(*group))
                .then(" SELECT rid FROM down WHERE rtype = ?) d")
                .bind(rtype),
            Set::And(left, right) => match (left.as_ref(), right.as_ref()) {
                (left, Set::Not(right)) | (Set::Not(right), left) => {
                    self.two(rtype, left, ") a EXCEPT SELECT b.rid FROM (", right, sql)
                }
                (left, right) => {
                    self.two(rtype, left, ") a INTERSECT SELECT b.rid FROM (", right, sql)
                }
            },
            Set::Or(left, right) => {
                self.two(rtype, left, ") a UNION SELECT b.rid FROM (", right, sql)
            }
            Set::Not(inner) => self.two(
                rtype,
                &Set::All,
                ") a EXCEPT SELECT b.rid FROM (",
                inner,
                sql,
            ),
        }
    }

    fn two<'a>(
        &self,
        rtype: i16,
        left: &'a Set,
        between: &'static str,
        right: &'a Set,
        sql: Sql<'a>,
    ) -> Sql<'a> {
        let sql = self.select(rtype, left, sql.then("SELECT a.rid FROM ("));
        self.select(rtype, right, sql.then(between)).then(") b")
    }

    /// Pairs of a resource and the place of an element.
    fn elements<'a>(&self, elements: &'a Elements, sql: Sql<'a>) -> Sql<'a> {
        let (left, between, right) = match elements {
            Elements::Keys(keyed) => {
                return self.keyed(keyed, sql.then("SELECT k.rid, k.elem FROM "));
            }
            Elements::And(left, right) => {
                (left, ") a INTERSECT SELECT b.rid, b.elem FROM (", right)
            }
            Elements::Or(left, right) => (left, ") a UNION SELECT b.rid, b.elem FROM (", right),
        };
        let sql = self.elements(left, sql.then("SELECT a.rid, a.elem FROM ("));
        self.elements(right, sql.then(between)).then(") b")
    }

    fn keyed<'a>(&self, keyed: &'a Keyed, sql: Sql<'a>) -> Sql<'a> {
        let sql = sql
            .then(keyed.keys.table())
            .then(" k WHERE k.tenant_id = ? AND k.attr_id = ?")
            .bind(self.tenant)
            .bind(keyed.keys.attr);
        match &keyed.test {
            Test::Any => sql,
            Test::Equal(key) => sql.then(" AND k.skey = ?").bind(key),
            Test::Greater(key) => sql.then(" AND k.skey > ?").bind(key),
            Test::AtLeast(key) => sql.then(" AND k.skey >= ?").bind(key),
            Test::Less(key) => sql.then(" AND k.skey < ?").bind(key),
            Test::AtMost(key) => sql.then(" AND k.skey <= ?").bind(key),
            Test::Between(begin, Some(end)) => sql
                .then(" AND k.skey >= ? AND k.skey < ?")
                .bind(begin)
                .bind(end),
            Test::Between(begin, None) => sql.then(" AND k.skey >= ?").bind(begin),
            Test::Contains(part) => sql.then(self.conn.dialect().contains()).bind(part),
            Test::Suffix(end) => sql
                .then(self.conn.dialect().ends_with())
                .bind(end)
                .bind(end),
        }
    }
}

impl KeyTable {
    fn table(self) -> &'static str {
        if self.unique {
            "attr_unique"
        } else {
            "attr_index"
        }
    }

    /// The condition that takes the first element's key.
    fn first(self) -> &'static str {
        if self.several { " AND k.elem = 0" } else { "" }
    }
}

impl Matches {
    fn sort(&mut self, descending: bool) {
        self.rows.sort_by(|(a, x), (b, y)| {
            let ascending = compare_keys(a.as_deref(), b.as_deref(), false).then(x.id.cmp(&y.id));
            if descending {
                ascending.reverse()
            } else {
                ascending
            }
        });
    }
}

//! A set as a statement that selects the ids in it.

use super::set::{Elements, KeyTable, Keyed, Set, Test};
use crate::store::resources::Reader;
use crate::store::sql::Sql;

impl Reader<'_> {
    /// `words` and the statement that selects a set behind them.
    pub(in crate::store) fn set<'a>(
        &self,
        rtype: i16,
        set: &'a Set,
        words: &'static str,
    ) -> Sql<'a> {
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
    pub(super) fn table(self) -> &'static str {
        if self.unique {
            "attr_unique"
        } else {
            "attr_index"
        }
    }

    /// The condition that takes the first element's key.
    pub(super) fn first(self) -> &'static str {
        if self.several { " AND k.elem = 0" } else { "" }
    }
}

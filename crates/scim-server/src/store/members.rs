//! Members of groups: rows of their own, read and changed as many as a request names, whatever the size of the group.
//!
//! Who adds a member holds its row (`FOR KEY SHARE`) until the change is there; who deletes a resource holds it against that, and takes it
//! out of the groups it is in. Rows are held in one order everywhere, so that changes wait for each other and never in a circle: members,
//! then groups, each by id.

pub(super) mod changing;

use std::collections::{HashMap, HashSet};

use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};
use uuid::Uuid;

use super::dialect::{Rid, RidSql};
use super::error::StoreError;
use super::model::{Member, Stored};
use super::resources::{Reader, json};
use super::sql::Sql;

/// A group, or some of its members: their type, what is kept of them, and their ids and types as `plain` reads them.
type Types = (
    RidSql,
    SmallInt,
    Nullable<Text>,
    Nullable<Text>,
    BigInt,
    BigInt,
    BigInt,
    BigInt,
    Text,
);
type Row = (
    Rid,
    i16,
    Option<String>,
    Option<String>,
    i64,
    i64,
    i64,
    i64,
    String,
);

/// The type of a row that is the group itself.
const ITSELF: i16 = -1;
/// The type of a row that is all the members of a group of whom nothing but the id and the type is kept.
const PLAIN: i16 = -2;

/// How a set of members differs from what a group has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Differences {
    /// Those that the group lacks.
    pub absent: HashSet<Uuid>,
    /// Those that it has under another name than the one given.
    pub renamed: HashSet<Uuid>,
    /// Those that it has beside the set.
    pub beside: Vec<Uuid>,
}

/// Who is in which group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The member.
    pub member: Uuid,
    /// The group.
    pub group: Uuid,
    /// Whether it is a member itself, not only through another group.
    pub direct: bool,
}

impl Reader<'_> {
    /// Of which of these types the resources with these ids are; ids without a resource are left out.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn kinds(
        &mut self,
        rtypes: &[i16],
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, i16>, StoreError> {
        let mut kinds = HashMap::with_capacity(ids.len());
        let mut left: Vec<Uuid> = ids.to_vec();
        left.sort_unstable();
        for rtype in rtypes {
            if left.is_empty() {
                break;
            }
            let list = self.conn.dialect().id_list(&left);
            let sql = self.existing(&list, *rtype);
            let found = self.conn.load::<(RidSql,), (Rid,)>(sql)?;
            kinds.extend(found.into_iter().map(|(id,)| (id.0, *rtype)));
            left.retain(|id| !kinds.contains_key(id));
        }
        Ok(kinds)
    }

    /// Which of these are members of a group, each with its name.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn members_among(
        &mut self,
        group: Uuid,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Member>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let list = self.conn.dialect().id_list(ids);
        let sql = self.members_listed(&list, group);
        let rows = self.load_members(sql)?;
        Ok(rows.into_iter().map(|one| (one.id, one)).collect())
    }

    /// All members of a group, in the order of their ids.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn members(&mut self, group: Uuid) -> Result<Vec<Member>, StoreError> {
        let sql = Sql::new(
            "SELECT m.member_id, m.rtype, m.display, m.sent FROM group_member m
             WHERE m.tenant_id = ? AND m.group_id = ? ORDER BY m.member_id",
        )
        .bind(self.tenant)
        .bind(group);
        self.load_members(sql)
    }

    fn load_members(&mut self, sql: Sql<'_>) -> Result<Vec<Member>, StoreError> {
        type Types = (RidSql, SmallInt, Nullable<Text>, Nullable<Text>);
        type Row = (Rid, i16, Option<String>, Option<String>);
        let rows = self.conn.load::<Types, Row>(sql)?;
        let member = |(id, rtype, display, sent): Row| Member {
            id: id.0,
            rtype,
            display,
            sent,
        };
        Ok(rows.into_iter().map(member).collect())
    }

    /// How the members of a group differ from a whole new set of them; a name that is not given differs from none.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn differences(
        &mut self,
        group: Uuid,
        wanted: &[(Uuid, Option<&str>)],
    ) -> Result<Differences, StoreError> {
        const ABSENT: i16 = 0;
        const BESIDE: i16 = 1;
        const RENAMED: i16 = 2;
        let dialect = self.conn.dialect();
        let named = wanted.iter().any(|(_, display)| display.is_some());
        let list = if named {
            let rows = wanted.iter();
            let rows: Vec<_> = rows
                .map(|(id, display)| (id.simple().to_string(), display))
                .collect();
            json(&rows)?
        } else {
            let ids: Vec<Uuid> = wanted.iter().map(|(id, _)| *id).collect();
            dialect.id_list(&ids)
        };
        let start = Sql::new("WITH p AS MATERIALIZED (SELECT ");
        let start = if named {
            start
                .then(dialect.listed_id())
                .then(" AS rid, e.value->>1 AS display FROM ")
                .then(dialect.list())
        } else {
            start
                .then(dialect.id())
                .then(" AS rid FROM ")
                .then(dialect.ids())
        };
        let sql = start
            .bind(&list)
            .then(
                "), h AS MATERIALIZED (SELECT member_id AS rid, display FROM group_member
                 WHERE tenant_id = ? AND group_id = ?)
                 SELECT CAST(0 AS smallint), a.rid FROM (SELECT rid FROM p EXCEPT SELECT rid FROM h) a
                 UNION ALL SELECT CAST(1 AS smallint), b.rid FROM (SELECT rid FROM h EXCEPT SELECT rid FROM p) b",
            )
            .bind(self.tenant)
            .bind(group);
        let sql = if named {
            sql.then(
                " UNION ALL SELECT CAST(2 AS smallint), c.rid FROM (SELECT rid, display FROM p WHERE display IS NOT NULL
                  EXCEPT SELECT rid, display FROM h) c",
            )
        } else {
            sql
        };
        let mut found = Differences::default();
        for (what, Rid(id)) in self.conn.load::<(SmallInt, RidSql), (i16, Rid)>(sql)? {
            match what {
                ABSENT => {
                    found.absent.insert(id);
                }
                BESIDE => found.beside.push(id),
                RENAMED => {
                    found.renamed.insert(id);
                }
                _ => {}
            }
        }
        found.renamed.retain(|id| !found.absent.contains(id));
        Ok(found)
    }

    /// Resources with all their members, each in the order of the members' ids, all as of one moment; ids that do not exist are left out.
    ///
    /// Members of whom nothing but the id is kept come as one value: that is most of them.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn with_members(
        &mut self,
        rtype: i16,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, (Stored, Vec<Member>)>, StoreError> {
        let list = self.conn.dialect().id_list(ids);
        let sql = self.whole(rtype, &list);
        let mut found: HashMap<Uuid, (Option<Stored>, Vec<Member>)> = HashMap::new();
        for (group, rtype, text, other, version, created, modified, members, ids) in
            self.conn.load::<Types, Row>(sql)?
        {
            let (row, list) = found.entry(group.0).or_default();
            if rtype == ITSELF {
                list.reserve_exact(usize::try_from(members).unwrap_or_default());
                *row = Some(Stored {
                    id: group.0,
                    version,
                    created,
                    modified,
                    doc: text.unwrap_or_default(),
                    secret: other,
                    members,
                    is_member: false,
                });
            } else if rtype == PLAIN {
                for one in ids.split(',').filter(|one| !one.is_empty()) {
                    list.push(plain(one)?);
                }
            } else {
                list.push(Member {
                    id: Uuid::try_parse(&ids).map_err(misread)?,
                    rtype,
                    display: text,
                    sent: other,
                });
            }
        }
        let whole = found.into_iter().filter_map(|(id, (row, mut members))| {
            if !members.is_sorted_by_key(|one| one.id) {
                members.sort_unstable_by_key(|one| one.id);
            }
            Some((id, (row?, members)))
        });
        Ok(whole.collect())
    }

    /// The rows of these resources and those of their members.
    pub(super) fn whole<'a>(&self, rtype: i16, list: &'a String) -> Sql<'a> {
        let dialect = self.conn.dialect();
        let (begin, end) = dialect.members_of_each();
        self
            .listed(list)
            .then("SELECT r.rid, CAST(-1 AS smallint), r.doc, r.secret, r.version, r.created, r.modified, r.members, CAST('' AS text)")
            .append(self.documents(rtype))
            .then(" UNION ALL SELECT p.rid, CAST(-2 AS smallint), NULL, NULL, 0, 0, 0, 0, coalesce((SELECT ")
            .then(dialect.joined_members())
            .then(
                " FROM group_member m WHERE m.tenant_id = ? AND m.group_id = p.rid AND m.display IS NULL AND m.sent IS NULL), '')
                 FROM p UNION ALL SELECT m.group_id, m.rtype, m.display, m.sent, 0, 0, 0, 0, ",
            )
            .bind(self.tenant)
            .then(dialect.member_id())
            .then(" FROM p ")
            .then(begin)
            .then("m.tenant_id = ? AND m.group_id = p.rid AND (m.display IS NOT NULL OR m.sent IS NOT NULL)")
            .bind(self.tenant)
            .then(end)
    }

    /// The groups that these resources are in, through other groups too.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn memberships(&mut self, members: &[Uuid]) -> Result<Vec<Membership>, StoreError> {
        let list = self.conn.dialect().id_list(members);
        let sql = self.up(&list);
        let rows = self
            .conn
            .load::<(RidSql, RidSql, SmallInt), (Rid, Rid, i16)>(sql)?;
        let membership = |(member, group, direct): (Rid, Rid, i16)| Membership {
            member: member.0,
            group: group.0,
            direct: direct > 0,
        };
        Ok(rows.into_iter().map(membership).collect())
    }

    /// The groups that a resource is a member of itself.
    fn held_by(&mut self, member: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let sql = self.holders(member);
        let rows = self.conn.load::<(RidSql,), (Rid,)>(sql)?;
        Ok(rows.into_iter().map(|(id,)| id.0).collect())
    }

    pub(in crate::store) fn holders<'a>(&self, member: Uuid) -> Sql<'a> {
        Sql::new("SELECT group_id AS rid FROM ")
            .then(self.conn.dialect().memberships())
            .then(" WHERE tenant_id = ? AND member_id = ? ORDER BY group_id")
            .bind(self.tenant)
            .bind(member)
    }

    pub(super) fn existing<'a>(&self, list: &'a String, rtype: i16) -> Sql<'a> {
        self.listed(list)
            .then("SELECT r.rid")
            .then(self.conn.dialect().existing(self.held))
            .bind(self.tenant)
            .bind(rtype)
    }

    pub(super) fn members_listed<'a>(&self, list: &'a String, group: Uuid) -> Sql<'a> {
        let (begin, end) = self.conn.dialect().members_of_each();
        self.listed(list)
            .then("SELECT m.member_id, m.rtype, m.display, m.sent FROM p ")
            .then(begin)
            .then("m.tenant_id = ? AND m.group_id = ? AND m.member_id = p.rid")
            .bind(self.tenant)
            .bind(group)
            .then(end)
    }

    /// UNION leaves out what is there already, and so ends in a circle of groups too.
    pub(super) fn up<'a>(&self, list: &'a String) -> Sql<'a> {
        let (begin, end) = self.conn.dialect().members_of_each();
        self.with_listed("WITH RECURSIVE ", list)
            .then(", up(member, rid, direct) AS (SELECT p.rid, m.group_id, CAST(1 AS smallint) FROM p ")
            .then(begin)
            .then("m.tenant_id = ? AND m.member_id = p.rid")
            .bind(self.tenant)
            .then(end)
            .then(" UNION SELECT up.member, m.group_id, CAST(0 AS smallint) FROM up ")
            .then(begin)
            .then("m.tenant_id = ? AND m.member_id = up.rid")
            .bind(self.tenant)
            .then(end)
            .then(") SELECT member, rid, max(direct) FROM up GROUP BY member, rid ORDER BY member, rid")
    }

    pub(super) fn down<'a>(&self, group: Uuid) -> Sql<'a> {
        let (begin, end) = self.conn.dialect().members_of_each();
        Sql::new(
            "WITH RECURSIVE down(rid, rtype) AS (SELECT member_id, rtype FROM group_member WHERE tenant_id = ? AND group_id = ?
             UNION SELECT m.member_id, m.rtype FROM down ",
        )
        .bind(self.tenant)
        .bind(group)
        .then(begin)
        .then("m.tenant_id = ? AND m.group_id = down.rid")
        .bind(self.tenant)
        .then(end)
        .then(")")
    }

    fn listed<'a>(&self, list: &'a String) -> Sql<'a> {
        self.with_listed("WITH ", list).then(" ")
    }
}

/// A member from its id, in 32 hexadecimal digits, and its type behind them.
fn plain(text: &str) -> Result<Member, StoreError> {
    let (id, rtype) = text.split_at_checked(32).ok_or_else(|| misread(()))?;
    Ok(Member {
        id: Uuid::try_parse(id).map_err(misread)?,
        rtype: rtype.parse().map_err(misread)?,
        display: None,
        sent: None,
    })
}

fn misread<E>(_: E) -> StoreError {
    StoreError::internal("a member of a group cannot be read")
}

//! Members of groups: rows of their own, read and changed as many as a request names, whatever the size of the group.
//!
//! Who adds a member holds its row (`FOR KEY SHARE`) until the change is there; who deletes a resource holds it against that, and takes it
//! out of the groups it is in. Rows are held in one order everywhere, so that changes wait for each other and never in a circle: members,
//! then groups, each by id.

use std::collections::{HashMap, HashSet};

use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};
use uuid::Uuid;

use super::changing::{Scope, Writer};
use super::dialect::{Dialect, Rid, RidSql};
use super::error::StoreError;
use super::model::{Holders, Member, Members, Stored};
use super::resources::{Reader, json};
use super::sql::Sql;

/// A group, or some of its members: their type, what is kept of them, and their ids as [`ids_in`] reads them.
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
    /// Members of whom nothing but the id is kept come as one value for each type: that is most of them.
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
        let dialect = self.conn.dialect();
        let (begin, end) = dialect.members_of_each();
        let sql = self
            .listed(&list)
            .then("SELECT r.rid, CAST(-1 AS smallint), r.doc, r.secret, r.version, r.created, r.modified, r.members, CAST('' AS text)")
            .append(self.documents(rtype))
            .then(" UNION ALL SELECT m.group_id, m.rtype, NULL, NULL, 0, 0, 0, 0, ")
            .then(dialect.joined_ids())
            .then(" FROM p ")
            .then(begin)
            .then("m.tenant_id = ? AND m.group_id = p.rid AND m.display IS NULL AND m.sent IS NULL")
            .bind(self.tenant)
            .then(end)
            .then(" GROUP BY m.group_id, m.rtype UNION ALL SELECT m.group_id, m.rtype, m.display, m.sent, 0, 0, 0, 0, ")
            .then(dialect.one_id())
            .then(" FROM p ")
            .then(begin)
            .then("m.tenant_id = ? AND m.group_id = p.rid AND (m.display IS NOT NULL OR m.sent IS NOT NULL)")
            .bind(self.tenant)
            .then(end);
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
            } else {
                list.extend(ids_in(&ids)?.map(|id| Member {
                    id,
                    rtype,
                    display: text.clone(),
                    sent: other.clone(),
                }));
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

    /// Up to `limit` resources of a type that have this member, in the order of creation.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn holding(
        &mut self,
        rtype: i16,
        member: Uuid,
        limit: i64,
    ) -> Result<Vec<Stored>, StoreError> {
        let ids = Sql::new("WITH p AS MATERIALIZED (")
            .append(self.holders(member))
            .then(" LIMIT CAST(? AS bigint)) ")
            .bind(limit.max(0));
        self.found(ids, rtype)
    }

    /// Up to `limit` resources of a type that are in this group, through other groups too, in the order of creation.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn below(
        &mut self,
        rtype: i16,
        group: Uuid,
        limit: i64,
    ) -> Result<Vec<Stored>, StoreError> {
        let ids = self
            .down(group)
            .then(", p AS MATERIALIZED (SELECT rid FROM down WHERE rtype = ? ORDER BY rid LIMIT CAST(? AS bigint)) ")
            .bind(rtype)
            .bind(limit.max(0));
        self.found(ids, rtype)
    }

    /// The groups that a resource is a member of itself.
    fn held_by(&mut self, member: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let sql = self.holders(member);
        let rows = self.conn.load::<(RidSql,), (Rid,)>(sql)?;
        Ok(rows.into_iter().map(|(id,)| id.0).collect())
    }

    pub(super) fn holders<'a>(&self, member: Uuid) -> Sql<'a> {
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
        let dialect = self.conn.dialect();
        let (begin, end) = dialect.members_of_each();
        Sql::new("WITH RECURSIVE p AS MATERIALIZED (SELECT ")
            .then(dialect.id())
            .then(" AS rid FROM ")
            .then(dialect.ids())
            .bind(list)
            .then("), up(member, rid, direct) AS (SELECT p.rid, m.group_id, CAST(1 AS smallint) FROM p ")
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
        let dialect = self.conn.dialect();
        Sql::new("WITH p AS MATERIALIZED (SELECT ")
            .then(dialect.id())
            .then(" AS rid FROM ")
            .then(dialect.ids())
            .bind(list)
            .then(") ")
    }
}

impl Writer<'_> {
    /// The resource of this id, held so that nobody can add it to a group any more, and the groups of a type that it is in, held too: for its deletion,
    /// in a transaction.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn for_deletion(
        &mut self,
        rtype: i16,
        id: Uuid,
        groups: Option<i16>,
    ) -> Result<Option<(Stored, Vec<Uuid>)>, StoreError> {
        let Some(stored) = self.reader.get_exclusively(rtype, id)? else {
            return Ok(None);
        };
        let Some(group_type) = groups else {
            return Ok(Some((stored, Vec::new())));
        };
        // Read by itself: what was added while the resource was waited for is seen only now.
        let mut groups = self.reader.held_by(id)?;
        if let Some(held) = self.conn.dialect().hold_in_order()
            && !groups.is_empty()
        {
            let sql = Sql::new(
                "SELECT r.rid FROM resource r WHERE r.tenant_id = ? AND r.rtype = ?
                 AND r.rid = ANY (ARRAY(SELECT m.group_id FROM group_member m WHERE m.tenant_id = ? AND m.member_id = ?))",
            )
            .bind(self.tenant)
            .bind(group_type)
            .bind(self.tenant)
            .bind(id)
            .then(held);
            self.conn.load::<(RidSql,), (Rid,)>(sql)?;
            // It may have left one of them while that one was waited for.
            groups = self.reader.held_by(id)?;
        }
        Ok(Some((stored, groups)))
    }
}

/// Members as the lists that are bound.
pub(super) struct MemberText {
    /// Those that are added and of whom only the id is kept, of one type.
    plain: Option<(String, i16)>,
    /// All others that are added or get a name.
    others: Option<String>,
    removed: Vec<Uuid>,
    removed_list: String,
    /// How many of those added are resources.
    resources: i64,
    other_resources: bool,
}

impl MemberText {
    pub(super) fn new(dialect: Dialect, members: &Members) -> Result<MemberText, StoreError> {
        let is_plain = |one: &&Member| one.display.is_none() && one.sent.is_none();
        let rtype = members.add.iter().find(is_plain).map(|one| one.rtype);
        let (plain, mut others): (Vec<&Member>, Vec<&Member>) = members
            .add
            .iter()
            .partition(|one| is_plain(one) && Some(one.rtype) == rtype);
        others.extend(&members.renamed);
        others.sort_unstable_by_key(|one| one.id);
        let mut ids: Vec<Uuid> = plain.iter().map(|one| one.id).collect();
        ids.sort_unstable();
        let rows: Vec<_> = others
            .iter()
            .map(|one| {
                let id = one.id.simple().to_string();
                (id, one.rtype, &one.display, &one.sent)
            })
            .collect();
        let added = plain.iter().chain(&others);
        let resources = added.filter(|one| one.rtype != 0).count();
        Ok(MemberText {
            plain: rtype.map(|rtype| (dialect.id_list(&ids), rtype)),
            other_resources: others.iter().any(|one| one.rtype != 0),
            others: (!rows.is_empty()).then(|| json(&rows)).transpose()?,
            removed: members.remove.clone(),
            removed_list: dialect.id_list(&members.remove),
            resources: i64::try_from(resources).unwrap_or(i64::MAX),
        })
    }

    /// Whether resources have to be held while they are added.
    pub(super) fn holds(&self) -> bool {
        self.resources > 0
    }
}

impl Scope {
    /// Holds the resources that are added, in their order, so that none can be deleted meanwhile. Nothing where one writer holds everything.
    pub(super) fn hold_members<'a>(&self, members: &'a MemberText) -> Option<Sql<'a>> {
        let of_their_type = self.dialect.existing_of_their_type()?;
        let plain = members.plain.as_ref().filter(|(_, rtype)| *rtype != 0);
        let plain = plain.map(|(list, rtype)| {
            Sql::new("SELECT r.rid FROM (SELECT ")
                .then(self.dialect.id())
                .then(" AS rid, CAST(? AS smallint) AS rtype FROM ")
                .bind(*rtype)
                .then(self.dialect.ids())
                .bind(list)
                .then(") p")
                .then(of_their_type)
                .bind(self.tenant)
        });
        let others = members.others.as_ref().filter(|_| members.other_resources);
        let others = others.map(|list| {
            Sql::new("SELECT r.rid FROM (SELECT ")
                .then(self.dialect.listed_id())
                .then(" AS rid, CAST(e.value->>1 AS smallint) AS rtype FROM ")
                .then(self.dialect.list())
                .bind(list)
                .then(") p")
                .then(of_their_type)
                .bind(self.tenant)
        });
        match (plain, others) {
            (Some(plain), Some(others)) => Some(plain.then(" UNION ALL ").append(others)),
            (one, other) => one.or(other),
        }
    }

    /// The condition that none of them was deleted before.
    pub(super) fn all_held<'a>(&self, guard: Sql<'a>, members: &MemberText) -> Sql<'a> {
        if members.holds() && self.dialect.existing_of_their_type().is_some() {
            guard
                .then(" AND (SELECT count(*) FROM m) = ?")
                .bind(members.resources)
        } else {
            guard
        }
    }

    /// What is added is not there: the version that was read says so.
    pub(super) fn change_members<'a>(&self, members: &'a MemberText) -> Vec<Sql<'a>> {
        let insert = |columns| {
            Sql::new("INSERT INTO group_member (tenant_id, group_id, member_id, rtype, display, sent) SELECT ?, ?, ")
                .bind(self.tenant)
                .bind(self.id)
                .then(columns)
        };
        let plain = members.plain.as_ref().map(|(list, rtype)| {
            insert(self.dialect.id())
                .then(", ?, NULL, NULL FROM ")
                .bind(*rtype)
                .then(self.dialect.ids())
                .bind(list)
                .then(" WHERE ")
                .then(self.dialect.guarded())
        });
        let others = members.others.as_ref().map(|list| {
            insert(self.dialect.listed_id())
                .then(", CAST(e.value->>1 AS smallint), e.value->>2, e.value->>3 FROM ")
                .then(self.dialect.list())
                .bind(list)
                .then(" WHERE ")
                .then(self.dialect.guarded())
                .then(" ON CONFLICT (tenant_id, group_id, member_id) DO UPDATE SET display = excluded.display")
        });
        let mut changes = self.remove_members(members);
        changes.extend(plain);
        changes.extend(others);
        changes
    }

    /// Each member is found by one probe of the primary key, as keys are: see [`Scope::remove_keys`].
    fn remove_members<'a>(&self, members: &'a MemberText) -> Vec<Sql<'a>> {
        if self.dialect.joins_statements() {
            if members.removed.is_empty() {
                return Vec::new();
            }
            let listed = Sql::new(REMOVE_MEMBERS)
                .bind(self.tenant)
                .bind(self.id)
                .then(self.dialect.ids())
                .bind(&members.removed_list)
                .then(")) AND ")
                .then(self.dialect.guarded());
            return vec![listed];
        }
        let one = |id: &Uuid| {
            Sql::new(
                "DELETE FROM group_member WHERE tenant_id = ? AND group_id = ? AND member_id = ?",
            )
            .bind(self.tenant)
            .bind(self.id)
            .bind(*id)
        };
        members.removed.iter().map(one).collect()
    }

    /// Takes a resource that is deleted out of the groups that hold it, and lets go of its own members. `list` names the groups with the
    /// ids of their changes.
    pub(super) fn leave<'a>(
        &self,
        holders: &'a Holders,
        list: &'a String,
        actor: &'a String,
        attributes: &'a String,
    ) -> Vec<Sql<'a>> {
        let own = Sql::new("DELETE FROM group_member WHERE tenant_id = ? AND group_id = ? AND ")
            .bind(self.tenant)
            .bind(self.id)
            .then(self.dialect.guarded());
        if holders.groups.is_empty() {
            return vec![own];
        }
        let others = Sql::new("DELETE FROM ")
            .then(self.dialect.memberships())
            .then(" WHERE tenant_id = ? AND member_id = ? AND ")
            .bind(self.tenant)
            .bind(self.id)
            .then(self.dialect.guarded());
        // Before the versions grow: one of the two databases would see the new ones.
        let record = Sql::new(
            "INSERT INTO change (tenant_id, position, change_id, rtype, rid, kind, version, attributes, actor, at)
             WITH p AS MATERIALIZED (SELECT ",
        )
        .then(self.dialect.listed_id())
        .then(" AS rid, ")
        .then(self.dialect.second_listed_id())
        .then(" AS change_id FROM ")
        .then(self.dialect.list())
        .bind(list)
        .then(") SELECT ?, ")
        .bind(self.tenant)
        .append(self.dialect.position(self.tenant))
        .then(", p.change_id, r.rtype, r.rid, 2, r.version + 1, ?, ?, ?")
        .bind(attributes)
        .bind(actor)
        .bind(holders.at)
        .then(self.dialect.documents())
        .bind(self.tenant)
        .bind(holders.rtype)
        .then(" WHERE ")
        .then(self.dialect.guarded());
        let bump = Sql::new(
            "UPDATE resource SET version = version + 1, members = members - 1, modified = ",
        )
        .then(self.dialect.later_modified())
        .bind(holders.at)
        .then(" WHERE ")
        .then(self.dialect.resources_listed())
        .bind(self.tenant)
        .bind(holders.rtype)
        .bind(list)
        .then(" AND ")
        .then(self.dialect.guarded());
        vec![own, others, record, bump]
    }
}

/// Ids in hexadecimal digits, 32 each, one after the other.
fn ids_in(text: &str) -> Result<impl Iterator<Item = Uuid>, StoreError> {
    let (ids, rest) = text.as_bytes().as_chunks::<32>();
    if !rest.is_empty() {
        return Err(StoreError::internal("ids of members are cut short"));
    }
    Ok(ids
        .iter()
        .map(|digits| Uuid::try_parse_ascii(digits).unwrap_or_default()))
}

/// Removes the members of a list by their place.
const REMOVE_MEMBERS: &str =
    "DELETE FROM group_member WHERE ctid = ANY (ARRAY(SELECT (SELECT x.ctid FROM group_member x
     WHERE x.tenant_id = ? AND x.group_id = ? AND x.member_id = e.rid) FROM ";

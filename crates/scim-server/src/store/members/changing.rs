//! Changing the members of a group with the group, and taking out of its groups what is deleted: parts of one change, see `plan.rs`.

use uuid::Uuid;

use crate::store::changing::{Scope, Writer};
use crate::store::dialect::{Dialect, Rid, RidSql};
use crate::store::error::StoreError;
use crate::store::model::{Holders, Member, Members, Moved, Stored};
use crate::store::resources::json;
use crate::store::sql::Sql;

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
    ) -> Result<Option<(Stored, Vec<Stored>)>, StoreError> {
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
        if groups.is_empty() {
            return Ok(Some((stored, Vec::new())));
        }
        let groups = self.reader.by_ids(group_type, &groups)?;
        Ok(Some((stored, groups)))
    }
}

/// Members as the lists that are bound.
pub(in crate::store) struct MemberText {
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
    pub(in crate::store) fn new(
        dialect: Dialect,
        members: &Members,
    ) -> Result<MemberText, StoreError> {
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
    pub(in crate::store) fn holds(&self) -> bool {
        self.resources > 0
    }
}

impl Scope {
    /// Holds the resources that are added, in their order, so that none can be deleted meanwhile. Nothing where one writer holds everything.
    pub(in crate::store) fn hold_members<'a>(&self, members: &'a MemberText) -> Option<Sql<'a>> {
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
    pub(in crate::store) fn all_held<'a>(&self, guard: Sql<'a>, members: &MemberText) -> Sql<'a> {
        if members.holds() && self.dialect.existing_of_their_type().is_some() {
            guard
                .then(" AND (SELECT count(*) FROM m) = ?")
                .bind(members.resources)
        } else {
            guard
        }
    }

    /// What is added is not there: the version that was read says so.
    pub(in crate::store) fn change_members<'a>(&self, members: &'a MemberText) -> Vec<Sql<'a>> {
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
    pub(in crate::store) fn leave<'a>(
        &self,
        holders: &'a Holders,
        list: &'a String,
        moved: &'a String,
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
        let mut all = vec![own, others, record, bump];
        all.extend(self.unmoved(holders, moved));
        let replaced = Sql::new(
            "INSERT INTO attr_index (tenant_id, attr_id, elem, skey, rid)
             SELECT ?, CAST(e.value->>1 AS integer), 0, e.value->>3, ",
        )
        .bind(self.tenant)
        .then(self.dialect.listed_id())
        .then(" FROM ")
        .then(self.dialect.list())
        .bind(moved)
        .then(" WHERE ")
        .then(self.dialect.guarded());
        all.push(replaced);
        all
    }

    /// Takes away the keys that move, each by one probe of the primary key, as [`Scope::remove_keys`] does.
    fn unmoved<'a>(&self, holders: &'a Holders, list: &'a String) -> Vec<Sql<'a>> {
        if self.dialect.joins_statements() {
            let all = Sql::new(REMOVE_MOVED)
                .bind(self.tenant)
                .then(self.dialect.list())
                .bind(list)
                .then(")) AND ")
                .then(self.dialect.guarded());
            return vec![all];
        }
        let one = |moved: &'a Moved| {
            Sql::new("DELETE FROM attr_index WHERE tenant_id = ? AND attr_id = ? AND skey = ? AND rid = ?")
                .bind(self.tenant)
                .bind(moved.attr)
                .bind(&moved.old)
                .bind(moved.id)
        };
        holders.moved.iter().map(one).collect()
    }
}

/// Removes the keys of a list by their place.
const REMOVE_MOVED: &str =
    "DELETE FROM attr_index WHERE ctid = ANY (ARRAY(SELECT (SELECT x.ctid FROM attr_index x
     WHERE x.tenant_id = ? AND x.attr_id = CAST(e.value->>1 AS integer) AND x.skey = e.value->>2
     AND x.rid = (e.value->>0)::uuid AND x.elem = 0) FROM ";

/// Removes the members of a list by their place.
const REMOVE_MEMBERS: &str =
    "DELETE FROM group_member WHERE ctid = ANY (ARRAY(SELECT (SELECT x.ctid FROM group_member x
     WHERE x.tenant_id = ? AND x.group_id = ? AND x.member_id = e.rid) FROM ";

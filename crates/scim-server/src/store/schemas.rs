//! What a tenant defines: its schemas and resource types, and which of their attributes are found by keys.
//!
//! Every change of a resource names the version of the definitions that it was checked by, and holds that version until it is committed
//! (`Scope::in_force`): a definition changes when no such change is under way, and none that began before it is committed after it.

use std::time::Duration;

use diesel::sql_types::{BigInt, Integer, SmallInt, Text};
use uuid::Uuid;

use super::changing::Writer;
use super::connection::Conn;
use super::dialect::{Rid, RidSql};
use super::directory::Directory;
use super::error::StoreError;
use super::jobs::Kind;
use super::model::{Change, IndexKey, Key, Micros, TenantId};
use super::resources::{Reader, json};
use super::sql::Sql;
use super::{Store, TenantStore};

/// What a tenant has defined, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    /// Grows with every change of what follows.
    pub version: i64,
    /// The bodies of its schemas, in the order of their URNs.
    pub schemas: Vec<String>,
    /// Its resource types: the number and the body of each, in the order of their numbers.
    pub types: Vec<(i16, String)>,
    /// The attributes that are found by keys.
    pub indexes: Vec<IndexRow>,
}

/// An attribute that is found by keys, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRow {
    /// The number of its keys.
    pub id: i32,
    /// The resource type.
    pub rtype: i16,
    /// The path.
    pub path: String,
    /// How far its keys are.
    pub state: IndexState,
}

/// How far the keys of an attribute are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IndexState {
    /// They are to go.
    Going,
    /// They are being made.
    Building,
    /// They are there.
    Ready,
}

/// Keys that are to be made or to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Whose.
    pub tenant: TenantId,
    /// Which attribute.
    pub index: IndexRow,
    /// The keys of resources up to this one are made.
    pub done: Uuid,
    /// When somebody last worked on it.
    pub touched: Micros,
}

impl IndexState {
    fn code(self) -> i16 {
        match self {
            IndexState::Going => 0,
            IndexState::Building => 1,
            IndexState::Ready => 2,
        }
    }

    fn from_code(code: i16) -> IndexState {
        match code {
            0 => IndexState::Going,
            1 => IndexState::Building,
            _ => IndexState::Ready,
        }
    }
}

/// How long a definition may take that looks through everything the tenant has.
const LONG: Duration = Duration::from_secs(120);

/// One statement, and therefore one moment: the version, schemas, types and indexes, told apart by the first column.
const DEFINITIONS: &str = "SELECT CAST(0 AS smallint), schema_version, CAST(0 AS smallint), '' FROM tenant WHERE tenant_id = ?
     UNION ALL SELECT CAST(1 AS smallint), CAST(0 AS bigint), CAST(0 AS smallint), body FROM tenant_schema WHERE tenant_id = ?
     UNION ALL SELECT CAST(2 AS smallint), CAST(rtype AS bigint), CAST(0 AS smallint), body FROM tenant_type WHERE tenant_id = ?
     UNION ALL SELECT CAST(3 + state AS smallint), CAST(attr_id AS bigint), rtype, path FROM attr_def WHERE tenant_id = ?";

type DefinitionTypes = (SmallInt, BigInt, SmallInt, Text);

impl Reader<'_> {
    /// What the tenant has defined; `None` when there is no such tenant.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn definitions(&mut self) -> Result<Option<Definitions>, StoreError> {
        let tenant = self.tenant;
        let sql = Sql::new(DEFINITIONS)
            .bind(tenant)
            .bind(tenant)
            .bind(tenant)
            .bind(tenant);
        let rows = self
            .conn
            .load::<DefinitionTypes, (i16, i64, i16, String)>(sql)?;
        let mut found = Definitions::default();
        for (kind, number, rtype, text) in rows {
            match kind {
                0 => found.version = number,
                1 => found.schemas.push(text),
                2 => found.types.push((small(number)?, text)),
                state => found.indexes.push(IndexRow {
                    id: i32::try_from(number).map_err(|_| broken())?,
                    rtype,
                    path: text,
                    state: IndexState::from_code(state - 3),
                }),
            }
        }
        found.schemas.sort_unstable();
        found.types.sort_unstable();
        found.indexes.sort_unstable_by_key(|one| one.id);
        Ok((found.version > 0).then_some(found))
    }

    /// The version of what the tenant has defined.
    pub(super) fn schema_version(&mut self) -> Result<Option<i64>, StoreError> {
        let sql =
            Sql::new("SELECT schema_version FROM tenant WHERE tenant_id = ?").bind(self.tenant);
        Ok(self
            .conn
            .first::<(BigInt,), (i64,)>(sql)?
            .map(|(version,)| version))
    }

    /// Up to `limit` resources of a type in the order of creation, after the one named, whose documents
    /// hold a text and that were changed since a moment.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn holding(
        &mut self,
        rtype: i16,
        text: &str,
        since: Micros,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<super::Stored>, StoreError> {
        let holds = self.conn.dialect().document_holds();
        let sql = Sql::new("SELECT ")
            .then(self.column_names())
            .then(" FROM resource r WHERE r.tenant_id = ? AND r.rtype = ? AND r.rid > ? AND r.modified >= ?")
            .bind(self.tenant)
            .bind(rtype)
            .bind(after.unwrap_or_default())
            .bind(since)
            .then(holds)
            .bind(text)
            .then(" ORDER BY r.rid LIMIT CAST(? AS bigint)")
            .bind(limit.max(0));
        self.many(sql)
    }

    /// Which of some keys an attribute has, of the unique ones or the others.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn keys_among(
        &mut self,
        attr: i32,
        unique: bool,
        keys: &[String],
    ) -> Result<Vec<String>, StoreError> {
        let rows: Vec<[&String; 1]> = keys.iter().map(|key| [key]).collect();
        let list = json(&rows)?;
        let table = if unique {
            " WHERE (SELECT 1 FROM attr_unique x WHERE x.tenant_id = ? AND x.attr_id = ? AND x.skey = e.value->>0 LIMIT 1) IS NOT NULL"
        } else {
            " WHERE (SELECT 1 FROM attr_index x WHERE x.tenant_id = ? AND x.attr_id = ? AND x.skey = e.value->>0 LIMIT 1) IS NOT NULL"
        };
        let sql = Sql::new("SELECT e.value->>0 FROM ")
            .then(self.conn.dialect().list())
            .bind(&list)
            .then(table)
            .bind(self.tenant)
            .bind(attr);
        let rows = self.conn.load::<(Text,), (String,)>(sql)?;
        Ok(rows.into_iter().map(|(key,)| key).collect())
    }

    /// Up to `limit` keys of an attribute after the one named, in order, with the resource of each.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn keys_after(
        &mut self,
        attr: i32,
        unique: bool,
        after: Option<(&str, Uuid)>,
        limit: i64,
    ) -> Result<Vec<(String, Uuid)>, StoreError> {
        let (skey, id) = after.unwrap_or(("", Uuid::nil()));
        let sql = Sql::new(if unique {
            "SELECT skey, rid FROM attr_unique WHERE tenant_id = ? AND attr_id = ? AND (skey, rid) > (?, ?)
             ORDER BY skey, rid LIMIT CAST(? AS bigint)"
        } else {
            "SELECT DISTINCT skey, rid FROM attr_index WHERE tenant_id = ? AND attr_id = ? AND (skey, rid) > (?, ?)
             ORDER BY skey, rid LIMIT CAST(? AS bigint)"
        })
        .bind(self.tenant)
        .bind(attr)
        .bind(skey)
        .bind(id)
        .bind(limit);
        let rows = self.conn.load::<(Text, RidSql), (String, Rid)>(sql)?;
        Ok(rows.into_iter().map(|(key, id)| (key, id.0)).collect())
    }
}

impl Writer<'_> {
    /// What the tenant has defined; nobody changes that or any of its resources until this transaction ends.
    ///
    /// # Errors
    ///
    /// `NoTenant` when it was deleted.
    pub fn hold_definitions(&mut self) -> Result<Definitions, StoreError> {
        let dialect = self.conn.dialect();
        if let Some(words) = dialect.unhurried() {
            self.conn.say(words)?;
        }
        let sql = Sql::new("SELECT r.schema_version FROM tenant r WHERE r.tenant_id = ?")
            .bind(self.tenant)
            .then(dialect.hold_exclusively());
        self.conn.first::<(BigInt,), (i64,)>(sql)?;
        let found = self.definitions()?.ok_or(StoreError::NoTenant)?;
        self.schema = Some(found.version);
        Ok(found)
    }

    /// Puts a schema; `urn` in small letters.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn put_schema(&mut self, urn: &str, body: &str) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO tenant_schema (tenant_id, urn, body) VALUES (?, ?, ?)
             ON CONFLICT (tenant_id, urn) DO UPDATE SET body = excluded.body",
        );
        self.say(sql.bind(self.tenant).bind(urn).bind(body))
    }

    /// Removes a schema; `urn` in small letters.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn remove_schema(&mut self, urn: &str) -> Result<(), StoreError> {
        let sql = Sql::new("DELETE FROM tenant_schema WHERE tenant_id = ? AND urn = ?");
        self.say(sql.bind(self.tenant).bind(urn))
    }

    /// Puts a resource type; `name` in small letters.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn put_type(&mut self, name: &str, rtype: i16, body: &str) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO tenant_type (tenant_id, name, rtype, body) VALUES (?, ?, ?, ?)
             ON CONFLICT (tenant_id, name) DO UPDATE SET rtype = excluded.rtype, body = excluded.body",
        );
        self.say(sql.bind(self.tenant).bind(name).bind(rtype).bind(body))
    }

    /// Removes a resource type; `name` in small letters.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn remove_type(&mut self, name: &str) -> Result<(), StoreError> {
        let sql = Sql::new("DELETE FROM tenant_type WHERE tenant_id = ? AND name = ?");
        self.say(sql.bind(self.tenant).bind(name))
    }

    /// A number that no resource type of the tenant ever had.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn next_type(&mut self) -> Result<i16, StoreError> {
        let sql = Sql::new(
            "UPDATE tenant SET next_type = next_type + 1 WHERE tenant_id = ? RETURNING CAST(next_type - 1 AS bigint)",
        );
        let sql = sql.bind(self.tenant);
        let row = self.conn.first::<(BigInt,), (i64,)>(sql)?;
        row.map_or(Err(StoreError::NoTenant), |(number,)| small(number))
    }

    /// The first of `count` numbers that no attribute of the tenant ever had.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn next_attrs(&mut self, count: i32) -> Result<i32, StoreError> {
        let sql = Sql::new(
            "UPDATE tenant SET next_attr = next_attr + ? WHERE tenant_id = ? RETURNING next_attr - ?",
        );
        let sql = sql.bind(count).bind(self.tenant).bind(count);
        let row = self.conn.first::<(Integer,), (i32,)>(sql)?;
        row.map_or(Err(StoreError::NoTenant), |(first,)| Ok(first))
    }

    /// Puts what is known of an attribute's keys.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn put_index(&mut self, index: &IndexRow, at: Micros) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO attr_def (tenant_id, attr_id, rtype, path, state, done, touched) VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (tenant_id, attr_id) DO UPDATE SET state = excluded.state, touched = excluded.touched",
        )
        .bind(self.tenant)
        .bind(index.id)
        .bind(index.rtype)
        .bind(&index.path)
        .bind(index.state.code())
        .bind(Uuid::nil())
        .bind(at);
        self.say(sql)
    }

    /// Puts in force what has changed about indexes.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn bump(&mut self) -> Result<(), StoreError> {
        let sql =
            Sql::new("UPDATE tenant SET schema_version = schema_version + 1 WHERE tenant_id = ?");
        self.say(sql.bind(self.tenant))
    }

    /// Puts what has been defined in force, with its row among the changes.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn define(&mut self, change: &Change) -> Result<(), StoreError> {
        self.bump()?;
        let version = self.schema.unwrap_or_default().saturating_add(1);
        let attributes = json(&change.attributes)?;
        let record = Sql::new(
            "INSERT INTO change (tenant_id, position, change_id, rtype, rid, kind, version, attributes, actor, at) SELECT ?, ",
        )
        .bind(self.tenant)
        .append(self.conn.dialect().position(self.tenant))
        .then(", ?, CAST(0 AS smallint), ?, ?, ?, ?, ?, ?")
        .bind(change.id)
        .bind(Uuid::nil())
        .bind(change.kind.code())
        .bind(version)
        .bind(&attributes)
        .bind(&change.actor)
        .bind(change.at);
        self.say(record)
    }

    /// Adds keys of one attribute; one that is there already stays.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn add_index_keys(&mut self, keys: &[(Uuid, IndexKey)]) -> Result<(), StoreError> {
        let rows: Vec<_> = keys
            .iter()
            .map(|(id, key)| (id.simple().to_string(), key.attr, key.elem, &key.skey))
            .collect();
        let list = json(&rows)?;
        let dialect = self.conn.dialect();
        let sql = Sql::new(
            "INSERT INTO attr_index (tenant_id, rid, attr_id, elem, skey) SELECT ?, ",
        )
        .bind(self.tenant)
        .then(dialect.listed_id())
        .then(", CAST(e.value->>1 AS integer), CAST(e.value->>2 AS smallint), e.value->>3 FROM ")
        .then(dialect.list())
        .bind(&list)
        .then(" WHERE true ON CONFLICT DO NOTHING");
        self.say(sql)
    }

    /// Adds keys that no two resources share; the caller has seen that they do not.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn add_unique_keys(&mut self, keys: &[(Uuid, Key)]) -> Result<(), StoreError> {
        let rows: Vec<_> = keys
            .iter()
            .map(|(id, key)| (id.simple().to_string(), key.attr, &key.skey))
            .collect();
        let list = json(&rows)?;
        let dialect = self.conn.dialect();
        let sql = Sql::new("INSERT INTO attr_unique (tenant_id, rid, attr_id, skey) SELECT ?, ")
            .bind(self.tenant)
            .then(dialect.listed_id())
            .then(", CAST(e.value->>1 AS integer), e.value->>2 FROM ")
            .then(dialect.list())
            .bind(&list)
            .then(" WHERE true");
        self.say(sql)
    }

    /// Whether the keys of an attribute are still being made: then nobody else goes on with it, and no definition changes, until this transaction
    /// ends.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn go_on(
        &mut self,
        attr: i32,
        done: Uuid,
        state: IndexState,
        at: Micros,
    ) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "UPDATE attr_def SET touched = ? WHERE tenant_id = ? AND attr_id = ? AND done = ? AND state = ?
             AND EXISTS (SELECT 1 FROM tenant x WHERE x.tenant_id = ?",
        )
        .bind(at)
        .bind(self.tenant)
        .bind(attr)
        .bind(done)
        .bind(state.code())
        .bind(self.tenant)
        .then(self.conn.dialect().hold_reference())
        .then(")");
        Ok(self.conn.exec(sql)? > 0)
    }

    /// Remembers that the keys of resources up to one are made.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn got_to(&mut self, attr: i32, done: Uuid) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE attr_def SET done = ? WHERE tenant_id = ? AND attr_id = ?");
        self.say(sql.bind(done).bind(self.tenant).bind(attr))
    }

    /// Up to `limit` resources of a type after the one named, in the order of creation, which nobody changes until this transaction ends.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn scan_held(
        &mut self,
        rtype: i16,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<super::Stored>, StoreError> {
        let hold = self.conn.dialect().hold();
        let sql = Sql::new("SELECT ")
            .then(self.column_names())
            .then(" FROM resource r WHERE r.tenant_id = ? AND r.rtype = ? AND r.rid > ? ORDER BY r.rid LIMIT CAST(? AS bigint)")
            .bind(self.tenant)
            .bind(rtype)
            .bind(after)
            .bind(limit)
            .then(hold);
        self.many(sql)
    }

    /// Removes up to `limit` keys of an attribute, and when none are left what is known of it; true when there were more.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub fn remove_index_keys(&mut self, attr: i32, limit: i64) -> Result<bool, StoreError> {
        for (attr, find, remove) in [
            (
                attr,
                INDEX_BOUND,
                "DELETE FROM attr_index WHERE tenant_id = ? AND attr_id = ? AND (skey, rid) <= (?, ?)",
            ),
            (
                -attr,
                INDEX_BOUND,
                "DELETE FROM attr_index WHERE tenant_id = ? AND attr_id = ? AND (skey, rid) <= (?, ?)",
            ),
            (
                attr,
                UNIQUE_BOUND,
                "DELETE FROM attr_unique WHERE tenant_id = ? AND attr_id = ? AND (skey, rid) <= (?, ?)",
            ),
        ] {
            let sql = Sql::new(find).bind(self.tenant).bind(attr).bind(limit);
            let rows = self.conn.load::<(Text, RidSql), (String, Rid)>(sql)?;
            let Some((skey, id)) = rows.last() else {
                continue;
            };
            let sql = Sql::new(remove)
                .bind(self.tenant)
                .bind(attr)
                .bind(skey.as_str())
                .bind(id.0);
            self.say(sql)?;
            return Ok(true);
        }
        let sql =
            Sql::new("DELETE FROM attr_def WHERE tenant_id = ? AND attr_id = ? AND state = 0");
        self.say(sql.bind(self.tenant).bind(attr))?;
        Ok(false)
    }

    fn say(&mut self, sql: Sql<'_>) -> Result<(), StoreError> {
        self.conn.exec(sql).map(|_| ())
    }
}

const INDEX_BOUND: &str = "SELECT skey, rid FROM attr_index WHERE tenant_id = ? AND attr_id = ? ORDER BY skey, rid LIMIT CAST(? AS bigint)";
const UNIQUE_BOUND: &str = "SELECT skey, rid FROM attr_unique WHERE tenant_id = ? AND attr_id = ? ORDER BY skey LIMIT CAST(? AS bigint)";

impl TenantStore {
    /// The same rows for a request that was checked by this version of the tenant's definitions: its changes are refused with `SchemaChanged`
    /// once there is another.
    #[must_use]
    pub fn at_version(mut self, version: i64) -> TenantStore {
        self.schema = Some(version);
        self
    }

    /// The same rows while keys are made of resources that are there already (`service::indexing`): a change then holds the resource before it
    /// begins, or the statement that removes its keys would not see those that were made a moment ago.
    #[must_use]
    pub fn holding(mut self, holding: bool) -> TenantStore {
        self.holding = holding;
        self
    }

    /// What the tenant has defined.
    ///
    /// # Errors
    ///
    /// `NoTenant` when there is none.
    pub async fn definitions(&self) -> Result<Definitions, StoreError> {
        self.read(|tx| tx.definitions()?.ok_or(StoreError::NoTenant))
            .await
    }

    /// Runs a closure that looks through much of what the tenant has; it may take long.
    ///
    /// # Errors
    ///
    /// What the closure returns.
    pub async fn look_through<T, E, F>(&self, mut f: F) -> Result<T, E>
    where
        F: FnMut(&mut Reader<'_>) -> Result<T, E> + Send + 'static,
        E: From<StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let tenant = self.id;
        let run = move |conn: &mut Conn, _| {
            f(&mut Reader {
                conn,
                tenant,
                held: false,
                marks: false,
            })
        };
        self.store
            .submit(Kind::Read, "look_through", LONG, run)
            .await
    }

    /// Runs a closure that changes what the tenant defines; it may take long.
    ///
    /// # Errors
    ///
    /// What the closure returns, and then nothing was changed.
    pub async fn redefine<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
        E: From<StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.run(Kind::Transaction, "redefine", LONG, f).await
    }
}

type UnfinishedTypes = (BigInt, Integer, SmallInt, Text, SmallInt, RidSql, BigInt);
type UnfinishedRow = (i64, i32, i16, String, i16, Rid, i64);

impl Directory {
    /// The door to one tenant's rows.
    #[must_use]
    pub fn tenant(&self, id: TenantId) -> TenantStore {
        Store::tenant(&self.store, id)
    }

    /// Keys that are to be made or to go, of any tenant.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn unfinished(&self, limit: i64) -> Result<Vec<Unfinished>, StoreError> {
        self.read(move |conn: &mut Conn| {
            let sql = Sql::new(
                "SELECT tenant_id, attr_id, rtype, path, state, done, touched FROM attr_def WHERE state < 2
                 ORDER BY tenant_id, attr_id LIMIT CAST(? AS bigint)",
            );
            let rows = conn.load::<UnfinishedTypes, UnfinishedRow>(sql.bind(limit))?;
            let unfinished = rows.into_iter().map(|(tenant, id, rtype, path, state, done, touched)| Unfinished {
                tenant: TenantId::new(tenant),
                index: IndexRow {
                    id,
                    rtype,
                    path,
                    state: IndexState::from_code(state),
                },
                done: done.0,
                touched,
            });
            Ok(unfinished.collect())
        })
        .await
    }
}

fn small(number: i64) -> Result<i16, StoreError> {
    i16::try_from(number).map_err(|_| broken())
}

fn broken() -> StoreError {
    StoreError::internal("a number of a definition is out of range")
}

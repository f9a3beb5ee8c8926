//! A database for one test, and short words for what tests do with it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection};
use r2d2::ManageConnection;
use tempfile::TempDir;
use uuid::Uuid;

use crate::store::connection::Conn;
use crate::store::query::{KeyTable, Keyed, Set, Test};
use crate::store::sql::Sql;
use crate::store::{
    Change, ChangeKind, ChangeRow, Delete, IndexKey, Key, Keys, Member, Members, NewResource,
    Store, StoreError, StoreOptions, Stored, TenantId, TenantRow, TenantStore, Update,
};

/// Runs each story on both databases.
macro_rules! stories {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            use $crate::store::tests::support::Bed;
            $(#[tokio::test] async fn $name() { super::$name(Bed::sqlite()).await; })*
        }
        mod postgres {
            use $crate::store::tests::support::Bed;
            $(#[tokio::test] async fn $name() {
                if let Some(bed) = Bed::postgres() { super::$name(bed).await; }
            })*
        }
    };
}
pub(super) use stories;

pub(super) const USER: i16 = 1;
pub(super) const GROUP: i16 = 2;
pub(super) const USER_NAME: i32 = 1;
pub(super) const EMAIL: i32 = 5;

/// Who drops the database at the end.
pub(super) enum Home {
    Dir(TempDir),
    Server { url: String, name: String },
}

/// A database for one test, and a store on it.
pub(super) struct Bed {
    pub(super) store: Store,
    pub(super) url: String,
    home: Home,
}

static NEXT: AtomicU64 = AtomicU64::new(0);
static TIME: AtomicI64 = AtomicI64::new(1_700_000_000_000_000);

impl Bed {
    pub(super) fn sqlite() -> Bed {
        Bed::new(Bed::empty_sqlite())
    }

    pub(super) fn postgres() -> Option<Bed> {
        Bed::empty_postgres().map(Bed::new)
    }

    pub(super) fn is_postgres(&self) -> bool {
        matches!(self.home, Home::Server { .. })
    }

    /// The same database with another store on it.
    pub(super) fn tuned(mut self, tune: impl FnOnce(&mut StoreOptions)) -> Bed {
        self.store.close();
        let mut options = options(&self.url);
        tune(&mut options);
        self.store = Store::open(&options).unwrap();
        self
    }

    pub(super) fn empty_sqlite() -> (String, Home) {
        let dir = TempDir::new().unwrap();
        (
            format!("sqlite:{}", dir.path().join("test.db").display()),
            Home::Dir(dir),
        )
    }

    pub(super) fn empty_postgres() -> Option<(String, Home)> {
        let url = std::env::var("SCIMD_TEST_POSTGRES").ok()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("scimd_test_{}_{number}", std::process::id());
        openssl_sys::init();
        PgConnection::establish(&url)
            .unwrap()
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .unwrap();
        let (server, parameters) = url
            .split_once('?')
            .map_or((url.as_str(), ""), |(a, b)| (a, b));
        let host = server.split('/').take(3).collect::<Vec<_>>().join("/");
        let database = format!("{host}/{name}?{parameters}");
        let home = Home::Server {
            url: url.clone(),
            name,
        };
        Some((database.trim_end_matches('?').to_owned(), home))
    }

    fn new((url, home): (String, Home)) -> Bed {
        let store = Store::open(&options(&url)).unwrap();
        store.migrate().unwrap();
        Bed { store, url, home }
    }

    /// A connection past the store.
    pub(super) fn raw(&self) -> Conn {
        self.store.inner.manager.connect().unwrap()
    }

    pub(super) async fn tenant(&self, slug: &str) -> TenantStore {
        let row = tenant(slug);
        self.store.directory().create_tenant(&row).await.unwrap();
        self.store.tenant(row.id)
    }

    /// All tables that have rows of tenants, with the number of rows.
    pub(super) fn rows(&self) -> Vec<(String, i64)> {
        let mut conn = self.raw();
        let tables = if self.is_postgres() {
            "SELECT table_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1"
        } else {
            "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.name = 'tenant_id' ORDER BY 1"
        };
        let tables = conn.load::<(Text,), (String,)>(Sql::new(tables)).unwrap();
        assert!(tables.len() >= 7, "{tables:?}");
        let mut counts = Vec::new();
        for (table,) in tables {
            let sql: &'static str =
                Box::leak(format!("SELECT count(*) FROM {table}").into_boxed_str());
            let row = conn.first::<(BigInt,), (i64,)>(Sql::new(sql)).unwrap();
            counts.push((table, row.unwrap().0));
        }
        counts
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.store.close();
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        match self {
            Home::Dir(dir) => assert!(dir.path().exists()),
            Home::Server { url, name } => {
                let mut conn = PgConnection::establish(url).unwrap();
                let _ = conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
            }
        }
    }
}

pub(super) fn options(url: &str) -> StoreOptions {
    StoreOptions {
        readers: 4,
        timeout: Duration::from_secs(8),
        ..StoreOptions::new(url)
    }
}

/// A `UUIDv7`, greater than all before.
pub(super) fn next_id() -> Uuid {
    let number = now().unsigned_abs();
    let [.., a, b] = number.to_be_bytes();
    uuid::Builder::from_unix_timestamp_millis(number, &[0, 0, 0, 0, 0, 0, 0, 0, a, b]).into_uuid()
}

pub(super) fn now() -> i64 {
    TIME.fetch_add(1, Ordering::Relaxed)
}

pub(super) fn tenant(slug: &str) -> TenantRow {
    TenantRow {
        id: TenantId::new(now()),
        slug: slug.to_owned(),
        display_name: None,
        profile: "default".to_owned(),
        environment: "production".to_owned(),
        policy: "{}".to_owned(),
        suspended: false,
        created: now(),
        schema_version: 1,
    }
}

pub(super) fn change(kind: ChangeKind) -> Change {
    Change {
        id: next_id(),
        kind,
        attributes: vec!["userName".to_owned(), "näme \"x\"".to_owned()],
        actor: "token:7".to_owned(),
        at: now(),
    }
}

pub(super) fn unique(name: &str) -> Key {
    Key {
        attr: USER_NAME,
        skey: name.to_owned(),
    }
}

pub(super) fn email(elem: i16, value: &str) -> IndexKey {
    IndexKey {
        attr: EMAIL,
        elem,
        skey: value.to_owned(),
    }
}

pub(super) fn keys(name: &str, emails: &[&str]) -> Keys {
    let emails = emails
        .iter()
        .zip(0..)
        .map(|(value, elem)| email(elem, value));
    Keys::new(vec![unique(name)], emails.collect())
}

pub(super) fn doc(name: &str) -> String {
    format!(r#"{{"userName":"{name}"}}"#)
}

pub(super) fn user(name: &str, emails: &[&str]) -> NewResource {
    NewResource {
        rtype: USER,
        id: next_id(),
        at: now(),
        doc: doc(name),
        secret: None,
        keys: keys(name, emails),
        members: Members::default(),
        change: change(ChangeKind::Create),
    }
}

/// A group of resources that are users.
pub(super) fn group(name: &str, members: &[Uuid]) -> NewResource {
    let add = members.iter().map(|id| member(*id)).collect();
    NewResource {
        rtype: GROUP,
        members: Members {
            add,
            ..Members::default()
        },
        ..user(name, &[])
    }
}

pub(super) fn member(id: Uuid) -> Member {
    Member {
        id,
        rtype: USER,
        display: None,
        sent: None,
    }
}

/// `old` under another name and with other addresses.
pub(super) fn renamed(old: &Stored, was: &Keys, name: &str, emails: &[&str]) -> Update {
    let (removed, added) = Keys::diff(was, &keys(name, emails));
    Update {
        rtype: USER,
        id: old.id,
        expected: old.version,
        at: now(),
        doc: doc(name),
        secret: None,
        removed,
        added,
        members: Members::default(),
        change: change(ChangeKind::Update),
    }
}

pub(super) fn deletion(old: &Stored, keys: &Keys) -> Delete {
    Delete {
        rtype: USER,
        id: old.id,
        expected: old.version,
        keys: keys.clone(),
        holders: None,
        change: change(ChangeKind::Delete),
    }
}

/// What tests do with a tenant.
impl TenantStore {
    pub(super) async fn add(&self, new: &NewResource) -> Result<(), StoreError> {
        let new = new.clone();
        self.write("insert", move |w| w.insert(&new)).await
    }

    pub(super) async fn put(&self, update: &Update) -> Result<(), StoreError> {
        let update = update.clone();
        self.write("update", move |w| w.update(&update)).await
    }

    pub(super) async fn remove(&self, delete: &Delete) -> Result<(), StoreError> {
        let delete = delete.clone();
        self.write("delete", move |w| w.delete(&delete)).await
    }

    pub(super) async fn find(&self, id: Uuid) -> Option<Stored> {
        self.read(move |r| r.get(USER, id)).await.unwrap()
    }

    pub(super) async fn named(&self, name: &str) -> Option<Stored> {
        let name = name.to_owned();
        self.read(move |r| r.by_unique(USER, USER_NAME, &name))
            .await
            .unwrap()
    }

    pub(super) async fn mailed(&self, value: &str) -> Vec<Uuid> {
        let set = keyed(EMAIL, Test::Equal(value.to_owned()));
        let found = self.read(move |r| r.ids(USER, &set, 100)).await;
        found.unwrap().unwrap()
    }

    /// The changes, once there are so many: on `PostgreSQL` a reader waits for every transaction that runs on the server, those of other tests too.
    pub(super) async fn changes(&self, expected: usize) -> Vec<ChangeRow> {
        for _ in 0..500 {
            let changes = self.read(|r| r.changes(None, 1000)).await.unwrap();
            if changes.len() >= expected {
                return changes;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        unreachable!("not {expected} changes within 10 seconds")
    }

    pub(super) async fn total(&self) -> i64 {
        self.read(|r| r.count(USER)).await.unwrap()
    }
}

pub(super) fn ids(found: &[Stored]) -> Vec<Uuid> {
    found.iter().map(|item| item.id).collect()
}

/// The resources with a key of a multi-valued attribute that passes a test.
pub(super) fn keyed(attr: i32, test: Test) -> Set {
    let keys = KeyTable {
        attr,
        unique: false,
        several: true,
    };
    Set::Keys(Keyed { keys, test })
}

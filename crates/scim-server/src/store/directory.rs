//! What stands above tenants: the tenants themselves, tokens (`tokens.rs`) and settings of the installation. For administration and the gate.

use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::connection::Conn;
use super::error::StoreError;
use super::jobs::Kind;
use super::model::{Micros, TenantId};
use super::sql::Sql;
use super::{Duration, Store};

/// Tenants, tokens and settings.
#[derive(Debug, Clone)]
pub struct Directory {
    pub(super) store: Store,
}

/// A tenant as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantRow {
    /// Its number.
    pub id: TenantId,
    /// Its name in paths, unique.
    pub slug: String,
    /// Its name for people.
    pub display_name: Option<String>,
    /// The profile it was made from.
    pub profile: String,
    /// `production` or `test`.
    pub environment: String,
    /// Its policy, JSON.
    pub policy: String,
    /// Whether its clients are refused.
    pub suspended: bool,
    /// When it was created.
    pub created: Micros,
    /// Grows with every change of its schemas.
    pub schema_version: i64,
}

const TENANT: &str = "SELECT tenant_id, slug, display_name, profile, environment, policy, suspended, created, schema_version FROM tenant";
type Types = (
    BigInt,
    Text,
    Nullable<Text>,
    Text,
    Text,
    Text,
    Bool,
    BigInt,
    BigInt,
);
type Row = (
    i64,
    String,
    Option<String>,
    String,
    String,
    String,
    bool,
    i64,
    i64,
);

/// Every table with rows of tenants. The tenant goes first: what is under way for it finds it gone.
const TABLES: [&str; 11] = [
    "DELETE FROM tenant WHERE tenant_id = ?",
    "DELETE FROM token WHERE tenant_id = ?",
    "DELETE FROM attr_unique WHERE tenant_id = ?",
    "DELETE FROM attr_index WHERE tenant_id = ?",
    "DELETE FROM resource_count WHERE tenant_id = ?",
    "DELETE FROM group_member WHERE tenant_id = ?",
    "DELETE FROM change WHERE tenant_id = ?",
    "DELETE FROM tenant_schema WHERE tenant_id = ?",
    "DELETE FROM tenant_type WHERE tenant_id = ?",
    "DELETE FROM attr_def WHERE tenant_id = ?",
    "DELETE FROM resource WHERE tenant_id = ?",
];

/// How long the deletion of a large tenant may take.
const DELETION: Duration = Duration::from_secs(120);

fn tenant(row: Row) -> TenantRow {
    let (id, slug, display_name, profile, environment, policy, suspended, created, schema_version) =
        row;
    TenantRow {
        id: TenantId::new(id),
        slug,
        display_name,
        profile,
        environment,
        policy,
        suspended,
        created,
        schema_version,
    }
}

impl Directory {
    /// A setting's value.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.read(move |conn| setting(conn, &name)).await
    }

    /// Sets a setting unless it is set; gives the value that is in force, the same to all who ask at once.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn put_setting_if_absent(
        &self,
        name: &str,
        value: &str,
    ) -> Result<String, StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write("put_setting_if_absent", move |conn| {
            conn.exec(
                Sql::new(
                    "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                )
                .bind(&name)
                .bind(&value),
            )?;
            let found = setting(conn, &name)?;
            found.ok_or_else(|| StoreError::internal("a setting is gone"))
        })
        .await
    }

    /// Sets a setting.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn put_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write("put_setting", move |conn| put_setting(conn, &name, &value))
            .await
    }

    /// Creates a tenant.
    ///
    /// # Errors
    ///
    /// `SlugTaken` when another one has the slug.
    pub async fn create_tenant(&self, tenant: &TenantRow) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.write("create_tenant", move |conn| {
            conn.exec(
                Sql::new(
                    "INSERT INTO tenant (tenant_id, slug, display_name, profile, environment, policy, suspended, created, schema_version)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                )
                .bind(tenant.id)
                .bind(&tenant.slug)
                .bind(tenant.display_name.as_deref())
                .bind(&tenant.profile)
                .bind(&tenant.environment)
                .bind(&tenant.policy)
                .bind(tenant.suspended)
                .bind(tenant.created)
                .bind(tenant.schema_version),
            )
            .map(|_| ())
        })
        .await
    }

    /// The tenant with this slug.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn tenant_by_slug(&self, slug: &str) -> Result<Option<TenantRow>, StoreError> {
        let slug = slug.to_owned();
        self.read(move |conn| {
            let sql = Sql::new(TENANT).then(" WHERE slug = ?").bind(&slug);
            Ok(conn.first::<Types, Row>(sql)?.map(tenant))
        })
        .await
    }

    /// The tenant with this number.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn tenant_by_id(&self, id: TenantId) -> Result<Option<TenantRow>, StoreError> {
        self.read(move |conn| {
            let sql = Sql::new(TENANT).then(" WHERE tenant_id = ?").bind(id);
            Ok(conn.first::<Types, Row>(sql)?.map(tenant))
        })
        .await
    }

    /// Up to `limit` tenants whose slugs come after the one named, in the order of slugs.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn list_tenants(
        &self,
        after_slug: Option<String>,
        limit: i64,
    ) -> Result<Vec<TenantRow>, StoreError> {
        let after = after_slug.unwrap_or_default();
        self.read(move |conn| {
            let sql = Sql::new(TENANT)
                .then(" WHERE slug > ? ORDER BY slug LIMIT CAST(? AS bigint)")
                .bind(&after)
                .bind(limit);
            Ok(conn
                .load::<Types, Row>(sql)?
                .into_iter()
                .map(tenant)
                .collect())
        })
        .await
    }

    /// How many tenants there are.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn count_tenants(&self) -> Result<i64, StoreError> {
        self.read(|conn| {
            let row = conn.first::<(BigInt,), (i64,)>(Sql::new("SELECT count(*) FROM tenant"))?;
            Ok(row.map_or(0, |(count,)| count))
        })
        .await
    }

    /// Writes a tenant's `display_name`, `policy` and `suspended`. False when it does not exist.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn update_tenant(&self, tenant: &TenantRow) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        self.write("update_tenant", move |conn| {
            let sql = Sql::new(
                "UPDATE tenant SET display_name = ?, policy = ?, suspended = ? WHERE tenant_id = ?",
            )
            .bind(tenant.display_name.as_deref())
            .bind(&tenant.policy)
            .bind(tenant.suspended)
            .bind(tenant.id);
            Ok(conn.exec(sql)? > 0)
        })
        .await
    }

    /// Deletes a tenant with every row of every table, in one transaction. False when it does not exist.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn delete_tenant(&self, id: TenantId) -> Result<bool, StoreError> {
        let gone = self.sweep(id).await?;
        // A change that was under way while the tenant went may have left rows: nobody can reach them, and they go now.
        self.sweep(id).await?;
        Ok(gone)
    }

    async fn sweep(&self, id: TenantId) -> Result<bool, StoreError> {
        let run = move |conn: &mut Conn, _| {
            if let Some(words) = conn.dialect().unhurried() {
                conn.say(words)?;
            }
            let mut counts = Vec::with_capacity(TABLES.len());
            for table in TABLES {
                counts.push(conn.exec(Sql::new(table).bind(id))?);
            }
            Ok(counts.first().is_some_and(|tenants| *tenants > 0))
        };
        self.store
            .submit(Kind::Transaction, "delete_tenant", DELETION, run)
            .await
    }

    pub(super) async fn read<T, F>(&self, mut f: F) -> Result<T, StoreError>
    where
        F: FnMut(&mut Conn) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let limit = self.store.inner.timeout;
        self.store
            .submit(Kind::Read, "directory", limit, move |conn, _| f(conn))
            .await
    }

    pub(super) async fn write<T, F>(&self, name: &'static str, mut f: F) -> Result<T, StoreError>
    where
        F: FnMut(&mut Conn) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let limit = self.store.inner.timeout;
        let run = move |conn: &mut Conn, _| f(conn);
        self.store.submit(Kind::Write, name, limit, run).await
    }
}

fn setting(conn: &mut Conn, name: &str) -> Result<Option<String>, StoreError> {
    let sql = Sql::new("SELECT value FROM setting WHERE name = ?").bind(name);
    Ok(conn.first::<(Text,), (String,)>(sql)?.map(|(value,)| value))
}

fn put_setting(conn: &mut Conn, name: &str, value: &str) -> Result<(), StoreError> {
    conn.exec(
        Sql::new("INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(name)
            .bind(value),
    )
    .map(|_| ())
}

impl Store {
    /// Writes as much as a large change does, to see whether writing is possible.
    pub(super) async fn probe(&self, limit: Duration) -> Result<(), StoreError> {
        for size in [PROBE, 0] {
            let text = "x".repeat(size);
            let run = move |conn: &mut Conn, _| put_setting(conn, "probe", &text);
            self.submit(Kind::Write, "probe", limit, run).await?;
        }
        Ok(())
    }
}

/// Bytes, more than a change takes in the log.
const PROBE: usize = 256 * 1024;

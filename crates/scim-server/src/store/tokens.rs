//! The tokens of tenants: what is kept of them, never the secret itself.

use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use uuid::Uuid;

use super::dialect::{Rid, RidSql};
use super::directory::Directory;
use super::error::StoreError;
use super::model::{Micros, TenantId};
use super::resources::json;
use super::sql::Sql;

/// A token as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: TenantId,
    /// The part of it that may be shown, unique.
    pub public_id: String,
    /// HMAC of its secret part.
    pub digest: Vec<u8>,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: Micros,
    /// From when it is refused.
    pub expires: Option<Micros>,
    /// Since when it is refused.
    pub revoked: Option<Micros>,
    /// When it was last used.
    pub last_used: Option<Micros>,
    /// From which address.
    pub last_used_from: Option<String>,
}

/// Without the digest.
impl std::fmt::Debug for TokenRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRow")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// That a token was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenUse {
    /// Which.
    pub id: Uuid,
    /// When.
    pub at: Micros,
    /// From which address.
    pub from: Option<String>,
}

const TOKEN: &str = "SELECT token_id, tenant_id, public_id, digest, name, description, scopes, created, expires, revoked,
                     last_used, last_used_from FROM token";
type Types = (
    RidSql,
    BigInt,
    Text,
    Binary,
    Text,
    Nullable<Text>,
    Text,
    BigInt,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<Text>,
);
type Row = (
    Rid,
    i64,
    String,
    Vec<u8>,
    String,
    Option<String>,
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

fn token(row: Row) -> TokenRow {
    let (
        id,
        tenant,
        public_id,
        digest,
        name,
        description,
        scopes,
        created,
        expires,
        revoked,
        last_used,
        last_used_from,
    ) = row;
    TokenRow {
        id: id.0,
        tenant: TenantId::new(tenant),
        public_id,
        digest,
        name,
        description,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        created,
        expires,
        revoked,
        last_used,
        last_used_from,
    }
}

impl Directory {
    /// Keeps a new token.
    ///
    /// # Errors
    ///
    /// `NoTenant` when its tenant does not exist.
    pub async fn create_token(&self, token: &TokenRow) -> Result<(), StoreError> {
        let (token, scopes) = (token.clone(), token.scopes.join(" "));
        self.write("create_token", move |conn| {
            let sql = Sql::new(
                "INSERT INTO token (token_id, tenant_id, public_id, digest, name, description, scopes, created, expires,
                 revoked, last_used, last_used_from)
                 SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM tenant WHERE tenant_id = ?)",
            )
            .bind(token.id)
            .bind(token.tenant)
            .bind(&token.public_id)
            .bind(token.digest.as_slice())
            .bind(&token.name)
            .bind(token.description.as_deref())
            .bind(&scopes)
            .bind(token.created)
            .bind(token.expires)
            .bind(token.revoked)
            .bind(token.last_used)
            .bind(token.last_used_from.as_deref())
            .bind(token.tenant);
            match conn.exec(sql)? {
                0 => Err(StoreError::NoTenant),
                _ => Ok(()),
            }
        })
        .await
    }

    /// A tenant's tokens, revoked ones too, the oldest first.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn list_tokens(&self, tenant: TenantId) -> Result<Vec<TokenRow>, StoreError> {
        self.read(move |conn| {
            let sql = Sql::new(TOKEN)
                .then(" WHERE tenant_id = ? ORDER BY created, token_id")
                .bind(tenant);
            Ok(conn
                .load::<Types, Row>(sql)?
                .into_iter()
                .map(token)
                .collect())
        })
        .await
    }

    /// The token with this public part, revoked or not.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn token_by_public_id(
        &self,
        public_id: &str,
    ) -> Result<Option<TokenRow>, StoreError> {
        let public_id = public_id.to_owned();
        self.read(move |conn| {
            let sql = Sql::new(TOKEN)
                .then(" WHERE public_id = ?")
                .bind(&public_id);
            Ok(conn.first::<Types, Row>(sql)?.map(token))
        })
        .await
    }

    /// Revokes a tenant's token; the time of the first revocation stays. False when it does not exist.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn revoke_token(
        &self,
        tenant: TenantId,
        id: Uuid,
        at: Micros,
    ) -> Result<bool, StoreError> {
        self.write("revoke_token", move |conn| {
            let sql = Sql::new("UPDATE token SET revoked = coalesce(revoked, ?) WHERE tenant_id = ? AND token_id = ?")
                .bind(at)
                .bind(tenant)
                .bind(id);
            Ok(conn.exec(sql)? > 0)
        })
        .await
    }

    /// Keeps when and from where tokens were last used. An older use does not replace a newer one.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn touch_tokens(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        let list: Vec<_> = uses
            .iter()
            .map(|used| (used.id.simple().to_string(), used.at, &used.from))
            .collect();
        let list = json(&list)?;
        self.write("touch_tokens", move |conn| {
            let dialect = conn.dialect();
            let sql = Sql::new(
                "UPDATE token SET last_used = CAST(e.value->>1 AS bigint), last_used_from = e.value->>2 FROM ",
            )
            .then(dialect.list())
            .bind(&list)
            .then(" WHERE token_id = ")
            .then(dialect.listed_id())
            .then(" AND (last_used IS NULL OR last_used < CAST(e.value->>1 AS bigint))");
            conn.exec(sql).map(|_| ())
        })
        .await
    }
}

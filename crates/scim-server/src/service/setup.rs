//! What scimd makes for itself: the key of tokens' digests, and at the first start a tenant, its token and an administrator's token.

use super::administration::{AdminCx, AdminError};
use super::tenants::{self, NewTenant};
use super::tokens::{self, NewToken};
use crate::clock::Clock;
use crate::secret::Secret;
use crate::store::Directory;
use crate::token::{Digest, Pepper};

const TOKEN_KEY: &str = "token_key";
const ADMIN_TOKEN: &str = "admin_token";
const FIRST_START: &str = "first_start";
/// The tenant of the first start.
pub const FIRST_TENANT: &str = "default";

/// What a server needs before it can answer.
#[derive(Debug)]
pub struct Prepared {
    /// The context of administration.
    pub admin: AdminCx,
    /// The digest of the administrator's token.
    pub admin_digest: Digest,
    /// Secrets that were made just now, to be shown once.
    pub made: Made,
}

/// Secrets made at this start.
#[derive(Debug, Default)]
pub struct Made {
    /// The token of the tenant `default`, when the database was empty.
    pub token: Option<Secret>,
    /// The administrator's token, when none was given and none had been made.
    pub admin: Option<Secret>,
}

/// The context of administration; makes the key of tokens' digests if there is none.
///
/// # Errors
/// When the store cannot answer, or its key is not one.
pub async fn open(directory: Directory, clock: Clock) -> Result<AdminCx, AdminError> {
    let key = match directory.setting(TOKEN_KEY).await? {
        Some(key) => key,
        None => {
            let made = Pepper::generate_hex()?;
            directory
                .put_setting_if_absent(TOKEN_KEY, made.expose())
                .await?
        }
    };
    let pepper = Pepper::from_hex(&key)
        .ok_or_else(|| AdminError::Internal("the setting `token_key` is damaged".to_owned()))?;
    Ok(AdminCx::new(directory, clock, pepper))
}

/// Everything a server needs, made where it is missing. Several servers may start on one database at the same time.
///
/// # Errors
/// When the store cannot answer or holds something else than expected.
pub async fn prepare(
    directory: Directory,
    clock: Clock,
    chosen: Option<&Secret>,
) -> Result<Prepared, AdminError> {
    let admin = open(directory, clock).await?;
    let (admin_digest, admin_text) = admin_token(&admin, chosen).await?;
    let token = first_tenant(&admin).await?;
    Ok(Prepared {
        admin,
        admin_digest,
        made: Made {
            token,
            admin: admin_text,
        },
    })
}

async fn admin_token(
    cx: &AdminCx,
    chosen: Option<&Secret>,
) -> Result<(Digest, Option<Secret>), AdminError> {
    if let Some(text) = chosen {
        return Ok((cx.pepper.admin_digest(text.expose()), None));
    }
    if let Some(stored) = cx.directory.setting(ADMIN_TOKEN).await? {
        return Ok((stored_digest(&stored)?, None));
    }
    let minted = cx.pepper.mint_admin()?;
    let mine = minted.digest.to_hex();
    let in_force = cx
        .directory
        .put_setting_if_absent(ADMIN_TOKEN, &mine)
        .await?;
    let text = (in_force == mine).then_some(minted.text);
    Ok((stored_digest(&in_force)?, text))
}

/// On an empty database that never was served: the tenant `default` and a token of it.
async fn first_tenant(cx: &AdminCx) -> Result<Option<Secret>, AdminError> {
    if cx.directory.setting(FIRST_START).await?.is_some() {
        return Ok(None);
    }
    let token = if cx.directory.count_tenants().await? == 0 {
        make_first_tenant(cx).await?
    } else {
        None
    };
    let now = crate::clock::rfc3339(cx.clock.now());
    cx.directory
        .put_setting_if_absent(FIRST_START, &now)
        .await?;
    Ok(token)
}

async fn make_first_tenant(cx: &AdminCx) -> Result<Option<Secret>, AdminError> {
    let tenant = NewTenant {
        slug: FIRST_TENANT.to_owned(),
        ..NewTenant::default()
    };
    match tenants::create(cx, tenant).await {
        Ok(_) => {}
        // Another server was quicker; it shows the token.
        Err(AdminError::Conflict { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    let token = NewToken {
        name: "first start".to_owned(),
        ..NewToken::default()
    };
    let issued = tokens::create(cx, FIRST_TENANT, token).await?;
    Ok(Some(issued.text))
}

fn stored_digest(hex: &str) -> Result<Digest, AdminError> {
    Digest::from_hex(hex)
        .ok_or_else(|| AdminError::Internal("the setting `admin_token` is damaged".to_owned()))
}

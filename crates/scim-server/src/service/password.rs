//! `password`: hashed before anything is stored, and kept apart from the document. RFC 7643 §4.1.1 and §9.2.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, SaltString};
use scim_core::ResourceType;
use scim_core::patch::PatchRequest;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::resources::{Document, Error};

/// The attribute.
const PASSWORD: &str = "password";

/// Hashes take 19 MiB and tens of milliseconds each: two at a time leave the machine to other requests.
static AT_ONCE: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));

/// Takes the password out of a document; its hash is to be stored.
pub(super) async fn take(document: &mut Document) -> Result<Option<String>, Error> {
    match document.shift_remove(PASSWORD) {
        Some(Value::String(text)) => hash(text).await.map(Some),
        _ => Ok(None),
    }
}

/// Puts hashes in the place of the passwords that a PATCH sets.
pub(super) async fn seal(
    request: &mut PatchRequest,
    resource_type: &ResourceType,
) -> Result<(), Error> {
    for value in request.passwords_mut(resource_type) {
        if let Value::String(text) = value {
            *text = hash(std::mem::take(text)).await?;
        }
    }
    Ok(())
}

/// Gives a document the stored hash, so that a PATCH can keep, replace or remove it.
pub(super) fn lend(document: &mut Document, secret: Option<&String>) {
    if let Some(secret) = secret {
        document.insert(PASSWORD.into(), secret.clone().into());
    }
}

/// Takes back what [`lend`] gave, or what came instead.
pub(super) fn take_back(document: &mut Document) -> Option<String> {
    match document.shift_remove(PASSWORD) {
        Some(Value::String(secret)) => Some(secret),
        _ => None,
    }
}

async fn hash(password: String) -> Result<String, Error> {
    let internal = |error: &dyn std::fmt::Display| Error::Internal(format!("hashing: {error}"));
    let _turn = AT_ONCE.acquire().await.map_err(|error| internal(&error))?;
    tokio::task::spawn_blocking(move || {
        let mut salt = [0_u8; 16];
        getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
        let salt = SaltString::encode_b64(&salt).map_err(|error| error.to_string())?;
        Argon2::default()
            .hash_password(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(|error| error.to_string())
    })
    .await
    .map_err(|error| internal(&error))?
    .map_err(|error| internal(&error))
}

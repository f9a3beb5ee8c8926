//! Tenants: create, list, find, change, delete. A tenant's policy is stored as what differs from its profile.

use std::sync::{Arc, LazyLock};

use scim_core::Registry;
use scim_core::schema::builtin;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use validator::{Validate, ValidationError};

use super::administration::{AdminCx, AdminError, check, name_for_people, refuse, shorten};
use super::schemas::Registries;
use crate::clock::rfc3339;
use crate::members;
use crate::policy::{self, DEFAULT_PROFILE, Policy};
use crate::store::{Directory, StoreError, TenantId, TenantRow};

/// Slugs that could be taken for a part of the program.
const RESERVED: [&str; 22] = [
    "admin",
    "administrator",
    "api",
    "console",
    "credential",
    "credentials",
    "docs",
    "health",
    "internal",
    "me",
    "metrics",
    "none",
    "null",
    "oauth",
    "root",
    "scim",
    "scimd",
    "static",
    "system",
    "t",
    "undefined",
    "well-known",
];

/// A tenant as requests see it: immutable, shared, and replaced when it changes.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its number.
    pub id: TenantId,
    /// Its name in paths.
    pub slug: String,
    /// Whether its tokens are refused.
    pub suspended: bool,
    /// What it allows.
    pub policy: Policy,
    /// Its schemas and resource types.
    pub registry: Arc<Registry>,
    /// The version of what it has defined, of which the registry was made.
    pub schema_version: i64,
}

/// What a tenant is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Real people.
    #[default]
    Production,
    /// Trying out.
    Test,
}

/// A tenant to create.
#[derive(Clone, Debug, Default, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub struct NewTenant {
    /// Its name in paths: `[a-z0-9][a-z0-9-]{0,62}`.
    #[validate(custom(function = slug_shape))]
    pub slug: String,
    /// Its name for people.
    #[validate(custom(function = name_for_people))]
    pub display_name: Option<String>,
    /// The profile it begins with.
    pub profile: Option<String>,
    /// What differs from the profile.
    pub policy: Option<Map<String, Value>>,
    /// What it is for.
    pub environment: Option<Environment>,
}

/// A change to a tenant; what is `None` stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub struct TenantPatch {
    /// The name for people; `Some(None)` takes it away.
    #[serde(default, deserialize_with = "present")]
    pub display_name: Option<Option<String>>,
    /// Members to merge into the policy, RFC 7396.
    pub policy: Option<Map<String, Value>>,
    /// Whether the tenant's tokens are refused.
    pub suspended: Option<bool>,
}

/// A tenant as administration shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    slug: String,
    display_name: Option<String>,
    profile: String,
    environment: String,
    policy: Policy,
    suspended: bool,
    scim_base_url: String,
    created_at: String,
}

impl Tenant {
    /// A tenant from what is stored of it.
    ///
    /// # Errors
    /// When the store cannot answer, or the stored policy or definitions cannot be understood.
    pub async fn new(
        row: &TenantRow,
        directory: &Directory,
        registries: &Registries,
    ) -> Result<Self, AdminError> {
        let policy = stored_policy(row)?;
        let (registry, schema_version) = registries.of(directory, row, &policy).await?;
        Ok(Self {
            id: row.id,
            slug: row.slug.clone(),
            suspended: row.suspended,
            registry,
            schema_version,
            policy,
        })
    }
}

impl TenantView {
    /// A view of what is stored; `origin` is what URLs of this server begin with.
    ///
    /// # Errors
    /// When the stored policy cannot be understood.
    pub fn new(row: &TenantRow, origin: &str) -> Result<Self, AdminError> {
        Ok(Self {
            slug: row.slug.clone(),
            display_name: row.display_name.clone(),
            profile: row.profile.clone(),
            environment: row.environment.clone(),
            policy: stored_policy(row)?,
            suspended: row.suspended,
            scim_base_url: scim_base_url(origin, &row.slug),
            created_at: rfc3339(row.created),
        })
    }
}

/// Where a tenant's SCIM endpoints begin, with its slug in the path.
#[must_use]
pub fn scim_base_url(origin: &str, slug: &str) -> String {
    format!("{origin}/t/{slug}/scim/v2")
}

/// Creates a tenant.
///
/// # Errors
/// Invalid when a member does not fit, conflict when the slug is taken.
pub async fn create(cx: &AdminCx, new: NewTenant) -> Result<TenantRow, AdminError> {
    check(&new)?;
    let name = new.profile.as_deref().unwrap_or(DEFAULT_PROFILE);
    let profile = policy::profile(name).ok_or_else(|| {
        AdminError::invalid(format!(
            "`profile`: there is no profile `{}`",
            shorten(name)
        ))
    })?;
    let mut overrides = Map::new();
    members::merge(&mut overrides, new.policy.unwrap_or_default());
    Policy::of(&profile, &overrides).map_err(|error| error.within("policy"))?;
    let row = TenantRow {
        id: random_id()?,
        slug: new.slug,
        display_name: new.display_name,
        profile: profile.name.to_owned(),
        environment: environment_name(new.environment.unwrap_or_default()).to_owned(),
        policy: Value::Object(overrides).to_string(),
        suspended: false,
        created: cx.clock.now(),
        schema_version: 1,
    };
    match cx.directory.create_tenant(&row).await {
        Err(StoreError::SlugTaken) => Err(AdminError::Conflict {
            code: "slug-taken",
            detail: format!("there is already a tenant `{}`", row.slug),
        }),
        other => Ok(other.map(|()| row)?),
    }
}

/// A page of tenants in the order of their slugs, and where the next page begins.
///
/// # Errors
/// When the store cannot answer.
pub async fn list(
    cx: &AdminCx,
    after: Option<String>,
    count: usize,
) -> Result<(Vec<TenantRow>, Option<String>), AdminError> {
    let limit = i64::try_from(count.saturating_add(1)).unwrap_or(i64::MAX);
    let mut rows = cx.directory.list_tenants(after, limit).await?;
    let more = rows.len() > count;
    rows.truncate(count);
    let next = rows.last().filter(|_| more).map(|row| row.slug.clone());
    Ok((rows, next))
}

/// The tenant of that slug.
///
/// # Errors
/// Not found when there is none.
pub async fn find(cx: &AdminCx, slug: &str) -> Result<TenantRow, AdminError> {
    if slug_shape(slug).is_err() {
        return Err(AdminError::no_tenant(slug));
    }
    let row = cx.directory.tenant_by_slug(slug).await?;
    row.ok_or_else(|| AdminError::no_tenant(slug))
}

/// Changes a tenant.
///
/// # Errors
/// Not found when there is none, invalid when a member does not fit; then nothing is changed.
pub async fn change(cx: &AdminCx, slug: &str, patch: TenantPatch) -> Result<TenantRow, AdminError> {
    if let Some(Some(name)) = &patch.display_name {
        name_for_people(name)
            .map_err(|error| AdminError::invalid(format!("`displayName`: {error}")))?;
    }
    let _one_at_a_time = cx.merging.lock().await;
    let mut row = find(cx, slug).await?;
    if let Some(name) = patch.display_name {
        row.display_name = name;
    }
    if let Some(suspended) = patch.suspended {
        row.suspended = suspended;
    }
    if let Some(changes) = patch.policy {
        row.policy = merged(&row, changes)?;
    }
    let changed = cx.directory.update_tenant(&row).await?;
    cx.epoch.advance();
    if changed {
        Ok(row)
    } else {
        Err(AdminError::no_tenant(slug))
    }
}

/// Deletes a tenant with everything in it.
///
/// # Errors
/// Not found when there is none.
pub async fn delete(cx: &AdminCx, slug: &str) -> Result<(), AdminError> {
    let row = find(cx, slug).await?;
    let deleted = cx.directory.delete_tenant(row.id).await?;
    cx.epoch.advance();
    if deleted {
        Ok(())
    } else {
        Err(AdminError::no_tenant(slug))
    }
}

/// The schemas and resource types of a tenant with that policy. Equal ones are shared.
#[must_use]
pub fn registry(policy: &Policy) -> Arc<Registry> {
    static ALL: LazyLock<Arc<Registry>> = LazyLock::new(|| Arc::new(builtin::registry(None)));
    static USERS: LazyLock<Arc<Registry>> =
        LazyLock::new(|| Arc::new(builtin::registry(Some(&["User"]))));
    match policy.resource_types.as_slice() {
        [only] if only == "User" => Arc::clone(&USERS),
        names if names.len() == ALL.types().len() => Arc::clone(&ALL),
        names => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Arc::new(builtin::registry(Some(&names)))
        }
    }
}

fn merged(row: &TenantRow, changes: Map<String, Value>) -> Result<String, AdminError> {
    let profile = profile_of(row)?;
    let mut overrides = overrides_of(row)?;
    members::merge(&mut overrides, changes);
    Policy::of(&profile, &overrides).map_err(|error| error.within("policy"))?;
    Ok(Value::Object(overrides).to_string())
}

fn stored_policy(row: &TenantRow) -> Result<Policy, AdminError> {
    let policy = Policy::of(&profile_of(row)?, &overrides_of(row)?);
    policy.map_err(|error| unreadable(row, &error.to_string()))
}

fn profile_of(row: &TenantRow) -> Result<policy::Profile, AdminError> {
    policy::profile(&row.profile).ok_or_else(|| unreadable(row, "its profile is unknown here"))
}

fn overrides_of(row: &TenantRow) -> Result<Map<String, Value>, AdminError> {
    serde_json::from_str(&row.policy).map_err(|error| unreadable(row, &error.to_string()))
}

fn unreadable(row: &TenantRow, reason: &str) -> AdminError {
    AdminError::Internal(format!("policy of tenant `{}`: {reason}", row.slug))
}

fn slug_shape(slug: &str) -> Result<(), ValidationError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let first = slug.bytes().next().is_some_and(plain);
    if !first || slug.len() > 63 || !slug.bytes().all(|byte| plain(byte) || byte == b'-') {
        return Err(refuse(
            "expected 1 to 63 of a-z, 0-9 and `-`, and not `-` at the beginning",
        ));
    }
    if RESERVED.contains(&slug) {
        return Err(refuse("this slug is reserved; choose another"));
    }
    Ok(())
}

fn environment_name(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "production",
        Environment::Test => "test",
    }
}

/// A number that no tenant had before, nor will have: 63 random bits.
fn random_id() -> Result<TenantId, AdminError> {
    Ok(TenantId::new(getrandom::u64()?.cast_signed()))
}

/// Tells a member that is `null` from one that is absent.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_short_plain_and_not_reserved() {
        for good in ["a", "0", "acme", "acme-2", "a-", "default", &"x".repeat(63)] {
            assert!(slug_shape(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "A",
            "a_b",
            "a.b",
            "..",
            "a/b",
            "é",
            "a\n",
            &"x".repeat(64),
            "admin",
            "system",
            "credential",
            "me",
        ] {
            assert!(slug_shape(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_body_that_does_not_fit_names_its_member() {
        let new = NewTenant {
            slug: "A".to_owned(),
            display_name: Some("\u{7}".to_owned()),
            ..NewTenant::default()
        };
        let error = check(&new).unwrap_err().to_string();
        assert!(
            error.starts_with("`displayName`: expected 1 to 256"),
            "{error}"
        );
    }

    #[test]
    fn null_and_absent_differ_in_a_patch() {
        let read = |text: &str| {
            serde_json::from_str::<TenantPatch>(text)
                .unwrap()
                .display_name
        };
        assert_eq!(read("{}"), None);
        assert_eq!(read(r#"{"displayName": null}"#), Some(None));
        assert_eq!(read(r#"{"displayName": "A"}"#), Some(Some("A".to_owned())));
    }
}

//! Bearer tokens of a tenant: make, list, revoke. What is stored is a digest; the token is shown once.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use validator::Validate;

use super::administration::{AdminCx, AdminError, check, name_for_people, shorten};
use super::tenants;
use crate::clock::{Micros, parse_rfc3339, rfc3339};
use crate::secret::Secret;
use crate::store::TokenRow;
use crate::token::PREFIX;

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Read resources.
    #[serde(rename = "scim:read")]
    Read,
    /// Write resources, when the tenant's policy says read-write.
    #[serde(rename = "scim:write")]
    Write,
    /// Write resources whatever the policy says.
    #[serde(rename = "scim:provision")]
    Provision,
}

/// A token to make.
#[derive(Clone, Debug, Default, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub struct NewToken {
    /// Its name for people.
    #[validate(custom(function = name_for_people))]
    pub name: String,
    /// What it is for.
    #[validate(custom(function = name_for_people))]
    pub description: Option<String>,
    /// What it may do; reading and writing when absent.
    pub scopes: Option<Vec<Scope>>,
    /// When it ends, RFC 3339.
    pub expires_at: Option<String>,
}

/// A token just made, with its text.
#[derive(Debug)]
pub struct Issued {
    /// What is stored.
    pub row: TokenRow,
    /// The token itself.
    pub text: Secret,
}

/// A token as administration shows it when it is made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedView<'a> {
    id: Uuid,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    token: &'a str,
    prefix: String,
    scopes: &'a [String],
    created_at: String,
    expires_at: Option<String>,
}

/// A token as administration lists it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenView<'a> {
    id: Uuid,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    prefix: String,
    scopes: &'a [String],
    state: State,
    created_at: String,
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    last_used_at: Option<String>,
    last_used_from: Option<&'a str>,
}

/// Whether a token opens the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl Scope {
    /// The scope as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "scim:read",
            Self::Write => "scim:write",
            Self::Provision => "scim:provision",
        }
    }

    /// Reads a scope; `None` for one that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = [Self::Read, Self::Write, Self::Provision];
        known.into_iter().find(|scope| scope.as_str() == text)
    }
}

impl State {
    /// The state of a token at a time. It ends at its `expiresAt`, to the second and not after.
    #[must_use]
    pub fn at(now: Micros, expires: Option<Micros>, revoked: Option<Micros>) -> Self {
        match (revoked, expires) {
            (Some(_), _) => Self::Revoked,
            (None, Some(end)) if end <= now => Self::Expired,
            _ => Self::Active,
        }
    }
}

impl Issued {
    /// What is shown, this once.
    #[must_use]
    pub fn view(&self) -> IssuedView<'_> {
        IssuedView {
            id: self.row.id,
            name: &self.row.name,
            description: self.row.description.as_deref(),
            token: self.text.expose(),
            prefix: prefix(&self.row),
            scopes: &self.row.scopes,
            created_at: rfc3339(self.row.created),
            expires_at: self.row.expires.map(rfc3339),
        }
    }
}

impl<'a> TokenView<'a> {
    /// What is shown of a stored token.
    #[must_use]
    pub fn new(row: &'a TokenRow, now: Micros) -> Self {
        Self {
            id: row.id,
            name: &row.name,
            description: row.description.as_deref(),
            prefix: prefix(row),
            scopes: &row.scopes,
            state: State::at(now, row.expires, row.revoked),
            created_at: rfc3339(row.created),
            expires_at: row.expires.map(rfc3339),
            revoked_at: row.revoked.map(rfc3339),
            last_used_at: row.last_used.map(rfc3339),
            last_used_from: row.last_used_from.as_deref(),
        }
    }
}

/// Makes a token.
///
/// # Errors
/// Not found when there is no such tenant, invalid when a member does not fit.
pub async fn create(cx: &AdminCx, slug: &str, new: NewToken) -> Result<Issued, AdminError> {
    check(&new)?;
    let now = cx.clock.now();
    let expires = new
        .expires_at
        .as_deref()
        .map(|text| end(text, now))
        .transpose()?;
    let scopes = scopes(new.scopes)?;
    let tenant = tenants::find(cx, slug).await?;
    let minted = cx.pepper.mint()?;
    let row = TokenRow {
        id: cx.clock.id(),
        tenant: tenant.id,
        public_id: minted.public_id,
        digest: minted.digest.as_bytes().to_vec(),
        name: new.name,
        description: new.description,
        scopes,
        created: now,
        expires,
        revoked: None,
        last_used: None,
        last_used_from: None,
    };
    cx.directory.create_token(&row).await?;
    Ok(Issued {
        row,
        text: minted.text,
    })
}

/// A page of the tenant's tokens, oldest first, also those that are over, and where the next page begins.
///
/// # Errors
/// Not found when there is no such tenant, invalid when the cursor is not one.
pub async fn page(
    cx: &AdminCx,
    slug: &str,
    after: Option<String>,
    count: usize,
) -> Result<(Vec<TokenRow>, Option<String>), AdminError> {
    let after = after.map(|cursor| Uuid::try_parse(&cursor)).transpose();
    let after = after.map_err(|_| AdminError::invalid("`cursor`: expected what `next` said"))?;
    let tenant = tenants::find(cx, slug).await?;
    let mut rows = cx.directory.list_tokens(tenant.id).await?;
    rows.retain(|row| after.is_none_or(|after| row.id > after));
    rows.sort_by_key(|row| row.id);
    let more = rows.len() > count;
    rows.truncate(count);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    Ok((rows, next))
}

/// Takes a token back: it is refused from the next request on. Once more does no harm.
///
/// # Errors
/// Not found when there is no such tenant, or it has no such token.
pub async fn revoke(cx: &AdminCx, slug: &str, id: &str) -> Result<(), AdminError> {
    let missing = || AdminError::NotFound(format!("token `{}`", shorten(id)));
    let tenant = tenants::find(cx, slug).await?;
    // An id matches only as it was given out.
    let uuid = Uuid::try_parse(id)
        .ok()
        .filter(|uuid| uuid.to_string() == id);
    let uuid = uuid.ok_or_else(missing)?;
    let found = cx
        .directory
        .revoke_token(tenant.id, uuid, cx.clock.now())
        .await?;
    cx.epoch.advance();
    if found { Ok(()) } else { Err(missing()) }
}

fn prefix(row: &TokenRow) -> String {
    format!("{PREFIX}{}", row.public_id)
}

fn end(text: &str, now: Micros) -> Result<Micros, AdminError> {
    let expected =
        "`expiresAt`: expected an RFC 3339 time in the future, as in 2030-01-31T00:00:00Z";
    match parse_rfc3339(text) {
        Some(end) if end > now => Ok(end),
        _ => Err(AdminError::invalid(expected)),
    }
}

fn scopes(given: Option<Vec<Scope>>) -> Result<Vec<String>, AdminError> {
    let mut scopes = given.unwrap_or_else(|| vec![Scope::Read, Scope::Write]);
    scopes.sort();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(AdminError::invalid("`scopes`: expected at least one scope"));
    }
    Ok(scopes
        .into_iter()
        .map(|scope| scope.as_str().to_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_to_the_second() {
        for (now, expires, revoked, expected) in [
            (10, None, None, State::Active),
            (10, Some(11), None, State::Active),
            (10, Some(10), None, State::Expired),
            (10, Some(9), None, State::Expired),
            (10, Some(11), Some(1), State::Revoked),
            (10, Some(9), Some(1), State::Revoked),
        ] {
            assert_eq!(State::at(now, expires, revoked), expected);
        }
    }

    #[test]
    fn scopes_default_to_reading_and_writing_and_are_never_empty() {
        assert_eq!(scopes(None).unwrap(), ["scim:read", "scim:write"]);
        let twice = vec![Scope::Provision, Scope::Read, Scope::Provision];
        assert_eq!(
            scopes(Some(twice)).unwrap(),
            ["scim:read", "scim:provision"]
        );
        assert!(scopes(Some(Vec::new())).is_err());
    }

    #[test]
    fn an_end_is_a_time_to_come() {
        let now = parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        assert!(end("2026-01-01T00:00:01Z", now).is_ok());
        for wrong in [
            "2026-01-01T00:00:00Z",
            "2025-01-01T00:00:00Z",
            "soon",
            "2027-01-01",
        ] {
            assert!(end(wrong, now).is_err(), "{wrong}");
        }
    }
}

//! What a tenant allows and how it behaves, as data: a policy, and the profiles that are policies with a name.
//!
//! A tenant stores only what differs from its profile. [`Policy::of`] puts both together; every member that can be set is obeyed, and
//! one that is not obeyed yet is refused rather than kept.

use std::collections::BTreeSet;

use scim_core::Mode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::members::{self, MemberError};

/// A tenant's policy, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    default,
    expecting = "an object"
)]
pub struct Policy {
    /// Whether tokens may write.
    pub access: Access,
    /// The resource types on offer.
    pub resource_types: Vec<String>,
    /// How the RFCs are read where clients and the letter differ.
    pub mode: Mode,
    /// The discovery documents that are shown without a token.
    pub public_discovery: BTreeSet<Document>,
    /// Pages of lists.
    pub pagination: Pagination,
    /// Whether `attributes` and `excludedAttributes` are obeyed.
    pub projection: bool,
    /// How many requests the tenant may make.
    pub rate_limit: RateLimit,
    /// Whether two groups may not have the same name, letter case ignored.
    pub unique_group_names: bool,
    /// What becomes of an id that names nobody.
    pub references: References,
}

/// Whether a tenant's tokens may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Tokens with the scope `scim:write` write.
    #[default]
    ReadWrite,
    /// Only tokens with the scope `scim:provision` write.
    ReadOnly,
}

/// What becomes of a reference, such as the id of a member, to a resource that does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum References {
    /// It is kept as sent.
    #[default]
    Keep,
    /// The request is refused: 400 `invalidValue`.
    Reject,
}

/// A discovery endpoint, RFC 7644 §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Document {
    /// `/ServiceProviderConfig`
    ServiceProviderConfig,
    /// `/ResourceTypes`
    ResourceTypes,
    /// `/Schemas`
    Schemas,
}

/// Pages of lists, RFC 7644 §3.4.2.4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    default,
    expecting = "an object"
)]
pub struct Pagination {
    /// Resources in a page when the client does not say; never more than `max_count`.
    pub default_count: u32,
    /// The most resources in a page; published as `filter.maxResults`.
    pub max_count: u32,
    /// Whether `startIndex` and `count` are taken only together.
    pub both_or_none: bool,
}

/// How many requests a tenant may make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    default,
    expecting = "an object"
)]
pub struct RateLimit {
    /// A full budget admits so many at once, then fills evenly at this rate.
    pub per_hour: u32,
    /// What is counted.
    pub counts: Counts,
}

/// What a rate limit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Counts {
    /// Each request is one.
    #[default]
    Requests,
}

/// A policy with a name.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The name.
    pub name: &'static str,
    /// Whom it serves.
    pub description: &'static str,
    /// The policy that a tenant of this profile begins with.
    pub policy: Policy,
}

/// The most that `pagination.maxCount` may be.
pub const MAX_PAGE: u32 = 10_000;
/// The most that `rateLimit.perHour` may be.
pub const MAX_PER_HOUR: u32 = 1_000_000_000;
/// The resource types that ship.
const RESOURCE_TYPES: [&str; 2] = ["User", "Group"];
/// The profile of a tenant for which none was named.
pub const DEFAULT_PROFILE: &str = "default";

/// Members that a policy will have and that nothing obeys yet.
const NOT_YET: [&str; 6] = [
    "required",
    "maxLength",
    "userNameFormat",
    "filter",
    "release",
    "tokens",
];

impl Policy {
    /// The policy of a tenant: its profile's, with what the tenant stores instead.
    ///
    /// # Errors
    /// Names the member that does not exist, is not supported yet, or has a value that does not fit.
    pub fn of(profile: &Profile, overrides: &Map<String, Value>) -> Result<Self, MemberError> {
        not_yet(overrides)?;
        let mut members = match serde_json::to_value(&profile.policy) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
        members::merge(&mut members, overrides.clone());
        let policy: Self = members::read(members)?;
        policy.check()?;
        Ok(policy)
    }

    /// Whether tokens without `scim:provision` may write.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.access == Access::ReadWrite
    }

    fn check(&self) -> Result<(), MemberError> {
        range("pagination.maxCount", self.pagination.max_count, MAX_PAGE)?;
        range(
            "pagination.defaultCount",
            self.pagination.default_count,
            MAX_PAGE,
        )?;
        range("rateLimit.perHour", self.rate_limit.per_hour, MAX_PER_HOUR)?;
        if !self.unique_group_names {
            return Err(MemberError::new(
                "uniqueGroupNames",
                "`false` is not supported yet; leave it out",
            ));
        }
        self.check_types()
    }

    fn check_types(&self) -> Result<(), MemberError> {
        let refused = |why: &str| Err(MemberError::new("resourceTypes", why));
        if self.resource_types.is_empty() {
            return refused("expected at least one resource type");
        }
        for (nth, name) in self.resource_types.iter().enumerate() {
            if !RESOURCE_TYPES.contains(&name.as_str()) {
                return refused("expected some of \"User\" and \"Group\"");
            }
            if self.resource_types.iter().take(nth).any(|one| one == name) {
                return refused("a resource type is named twice");
            }
        }
        Ok(())
    }
}

impl Pagination {
    /// Resources in a page when the client does not say.
    #[must_use]
    pub fn page(&self) -> u32 {
        self.default_count.min(self.max_count)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            access: Access::ReadWrite,
            resource_types: RESOURCE_TYPES.map(str::to_owned).to_vec(),
            mode: Mode::Compat,
            public_discovery: BTreeSet::from([Document::ServiceProviderConfig]),
            pagination: Pagination::default(),
            projection: true,
            rate_limit: RateLimit::default(),
            unique_group_names: true,
            references: References::Keep,
        }
    }
}

impl Default for Pagination {
    fn default() -> Self {
        Self {
            default_count: 100,
            max_count: 1000,
            both_or_none: false,
        }
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_hour: 25_000,
            counts: Counts::Requests,
        }
    }
}

/// The profiles that ship, in alphabetical order.
#[must_use]
pub fn profiles() -> Vec<Profile> {
    vec![Profile {
        name: DEFAULT_PROFILE,
        description: "reads and writes as RFC 7644 says, and takes what identity providers really send",
        policy: Policy::default(),
    }]
}

/// The profile of that name.
#[must_use]
pub fn profile(name: &str) -> Option<Profile> {
    profiles().into_iter().find(|profile| profile.name == name)
}

fn not_yet(members: &Map<String, Value>) -> Result<(), MemberError> {
    if let Some(name) = NOT_YET.iter().find(|name| members.contains_key(**name)) {
        return Err(MemberError::new(*name, "not supported yet; leave it out"));
    }
    let counts = members
        .get("rateLimit")
        .and_then(|limit| limit.get("counts"));
    if counts.and_then(Value::as_str) == Some("operations") {
        return Err(MemberError::new(
            "rateLimit.counts",
            "`operations` is not supported yet; leave it out",
        ));
    }
    Ok(())
}

fn range(path: &str, found: u32, most: u32) -> Result<(), MemberError> {
    if (1..=most).contains(&found) {
        return Ok(());
    }
    Err(MemberError::new(
        path,
        format!("expected a whole number from 1 to {most}, found {found}"),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(overrides: &Value) -> Result<Policy, String> {
        let profile = profile(DEFAULT_PROFILE).unwrap();
        Policy::of(&profile, overrides.as_object().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_that_are_published() {
        let shown = serde_json::to_value(of(&json!({})).unwrap()).unwrap();
        assert_eq!(
            shown,
            json!({
                "access": "read-write", "resourceTypes": ["User", "Group"], "mode": "compat",
                "publicDiscovery": ["ServiceProviderConfig"],
                "pagination": {"defaultCount": 100, "maxCount": 1000, "bothOrNone": false},
                "projection": true,
                "rateLimit": {"perHour": 25000, "counts": "requests"},
                "uniqueGroupNames": true, "references": "keep"
            })
        );
    }

    #[test]
    fn what_a_tenant_stores_stands_over_its_profile() {
        let policy = of(&json!({
            "access": "read-only", "mode": "strict", "publicDiscovery": [],
            "pagination": {"maxCount": 50}, "rateLimit": {"perHour": 90000}
        }))
        .unwrap();
        assert!(!policy.is_writable());
        assert_eq!(policy.mode, Mode::Strict);
        assert!(policy.public_discovery.is_empty());
        assert_eq!(
            (policy.pagination.page(), policy.pagination.max_count),
            (50, 50)
        );
        assert_eq!(policy.rate_limit.per_hour, 90_000);
    }

    #[test]
    fn what_is_not_obeyed_is_refused_by_name() {
        for (overrides, expected) in [
            (json!({"accesss": "read-only"}), "`accesss`: unknown field"),
            (
                json!({"access": "none"}),
                "`access`: unknown variant `none`",
            ),
            (json!({"access": 1}), "`access`: "),
            (json!({"mode": "lax"}), "`mode`: unknown variant `lax`"),
            (json!({"projection": "no"}), "`projection`: invalid type"),
            (
                json!({"publicDiscovery": ["Users"]}),
                "`publicDiscovery`: unknown variant",
            ),
            (
                json!({"pagination": 5}),
                "`pagination`: invalid type: integer `5`, expected an object",
            ),
            (
                json!({"pagination": {"maxCount": 0}}),
                "`pagination.maxCount`: expected a whole number from 1",
            ),
            (
                json!({"pagination": {"maxCount": 10001}}),
                "`pagination.maxCount`: expected",
            ),
            (
                json!({"pagination": {"maxcount": 5}}),
                "`pagination.maxcount`: unknown field",
            ),
            (
                json!({"rateLimit": {"perHour": 0}}),
                "`rateLimit.perHour`: expected a whole number from 1",
            ),
            (
                json!({"rateLimit": {"perHour": 1.5}}),
                "`rateLimit.perHour`: invalid type",
            ),
            (
                json!({"rateLimit": {"counts": "operations"}}),
                "`rateLimit.counts`: `operations` is not supported yet",
            ),
            (
                json!({"resourceTypes": ["User", "Device"]}),
                "`resourceTypes`: expected some of",
            ),
            (
                json!({"resourceTypes": ["Group", "Group"]}),
                "`resourceTypes`: a resource type is named twice",
            ),
            (
                json!({"uniqueGroupNames": false}),
                "`uniqueGroupNames`: `false` is not supported yet",
            ),
            (
                json!({"references": "defer"}),
                "`references`: unknown variant `defer`",
            ),
            (
                json!({"resourceTypes": []}),
                "`resourceTypes`: expected at least one",
            ),
            (
                json!({"release": ["userName"]}),
                "`release`: not supported yet",
            ),
            (json!({"required": []}), "`required`: not supported yet"),
            (json!({"filter": {}}), "`filter`: not supported yet"),
        ] {
            let error = of(&overrides).unwrap_err();
            assert!(error.starts_with(expected), "{overrides}: {error}");
        }
    }
}

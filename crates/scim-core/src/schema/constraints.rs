//! What a tenant demands of an attribute beyond RFC 7643: bounds, options, and references to people.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::Attribute;
use crate::{Error, Result, key};

/// The member `constraints` of an attribute's definition. `/Schemas` does not show it.
///
/// ```
/// use scim_core::schema::Constraints;
/// let constraints: Constraints = serde_json::from_str(r#"{"maxLength": 256, "options": ["IT"], "closed": true}"#)?;
/// assert_eq!(constraints.max_length, Some(256));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Constraints {
    /// The name in JSON, where it cannot be an attribute name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire_name: Option<String>,
    /// How many characters a text may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// The least number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Number>,
    /// The greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Number>,
    /// The values on offer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Whether other values than these are refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// What of a user the value repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<ReferenceTarget>,
    /// What becomes of a value that names nobody; `reject` unless it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_missing: Option<OnMissing>,
    /// Whether the attribute is filtered often.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub indexed: bool,
}

/// By what a value names a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReferenceTarget {
    /// `id`
    #[serde(rename = "User.id")]
    Id,
    /// `userName`
    #[serde(rename = "User.userName")]
    UserName,
    /// `emails.value`
    #[serde(rename = "User.emails")]
    Emails,
    /// `externalId`
    #[serde(rename = "User.externalId")]
    ExternalId,
}

/// What becomes of a value that names nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnMissing {
    /// The request is refused.
    #[default]
    Reject,
    /// The value is kept, and waits for its user.
    Defer,
    /// The value is kept.
    Keep,
}

impl ReferenceTarget {
    /// The name of the resource type that is referred to.
    pub const TYPE: &str = "User";

    /// The path of what the value repeats.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::UserName => "userName",
            Self::Emails => "emails.value",
            Self::ExternalId => "externalId",
        }
    }

    /// Whether letter case counts there.
    #[must_use]
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Id | Self::ExternalId)
    }
}

impl Constraints {
    /// Whether a value could break them without a look at other resources.
    #[must_use]
    pub fn is_bounding(&self) -> bool {
        self.max_length.is_some() || self.minimum.is_some() || self.maximum.is_some() || self.closed
    }

    /// Checks one value; `at` names it.
    ///
    /// # Errors
    /// 400 `invalidValue` that says what is allowed.
    pub fn check(&self, attribute: &Attribute, value: &Value, at: &str) -> Result<()> {
        match value {
            Value::String(text) => self.check_text(attribute, text, at),
            Value::Number(number) => self.check_number(attribute, number, at),
            _ => Ok(()),
        }
    }

    fn check_text(&self, attribute: &Attribute, text: &str, at: &str) -> Result<()> {
        if let Some(most) = self.max_length {
            let length = text.chars().count();
            if u32::try_from(length).map_or(true, |length| length > most) {
                return Err(Error::invalid_value(format!(
                    "`{at}`: expected at most {most} characters, found {length}"
                )));
            }
        }
        let same = |one: &String| {
            one == text || (!attribute.case_exact && key::fold(one) == key::fold(text))
        };
        if self.closed && !self.options.iter().any(same) {
            let offered = self
                .options
                .iter()
                .take(MOST_TOLD)
                .map(|one| format!("\"{one}\""));
            let more = if self.options.len() > MOST_TOLD {
                ", …"
            } else {
                ""
            };
            return Err(Error::invalid_value(format!(
                "`{at}`: expected one of {}{more}, found \"{}\"",
                offered.collect::<Vec<_>>().join(", "),
                crate::error::shorten(text)
            )));
        }
        Ok(())
    }

    fn check_number(&self, attribute: &Attribute, number: &Number, at: &str) -> Result<()> {
        let key = |number: &Number| key::of(attribute, &Value::Number(number.clone()));
        let below = |bound: &Number| key(number) < key(bound);
        let above = |bound: &Number| key(number) > key(bound);
        let out =
            self.minimum.as_ref().is_some_and(below) || self.maximum.as_ref().is_some_and(above);
        if !out {
            return Ok(());
        }
        let range = match (&self.minimum, &self.maximum) {
            (Some(least), Some(most)) => format!("from {least} to {most}"),
            (Some(least), None) => format!("of at least {least}"),
            (None, Some(most)) => format!("of at most {most}"),
            (None, None) => String::new(),
        };
        Err(Error::invalid_value(format!(
            "`{at}`: expected a number {range}, found {number}"
        )))
    }
}

/// How many options an error names.
const MOST_TOLD: usize = 20;

//! What administration over HTTP and on the command line share: the context of its verbs, and their errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, Notify};
use validator::{Validate, ValidationError};

use super::schemas::{Registries, Report};
use crate::clock::Clock;
use crate::members::MemberError;
use crate::store::{Directory, StoreError};
use crate::token::Pepper;

/// All that a verb of administration may touch.
#[derive(Clone, Debug)]
pub struct AdminCx {
    /// Tenants and tokens.
    pub directory: Directory,
    /// Time and ids.
    pub clock: Clock,
    /// The key of tokens' digests.
    pub pepper: Pepper,
    /// Counts changes, so that what is remembered of tenants and tokens is forgotten at once.
    pub epoch: Epoch,
    /// Two policies merged at the same time would lose one of them.
    pub(crate) merging: Arc<Mutex<()>>,
    /// Registries of tenants with definitions of their own.
    pub registries: Registries,
    /// Says that there are keys to make.
    pub indexing: Arc<Notify>,
}

/// A number that grows with every change to a tenant or token that a cache could have seen.
#[derive(Clone, Debug, Default)]
pub struct Epoch(Arc<AtomicU64>);

/// Why administration refuses or fails. Its text is one line: lower case, no full stop.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Something in the request does not fit.
    #[error("{detail}")]
    Invalid {
        /// A word for programs.
        code: &'static str,
        /// What was found and what was expected.
        detail: String,
    },
    /// There is no such thing.
    #[error("{0} not found")]
    NotFound(String),
    /// It is there already.
    #[error("{detail}")]
    Conflict {
        /// A word for programs.
        code: &'static str,
        /// What is in the way.
        detail: String,
    },
    /// Resources do not fit.
    #[error(
        "{} of the tenant's resources would not fit; send `?purge=true` to remove what does not fit, or mend them first", .0.count
    )]
    InTheWay(Report),
    /// The store cannot answer or has no room.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored cannot be understood, or the machine has no randomness.
    #[error("{0}")]
    Internal(String),
}

impl AdminCx {
    /// A context for one process.
    #[must_use]
    pub fn new(directory: Directory, clock: Clock, pepper: Pepper) -> Self {
        Self {
            directory,
            clock,
            pepper,
            epoch: Epoch::default(),
            merging: Arc::default(),
            registries: Registries::default(),
            indexing: Arc::default(),
        }
    }
}

impl Epoch {
    /// The number now. Take it before reading what is to be remembered.
    #[must_use]
    pub fn current(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts a change; call it after the change is committed.
    pub fn advance(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl AdminError {
    /// A value that does not fit.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::Invalid {
            code: "invalid-value",
            detail: detail.into(),
        }
    }

    /// No tenant of that slug.
    #[must_use]
    pub fn no_tenant(slug: &str) -> Self {
        Self::NotFound(format!("tenant `{}`", shorten(slug)))
    }
}

impl From<scim_core::Error> for AdminError {
    fn from(error: scim_core::Error) -> Self {
        match error.status {
            409 => Self::Conflict {
                code: "conflict",
                detail: error.detail,
            },
            _ => Self::Invalid {
                code: "invalid-definition",
                detail: error.detail,
            },
        }
    }
}

impl From<MemberError> for AdminError {
    fn from(error: MemberError) -> Self {
        Self::Invalid {
            code: "invalid-body",
            detail: error.to_string(),
        }
    }
}

impl From<getrandom::Error> for AdminError {
    fn from(error: getrandom::Error) -> Self {
        Self::Internal(format!("no randomness: {error}"))
    }
}

/// Runs a body's own checks; the error names the first member in alphabetical order.
pub(crate) fn check(body: &impl Validate) -> Result<(), AdminError> {
    let Err(errors) = body.validate() else {
        return Ok(());
    };
    let mut texts: Vec<String> = errors
        .field_errors()
        .into_iter()
        .flat_map(|(field, errors)| errors.iter().map(move |error| sentence(&field, error)))
        .collect();
    texts.sort();
    Err(AdminError::invalid(
        texts.into_iter().next().unwrap_or_default(),
    ))
}

fn sentence(field: &str, error: &ValidationError) -> String {
    let reason = error.message.as_deref().unwrap_or(&error.code);
    format!("`{}`: {reason}", camel_case(field))
}

/// `display_name` as clients write it.
fn camel_case(field: &str) -> String {
    let mut parts = field.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut name, part| {
        let mut chars = part.chars();
        name.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        name.push_str(chars.as_str());
        name
    })
}

/// The check of names for people: 1 to 256 characters, none of them a control character.
pub(crate) fn name_for_people(text: &str) -> Result<(), ValidationError> {
    let chars = text.chars().count();
    if (1..=256).contains(&chars) && !text.chars().any(char::is_control) && !text.trim().is_empty()
    {
        return Ok(());
    }
    Err(refuse(
        "expected 1 to 256 characters without control characters",
    ))
}

/// A validation error that is a sentence.
pub(crate) fn refuse(message: &'static str) -> ValidationError {
    ValidationError::new("invalid").with_message(message.into())
}

/// A client's text, short enough to repeat.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

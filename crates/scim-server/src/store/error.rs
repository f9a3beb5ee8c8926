//! What can go wrong in the store. No SQL, no values and no passwords reach these texts.

/// Why a request to the store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The row is gone or has another version than the one expected.
    #[error("the resource has changed since it was read")]
    Stale,
    /// Another resource of the tenant has this value of a unique attribute.
    #[error("another resource has this value of attribute {attr}")]
    Conflict {
        /// Number of the attribute.
        attr: i32,
    },
    /// Another tenant has this slug.
    #[error("the slug is taken")]
    SlugTaken,
    /// The tenant's schemas have changed since the request was checked by them.
    #[error("the tenant's schemas have changed")]
    SchemaChanged,
    /// The tenant was deleted.
    #[error("the tenant does not exist")]
    NoTenant,
    /// The database is away, hangs or has too much to do; trying again later may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The disk of the database is full.
    #[error("the database is full")]
    Full,
    /// A mistake of ours.
    #[error("the database refused: {0}")]
    Internal(String),
}

impl StoreError {
    pub(super) fn unavailable(why: impl Into<String>) -> StoreError {
        StoreError::Unavailable(why.into())
    }

    pub(super) fn internal(why: impl Into<String>) -> StoreError {
        StoreError::Internal(why.into())
    }
}

/// Why the store could not be opened or migrated: one line for the person who started the program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub(super) String);

impl OpenError {
    /// Makes one line of `why`.
    pub(super) fn new(why: impl AsRef<str>) -> OpenError {
        let words: Vec<&str> = why.as_ref().split_whitespace().collect();
        OpenError(words.join(" "))
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> OpenError {
        OpenError::new(error.to_string())
    }
}

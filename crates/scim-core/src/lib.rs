#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod attr;
pub mod discovery;
pub mod error;
pub mod filter;
pub mod json;
pub mod key;
pub mod list;
pub mod members;
pub mod patch;
pub mod resource;
pub mod schema;
pub mod urn;

pub use attr::AttrPath;
pub use error::{Error, Result, ScimType};
pub use schema::registry::{Registry, Resolved, ResourceType};

/// How a tenant reads the RFCs where clients and the letter differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Takes what identity providers really send.
    #[default]
    Compat,
    /// The letter of RFC 7643 and RFC 7644.
    Rfc,
    /// The letter, and unknown attributes and PATCH without a path are refused.
    Strict,
}

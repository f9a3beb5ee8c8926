//! The use-cases: what can be done, one verb a file. No HTTP and no SQL here.

pub mod administration;
pub mod indexing;
pub mod references;
pub mod schemas;
pub mod setup;
pub mod tenants;
pub mod tokens;

pub mod create;
pub mod cursor;
pub mod delete;
pub mod patch;
pub mod pushdown;
pub mod read;
pub mod replace;
pub mod resources;
mod search;
mod window;

pub mod membership;
mod password;
pub mod precondition;

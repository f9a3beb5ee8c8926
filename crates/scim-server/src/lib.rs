//! scimd: a multi-tenant SCIM 2.0 server on `SQLite` or `PostgreSQL`.
pub mod store;

//! Tests of the store: every story runs on `SQLite`, and on `PostgreSQL` when `SCIMD_TEST_POSTGRES` holds the URL of a server on which databases may be
//! created.

mod changes;
mod directory;
mod life;
mod migrations;
mod plans;
mod races;
mod support;
mod tenancy;
mod trouble;

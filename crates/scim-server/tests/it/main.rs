//! scimd from outside: every story over HTTP, on SQLite and on PostgreSQL.
#![cfg(test)]

#[macro_use]
mod support;

mod concurrency;
mod list;
mod patch;
mod users;
mod versions;

//! scimd from outside: every story over HTTP, on SQLite and on PostgreSQL.
#![cfg(test)]

#[macro_use]
mod support;

mod concurrency;
mod idp;
mod list;
mod patch;
mod readme;
mod rest;
mod users;
mod versions;

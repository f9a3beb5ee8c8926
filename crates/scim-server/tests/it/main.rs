//! scimd from outside: every story over HTTP, on SQLite and on PostgreSQL.
#![cfg(test)]

#[macro_use]
mod support;

mod admin;
mod admin_tokens;
mod attributes;
mod auth;
mod bodies;
mod discovery;
mod hostile;
mod limits;
mod messages;
mod program;
mod program_commands;
mod routes;
mod secrets;
mod tenancy;
mod users;
mod values;

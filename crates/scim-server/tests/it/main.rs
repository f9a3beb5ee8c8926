//! scimd from outside: every story over HTTP, on SQLite and on PostgreSQL.
#![cfg(test)]

#[macro_use]
mod support;

mod admin;
mod admin_tokens;
mod attributes;
mod auth;
mod bodies;
mod concurrency;
mod cursors;
mod discovery;
mod groups;
mod groups_model;
mod groups_parallel;
mod hostile;
mod idp;
mod limits;
mod list;
mod messages;
mod patch;
mod program;
mod program_commands;
mod queries;
mod readme;
mod rest;
mod routes;
mod schemas;
mod schemas_drawn;
mod schemas_every;
mod secrets;
mod tenancy;
mod users;
mod values;
mod versions;

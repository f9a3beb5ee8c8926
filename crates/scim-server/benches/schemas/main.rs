//! The benchmark of schemas: what an extension costs a request, how soon a definition is obeyed, what an index that is made meanwhile costs a
//! write, and what the definitions of many tenants weigh. Prints Markdown.
//!
//! ```text
//! scripts/postgres run --durable -- cargo bench -p scim-server --bench schemas
//! cargo bench -p scim-server --bench schemas -- --quick     less of everything, to see that it runs
//!                       --users N --tenants N --samples N --only sqlite|postgres
//! ```
//!
//! One kept connection, one request at a time. Without `SCIMD_TEST_POSTGRES` only `SQLite` is measured, and no second node.

mod args;
mod definitions;
mod index;
mod obey;
mod ratio;
mod run;
mod weight;

// What other benchmarks have as well.
#[path = "../common/bare.rs"]
mod bare;
#[path = "../common/client.rs"]
#[expect(
    dead_code,
    reason = "the tenants here are made with a budget that does not run out"
)]
mod client;
#[path = "../common/database.rs"]
#[expect(dead_code, reason = "what is measured here needs no statistics")]
mod database;
#[path = "../common/load.rs"]
mod load;
#[path = "../common/markdown.rs"]
#[expect(dead_code, reason = "no aims are set for what is measured here")]
mod markdown;
#[path = "../common/process.rs"]
#[expect(
    dead_code,
    reason = "no bare server stands beside what is measured here"
)]
mod process;
#[path = "../common/program.rs"]
mod program;
#[path = "../common/samples.rs"]
#[expect(dead_code, reason = "each table is of one operation's own form")]
mod samples;
#[path = "../common/wire.rs"]
mod wire;

use std::process::ExitCode;

use args::{Args, Line};

/// The allocator of scimd.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What can go wrong here ends the program with a line.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    program::run::<Line, Args>(bare::serve, run::all)
}

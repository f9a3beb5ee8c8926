//! The benchmark of queries: what filters, orders and pages cost among ten thousand and among a million users. Prints Markdown.
//!
//! ```text
//! scripts/postgres run --durable -- cargo bench -p scim-server --bench queries
//! cargo bench -p scim-server --bench queries -- --quick     1,000 and 10,000 users, to see that it runs
//!                       --sizes N,N --samples N --only sqlite|postgres --keep DIR
//! ```
//!
//! One database grows from size to size and is measured at each. One kept connection, one request at a time. Without `SCIMD_TEST_POSTGRES`
//! only `SQLite` is measured.

mod args;
mod facts;
mod load;
mod operation;
mod people;
mod probe;
mod report;
mod run;
mod walk;

// What other benchmarks have as well.
#[path = "../common/bare.rs"]
mod bare;
#[path = "../common/client.rs"]
#[expect(dead_code, reason = "the benchmark of groups creates over HTTP")]
mod client;
#[path = "../common/database.rs"]
mod database;
#[path = "../common/markdown.rs"]
mod markdown;
#[path = "../common/process.rs"]
#[expect(
    dead_code,
    reason = "time on a processor is measured by the benchmark of users only"
)]
mod process;
#[path = "../common/program.rs"]
mod program;
#[path = "../common/samples.rs"]
mod samples;
#[path = "../common/wire.rs"]
mod wire;

use std::process::ExitCode;

use args::{Args, Line};

/// The allocator of scimd, for the bare program and the loader too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What can go wrong here ends the program with a line.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    program::run::<Line, Args>(bare::serve, run::all)
}

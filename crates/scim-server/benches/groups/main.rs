//! The benchmark of groups: what a change of one member costs in a group of ten and of a hundred thousand. Prints Markdown.
//!
//! ```text
//! scripts/postgres run --durable -- cargo bench -p scim-server --bench groups
//! cargo bench -p scim-server --bench groups -- --quick      10,000 instead of 100,000, to see that it runs
//!                                              --members N --samples N --only sqlite|postgres
//! ```
//!
//! One kept connection, one request at a time. Without `SCIMD_TEST_POSTGRES` only `SQLite` is measured.

mod args;
mod group;
mod memory;
mod operation;
mod report;
mod run;

// What other benchmarks have as well.
#[path = "../common/bare.rs"]
mod bare;
#[path = "../common/client.rs"]
mod client;
#[path = "../common/database.rs"]
mod database;
#[path = "../common/load.rs"]
mod load;
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

/// The allocator of scimd, for the bare program too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What can go wrong here ends the program with a line.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    program::run::<Line, Args>(bare::serve, run::all)
}

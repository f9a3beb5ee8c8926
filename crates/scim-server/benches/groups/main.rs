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
mod load;
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
#[path = "../common/markdown.rs"]
mod markdown;
#[path = "../common/process.rs"]
#[expect(
    dead_code,
    reason = "time on a processor is measured by the benchmark of users only"
)]
mod process;
#[path = "../common/samples.rs"]
mod samples;
#[path = "../common/wire.rs"]
mod wire;

use std::process::ExitCode;

use args::{Args, Task};

/// The allocator of scimd, for the bare program too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What can go wrong here ends the program with a line.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let done = match Args::parse(std::env::args().skip(1)) {
        Ok(Task::Nothing) => Ok(()),
        Ok(Task::Bare) => bare::serve(),
        Ok(Task::Measure(args)) => run::all(&args),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmark: {error}");
            ExitCode::FAILURE
        }
    }
}

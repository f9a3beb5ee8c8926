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
mod bare;
mod client;
mod group;
mod load;
mod memory;
mod report;
mod run;
mod samples;
mod wire;

// What the benchmark of users has as well.
#[path = "../http/database.rs"]
mod database;
#[path = "../http/process.rs"]
#[expect(dead_code, reason = "time on a processor is measured there only")]
mod process;

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

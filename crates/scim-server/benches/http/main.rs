//! The benchmark: scimd over HTTP on loopback, beside bare programs that do a part of the same work. Prints Markdown.
//!
//! ```text
//! scripts/postgres run --durable -- cargo bench -p scim-server --bench http
//! cargo bench -p scim-server --bench http -- --quick        a tenth of the time, to see that it runs
//!                                            --rounds N --seconds S --users N --only sqlite|postgres
//! ```
//!
//! Without `SCIMD_TEST_POSTGRES` only `SQLite` is measured. `docs/PERFORMANCE.md` says how to read what it prints.

mod args;
mod bare;
mod client;
mod feed;
mod report;
mod rows;
mod run;
mod users;

// What all benchmarks have.
#[path = "../common/database.rs"]
mod database;
#[path = "../common/markdown.rs"]
#[expect(dead_code, reason = "aims are printed by the others")]
mod markdown;
#[path = "../common/process.rs"]
mod process;
#[path = "../common/program.rs"]
mod program;

use std::process::ExitCode;

use args::{Args, Line};

/// The allocator of scimd, for the bare programs too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What can go wrong here ends the program with a line.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    program::run::<Line, Args>(bare::serve, run::all)
}

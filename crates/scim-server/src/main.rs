//! The program `scimd`.

use std::process::ExitCode;

use scim_server::cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("scimd: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

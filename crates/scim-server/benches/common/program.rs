//! What every benchmark is as a program: its options, what it is started for, and how it ends.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use actix_web::dev::Server;
use clap::Parser;

use crate::Outcome;

/// The option that makes a bare server of it.
pub(crate) const BARE: &str = "--bare";

/// The options that every benchmark has.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// Given by `cargo bench`, not by `cargo test`
    #[arg(long, hide = true)]
    bench: bool,
    /// Serves what scimd is compared with
    #[arg(long, hide = true)]
    bare: bool,
    /// Less of everything, to see that it runs
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measures on this database alone
    #[arg(long)]
    only: Option<Only>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    Sqlite,
    Postgres,
}

impl Common {
    pub(crate) fn sqlite(&self) -> bool {
        self.only != Some(Only::Postgres)
    }

    pub(crate) fn postgres(&self) -> bool {
        self.only != Some(Only::Sqlite)
    }
}

/// The whole program.
pub(crate) fn run<L, A>(
    bare: impl FnOnce() -> Outcome<()>,
    measure: impl FnOnce(&A) -> Outcome<()>,
) -> ExitCode
where
    L: Parser + AsRef<Common>,
    A: TryFrom<L, Error = String>,
{
    let line = L::parse();
    let common = line.as_ref();
    let done = if common.bare {
        bare()
    } else if common.bench {
        A::try_from(line)
            .map_err(Into::into)
            .and_then(|args| measure(&args))
    } else {
        Ok(())
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmark: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until standard input ends: whatever comes, the end of its starter ends it.
pub(crate) async fn serve(server: Server, address: SocketAddr) -> Outcome<()> {
    let handle = server.handle();
    std::thread::spawn(move || {
        let _ = std::io::stdin().lines().count();
        // Stopping begins with the call.
        drop(handle.stop(false));
    });
    println!("listening on http://{address}");
    std::io::stdout().flush()?;
    server.await?;
    Ok(())
}

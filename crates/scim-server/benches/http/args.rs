//! What the command line asks for.

use std::time::Duration;

use crate::program::Common;

/// The options of the benchmark of users.
#[derive(clap::Parser)]
pub(crate) struct Line {
    #[command(flatten)]
    common: Common,
    /// How often each slice is measured
    #[arg(long)]
    rounds: Option<u32>,
    /// How long a slice is
    #[arg(long)]
    seconds: Option<f64>,
    /// Users that are there before anything is measured
    #[arg(long)]
    users: Option<usize>,
}

/// How much is measured.
pub(crate) struct Args {
    /// How often each slice is measured.
    pub(crate) rounds: u32,
    /// How long a slice is.
    pub(crate) slice: Duration,
    /// Users that are there before anything is measured.
    pub(crate) users: usize,
    /// Clients that ask at once, one set of slices for each number.
    pub(crate) clients: Vec<usize>,
    pub(crate) sqlite: bool,
    pub(crate) postgres: bool,
}

impl AsRef<Common> for Line {
    fn as_ref(&self) -> &Common {
        &self.common
    }
}

impl TryFrom<Line> for Args {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        let (rounds, seconds, users) = if line.common.quick {
            (1, 0.25, 1_000)
        } else {
            (5, 0.5, 10_000)
        };
        let slice = Duration::try_from_secs_f64(line.seconds.unwrap_or(seconds));
        let args = Self {
            rounds: line.rounds.unwrap_or(rounds),
            slice: slice.map_err(|error| error.to_string())?,
            users: line.users.unwrap_or(users),
            clients: vec![1, 8, 32],
            sqlite: line.common.sqlite(),
            postgres: line.common.postgres(),
        };
        if args.rounds == 0 || args.users < 200 {
            return Err("expected at least one round and 200 users".into());
        }
        Ok(args)
    }
}

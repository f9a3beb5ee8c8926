//! What the command line asks for.

use std::time::Duration;

use crate::Outcome;

/// What this process is to do.
pub(crate) enum Task {
    /// Started by `cargo test`, not by `cargo bench`.
    Nothing,
    /// Serve what scimd is compared with.
    Bare,
    /// Measure.
    Measure(Args),
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

/// The first word of the command line of a bare server.
pub(crate) const BARE: &str = "--bare";

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Outcome<Task> {
        let mut args = Args {
            rounds: 5,
            slice: Duration::from_millis(500),
            users: 10_000,
            clients: vec![1, 8, 32],
            sqlite: true,
            postgres: true,
        };
        let mut bench = false;
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}`: expected a value"));
            match word.as_str() {
                BARE => return Ok(Task::Bare),
                "--bench" => bench = true,
                "--quick" => {
                    args.rounds = 1;
                    args.slice = Duration::from_millis(250);
                    args.users = 1_000;
                }
                "--rounds" => args.rounds = value()?.parse()?,
                "--seconds" => args.slice = Duration::try_from_secs_f64(value()?.parse()?)?,
                "--users" => args.users = value()?.parse()?,
                "--only" => {
                    let only = value()?;
                    args.sqlite = only == "sqlite";
                    args.postgres = only == "postgres";
                }
                other => return Err(format!("`{other}`: unknown option").into()),
            }
        }
        if args.rounds == 0 || args.users < 200 {
            return Err("expected at least one round and 200 users".into());
        }
        Ok(if bench {
            Task::Measure(args)
        } else {
            Task::Nothing
        })
    }
}

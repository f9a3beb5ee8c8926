//! What the command line asks for.

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
    /// Members of the largest group.
    pub(crate) members: usize,
    /// How often what is cheap is measured: one member, reads without members.
    pub(crate) samples: usize,
    pub(crate) sqlite: bool,
    pub(crate) postgres: bool,
}

/// The first word of the command line of a bare server.
pub(crate) const BARE: &str = "--bare";

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Outcome<Task> {
        let mut args = Args {
            members: 100_000,
            samples: 300,
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
                    args.members = 10_000;
                    args.samples = 60;
                }
                "--members" => args.members = value()?.parse()?,
                "--samples" => args.samples = value()?.parse()?,
                "--only" => {
                    let only = value()?;
                    args.sqlite = only == "sqlite";
                    args.postgres = only == "postgres";
                }
                other => return Err(format!("`{other}`: unknown option").into()),
            }
        }
        if args.members < 2_000 || args.samples < 20 {
            return Err("expected at least 2,000 members and 20 samples".into());
        }
        Ok(if bench {
            Task::Measure(args)
        } else {
            Task::Nothing
        })
    }

    /// The sizes of the groups, the smallest first.
    pub(crate) fn sizes(&self) -> [usize; 3] {
        [10, 1_000, self.members]
    }

    /// How often a thousand members are added and removed.
    pub(crate) fn many(&self) -> usize {
        self.samples / 10
    }

    /// How often a group of that size is read.
    pub(crate) fn reads(&self, size: usize) -> usize {
        if size < self.members {
            self.samples
        } else {
            self.samples / 10
        }
    }

    /// How often a group of that size is sent, by PUT or POST, for each kind of answer.
    pub(crate) fn sent(&self, size: usize) -> usize {
        if size < self.members {
            self.samples / 10
        } else {
            (self.samples / 60).max(2)
        }
    }
}

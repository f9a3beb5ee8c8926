//! What the command line asks for.

use std::path::PathBuf;

use crate::Outcome;
use crate::load::STEP;

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
    /// So many users are there at each measurement, the fewest first.
    pub(crate) sizes: Vec<usize>,
    /// How often everything is asked at each size.
    pub(crate) samples: usize,
    /// One kind of question gets so many seconds at each size, then no more.
    pub(crate) budget: f64,
    pub(crate) sqlite: bool,
    pub(crate) postgres: bool,
    /// Where the file of `SQLite` is left in the end.
    pub(crate) keep: Option<PathBuf>,
}

/// The first word of the command line of a bare server.
pub(crate) const BARE: &str = "--bare";

/// Employee numbers have so many digits.
const MOST: usize = 10_000_000;

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Outcome<Task> {
        let mut args = Args {
            sizes: vec![10_000, 100_000, 1_000_000],
            samples: 200,
            budget: 30.0,
            sqlite: true,
            postgres: true,
            keep: None,
        };
        let mut bench = false;
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}`: expected a value"));
            match word.as_str() {
                BARE => return Ok(Task::Bare),
                "--bench" => bench = true,
                "--quick" => {
                    args.sizes = vec![1_000, 10_000];
                    args.samples = 20;
                    args.budget = 3.0;
                }
                "--sizes" => args.sizes = sizes(&value()?)?,
                "--samples" => args.samples = value()?.parse()?,
                "--only" => {
                    let only = value()?;
                    args.sqlite = only == "sqlite";
                    args.postgres = only == "postgres";
                }
                "--keep" => args.keep = Some(value()?.into()),
                other => return Err(format!("`{other}`: unknown option").into()),
            }
        }
        if args.samples < 5 {
            return Err("expected at least 5 samples".into());
        }
        Ok(if bench {
            Task::Measure(args)
        } else {
            Task::Nothing
        })
    }
}

fn sizes(text: &str) -> Outcome<Vec<usize>> {
    let sizes = text.split(',').map(str::parse);
    let sizes = sizes.collect::<Result<Vec<usize>, _>>()?;
    let fits = |size: &usize| (STEP..=MOST).contains(size) && size.is_multiple_of(STEP);
    if sizes.iter().all(fits) && sizes.is_sorted_by(|one, next| one < next) {
        Ok(sizes)
    } else {
        Err(format!("`--sizes`: expected growing multiples of {STEP} up to {MOST}").into())
    }
}

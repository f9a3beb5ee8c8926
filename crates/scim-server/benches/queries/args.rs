//! What the command line asks for.

use std::path::PathBuf;

use crate::load::STEP;
use crate::program::Common;

/// Employee numbers have so many digits.
const MOST: usize = 10_000_000;

/// The options of the benchmark of queries.
#[derive(clap::Parser)]
pub(crate) struct Line {
    #[command(flatten)]
    common: Common,
    /// So many users are there at each measurement, the fewest first
    #[arg(long, value_delimiter = ',')]
    sizes: Option<Vec<usize>>,
    /// How often everything is asked at each size
    #[arg(long)]
    samples: Option<usize>,
    /// Where the file of SQLite is left in the end
    #[arg(long)]
    keep: Option<PathBuf>,
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

impl AsRef<Common> for Line {
    fn as_ref(&self) -> &Common {
        &self.common
    }
}

impl TryFrom<Line> for Args {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        let (sizes, samples, budget) = if line.common.quick {
            (vec![1_000, 10_000], 20, 3.0)
        } else {
            (vec![10_000, 100_000, 1_000_000], 200, 30.0)
        };
        let args = Self {
            sizes: line.sizes.unwrap_or(sizes),
            samples: line.samples.unwrap_or(samples),
            budget,
            sqlite: line.common.sqlite(),
            postgres: line.common.postgres(),
            keep: line.keep,
        };
        let fits = |size: &usize| (STEP..=MOST).contains(size) && size.is_multiple_of(STEP);
        if !args.sizes.iter().all(fits) || !args.sizes.is_sorted_by(|one, next| one < next) {
            return Err(format!(
                "`--sizes`: expected growing multiples of {STEP} up to {MOST}"
            ));
        }
        if args.samples < 5 {
            return Err("expected at least 5 samples".into());
        }
        Ok(args)
    }
}

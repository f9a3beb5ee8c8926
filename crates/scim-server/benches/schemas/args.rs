//! What the command line asks for.

use crate::program::Common;

/// The options of the benchmark of schemas.
#[derive(clap::Parser)]
pub(crate) struct Line {
    #[command(flatten)]
    common: Common,
    /// Users among whom an index is made
    #[arg(long)]
    users: Option<usize>,
    /// Tenants with definitions of their own
    #[arg(long)]
    tenants: Option<usize>,
    /// How often a request is measured
    #[arg(long)]
    samples: Option<usize>,
}

/// How much is measured.
pub(crate) struct Args {
    /// Users among whom an index is made.
    pub(crate) users: usize,
    /// Tenants with definitions of their own.
    pub(crate) tenants: usize,
    /// How often a request is measured.
    pub(crate) samples: usize,
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
        let (users, tenants, samples) = if line.common.quick {
            (5_000, 200, 50)
        } else {
            (100_000, 10_000, 500)
        };
        let args = Self {
            users: line.users.unwrap_or(users),
            tenants: line.tenants.unwrap_or(tenants),
            samples: line.samples.unwrap_or(samples),
            sqlite: line.common.sqlite(),
            postgres: line.common.postgres(),
        };
        if args.users < 1_000 || args.tenants < 10 || args.samples < 20 {
            return Err("expected at least 1,000 users, 10 tenants and 20 samples".into());
        }
        Ok(args)
    }
}

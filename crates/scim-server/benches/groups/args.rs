//! What the command line asks for.

use crate::program::Common;

/// The options of the benchmark of groups.
#[derive(clap::Parser)]
pub(crate) struct Line {
    #[command(flatten)]
    common: Common,
    /// Members of the largest group
    #[arg(long)]
    members: Option<usize>,
    /// How often what is cheap is measured
    #[arg(long)]
    samples: Option<usize>,
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

impl AsRef<Common> for Line {
    fn as_ref(&self) -> &Common {
        &self.common
    }
}

impl TryFrom<Line> for Args {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        let (members, samples) = if line.common.quick {
            (10_000, 60)
        } else {
            (100_000, 300)
        };
        let args = Self {
            members: line.members.unwrap_or(members),
            samples: line.samples.unwrap_or(samples),
            sqlite: line.common.sqlite(),
            postgres: line.common.postgres(),
        };
        if args.members < 2_000 || args.samples < 20 {
            return Err("expected at least 2,000 members and 20 samples".into());
        }
        Ok(args)
    }
}

impl Args {
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

//! What was measured, and what was aimed at, as Markdown.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::args::Args;
use crate::markdown::{self, aim, figure, mebibytes};
use crate::operation::{Operation, Stop};
use crate::samples::Samples;

/// Among the most users a value is found, and a page by cursor, at most so much slower than among the fewest.
const RATIO: f64 = 1.5;
/// Milliseconds for a user found by a value, 95 of 100, on `SQLite` and on PostgreSQL.
const FOUND: [f64; 2] = [1.0, 2.0];

/// All that was measured on one database.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) samples: Samples<Operation>,
    /// What was not asked again.
    pub(crate) stops: BTreeMap<(Operation, usize), Stop>,
    pub(crate) stages: Vec<Stage>,
    /// How long the fixed body is.
    pub(crate) bytes: usize,
}

/// The database at one size.
pub(crate) struct Stage {
    pub(crate) users: usize,
    pub(crate) groups: usize,
    /// Users since the stage before.
    pub(crate) added: usize,
    /// How long it took to load them and their groups.
    pub(crate) loading: Duration,
    /// On the disk.
    pub(crate) bytes: u64,
    /// Memory of the server after the measurement, in KiB.
    pub(crate) resident: Option<u32>,
}

/// On what it was measured, and how.
pub(crate) fn machine(args: &Args) {
    println!(
        "{}, one connection, one request at a time, {} samples of each.",
        markdown::machine(),
        args.samples
    );
}

/// The tables of one database.
pub(crate) fn tables(args: &Args, title: &str, results: &Results, took: Duration) {
    println!("\n### {title}\n");
    let sizes = args.sizes.iter();
    let names = sizes.map(|size| format!(" {size} users: p50 ms | p95 ms |"));
    println!("| operation |{} growth |", names.collect::<String>());
    let lines = "---: | ---: | ".repeat(args.sizes.len());
    println!("| --- | {lines}---: |");
    for operation in Operation::ALL {
        let cells = args.sizes.iter().map(|size| {
            let [p50, p95] = results.cells(operation, *size);
            format!(" {p50} | {p95} |")
        });
        let growth = results.growth(args, operation);
        let growth = growth.map_or(String::new(), |growth| format!("{growth:.2}"));
        println!(
            "| {} |{} {growth} |",
            operation.name(),
            cells.collect::<String>()
        );
    }
    println!(
        "\nGrowth is p50 among the most users / among the fewest. A page has 100 users. The fixed body has {} bytes. Done after {:.0} s.",
        results.bytes,
        took.as_secs_f64()
    );
    fewer(args, results);
    stages(results);
    aims(args, title, results);
}

impl Results {
    /// p50 and p95, or what stands for them.
    fn cells(&self, operation: Operation, size: usize) -> [String; 2] {
        if let Some(stop) = self.stops.get(&(operation, size)) {
            return [stop.text(), String::new()];
        }
        [50, 95].map(|percent| figure(self.percentile(operation, size, percent), 3))
    }

    /// Of what was answered to the end.
    fn percentile(&self, operation: Operation, size: usize, percent: usize) -> Option<f64> {
        if self.stops.contains_key(&(operation, size)) {
            return None;
        }
        self.samples.percentile(operation, size, percent)
    }

    fn growth(&self, args: &Args, operation: Operation) -> Option<f64> {
        let (small, large) = (args.sizes.first()?, args.sizes.last()?);
        if small == large {
            return None;
        }
        let p50 = |size: &usize| self.percentile(operation, *size, 50);
        Some(p50(large)? / p50(small)?)
    }

    /// The size with the longest 95th percentile, and that; without end for what was stopped.
    fn slowest(&self, args: &Args, operation: Operation) -> Option<(usize, f64)> {
        let each = args.sizes.iter().filter_map(|size| {
            let stop = self.stops.get(&(operation, *size));
            let found = match stop {
                Some(_) => f64::INFINITY,
                None => self.percentile(operation, *size, 95)?,
            };
            Some((*size, found))
        });
        each.max_by(|one, other| one.1.total_cmp(&other.1))
    }
}

/// What took so long that it was asked less often.
fn fewer(args: &Args, results: &Results) {
    let few = results.samples.rows().filter(|(operation, size, count)| {
        *count < args.samples && !results.stops.contains_key(&(*operation, *size))
    });
    let names = few.map(|(operation, size, count)| {
        format!("{} among {size} users ({count})", operation.name())
    });
    let names: Vec<String> = names.collect();
    if !names.is_empty() {
        println!("Asked less often: {}.", names.join(", "));
    }
}

fn stages(results: &Results) {
    println!(
        "\n| users | groups | loaded in s | users a second | database MiB | server resident MiB |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
    for stage in &results.stages {
        let seconds = stage.loading.as_secs_f64();
        let kib = u32::try_from(stage.bytes / 1024).unwrap_or(u32::MAX);
        let added = f64::from(u32::try_from(stage.added).unwrap_or(u32::MAX));
        println!(
            "| {} | {} | {seconds:.1} | {:.0} | {:.1} | {} |",
            stage.users,
            stage.groups,
            added / seconds,
            mebibytes(kib),
            figure(stage.resident.map(mebibytes), 1)
        );
    }
}

fn aims(args: &Args, title: &str, results: &Results) {
    let [file, server] = FOUND;
    let limit = if title.starts_with("SQLite") {
        file
    } else {
        server
    };
    let [small, large] = [args.sizes.first(), args.sizes.last()].map(|size| size.unwrap_or(&0));
    markdown::aims();
    for operation in Operation::ALL {
        let name = operation.name();
        if operation.finds_one() || operation.is_cursor() {
            aim(
                &format!("{name}: p50 at {large} / at {small}"),
                results.growth(args, operation),
                RATIO,
            );
        }
        if operation.finds_one() {
            let slowest = results.slowest(args, operation);
            let size = slowest.map_or(0, |(size, _)| size);
            aim(
                &format!("{name}: p95 ms, the slowest size ({size})"),
                slowest.map(|(_, p95)| p95),
                limit,
            );
        }
    }
}

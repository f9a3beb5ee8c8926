//! What was measured, and what was aimed at, as Markdown.

use std::time::Duration;

use crate::args::Args;
use crate::markdown::{self, aim, figure, mebibytes};
use crate::memory::Memory;
use crate::operation::Operation;
use crate::samples::Samples;

/// One member in the largest group takes at most so much longer than in the smallest.
const RATIO: f64 = 1.3;
/// Milliseconds for one member, 95 of 100, on `SQLite` and on PostgreSQL.
const ONE: [f64; 2] = [2.0, 3.0];
/// Milliseconds for a thousand members in one PATCH.
const THOUSAND: f64 = 40.0;
/// Milliseconds for the largest group.
const WHOLE: f64 = 200.0;
/// MiB while the largest group is read.
const GROWTH: f64 = 64.0;

/// The memory of the server around the largest group.
pub(crate) struct Growth {
    pub(crate) before: Option<Memory>,
    pub(crate) created: Option<Memory>,
    /// How long the POST took.
    pub(crate) took: Duration,
    /// Before it is read.
    pub(crate) rest: Option<Memory>,
    /// After it was read several times.
    pub(crate) read: Option<Memory>,
    /// How long such an answer is.
    pub(crate) bytes: usize,
}

/// The run as a whole.
pub(crate) struct Whole {
    /// How long it took until the users were there.
    pub(crate) loaded: Duration,
    /// How long it took then to create the smaller groups.
    pub(crate) early: Vec<(usize, Duration)>,
    pub(crate) took: Duration,
    /// How long the fixed body is.
    pub(crate) fixed: usize,
}

/// On what it was measured, and how.
pub(crate) fn machine(args: &Args) {
    println!(
        "{}, one connection, groups of up to {} members.",
        markdown::machine(),
        args.members
    );
}

/// The tables of one database.
pub(crate) fn tables(
    args: &Args,
    title: &str,
    samples: &Samples<Operation>,
    growth: &Growth,
    whole: &Whole,
) {
    println!("\n### {title}\n");
    println!("| operation | members | p50 ms | p95 ms | samples |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (operation, size, count) in samples.rows() {
        let members = if size == 0 {
            String::new()
        } else {
            size.to_string()
        };
        let [p50, p95] =
            [50, 95].map(|percent| figure(samples.percentile(operation, size, percent), 3));
        println!(
            "| {} | {members} | {p50} | {p95} | {count} |",
            operation.name()
        );
    }
    memory(args, growth);
    println!(
        "The fixed body has {} bytes. Users were there after {:.0} s, all was done after {:.0} s.",
        whole.fixed,
        whole.loaded.as_secs_f64(),
        whole.took.as_secs_f64()
    );
    for (size, took) in &whole.early {
        println!(
            "Right after that, with no statistics in the database, a group of {size} was created in {:.0} ms.",
            took.as_secs_f64() * 1e3
        );
    }
    aims(args, title, samples, growth);
}

fn memory(args: &Args, growth: &Growth) {
    let resident = |memory: Option<Memory>| figure(memory.map(|one| mebibytes(one.resident)), 1);
    let peak = |memory: Option<Memory>| figure(memory.map(|one| mebibytes(one.peak)), 1);
    let members = args.members;
    println!("\n| memory of the server | resident MiB | peak MiB |");
    println!("| --- | ---: | ---: |");
    println!(
        "| before the group of {members} was created | {} | |",
        resident(growth.before)
    );
    println!(
        "| when it was created, in one POST of {:.0} ms | {} | {} |",
        growth.took.as_secs_f64() * 1e3,
        resident(growth.created),
        peak(growth.created)
    );
    println!("| two seconds later | {} | |", resident(growth.rest));
    println!(
        "| after it was read 10 times, {:.1} MB each | {} | {} |\n",
        f64::from(u32::try_from(growth.bytes).unwrap_or(u32::MAX)) / 1e6,
        resident(growth.read),
        peak(growth.read)
    );
}

fn aims(args: &Args, title: &str, samples: &Samples<Operation>, growth: &Growth) {
    let sizes = args.sizes();
    let [small, _, large] = sizes;
    let ones = |one: fn(bool) -> Operation| [true, false].map(one);
    let add = ones(|minimal| Operation::AddOne { minimal });
    let remove = ones(|minimal| Operation::RemoveOne { minimal });
    let [file, server] = ONE;
    let limit = if title.starts_with("SQLite") {
        file
    } else {
        server
    };
    markdown::aims();
    for operation in add.into_iter().chain(remove) {
        let name = operation.name();
        let p50 = |size| samples.percentile(operation, size, 50);
        let ratio = p50(large).and_then(|large| Some(large / p50(small)?));
        aim(
            &format!("{name}: p50 at {large} / at {small}"),
            ratio,
            RATIO,
        );
        let found = slowest(samples, operation, &sizes, 95);
        aim(
            &of_slowest(operation, "p95", found),
            found.map(|found| found.1),
            limit,
        );
    }
    for operation in [Operation::AddMany, Operation::RemoveMany] {
        let found = slowest(samples, operation, &sizes, 50);
        aim(
            &of_slowest(operation, "p50", found),
            found.map(|found| found.1),
            THOUSAND,
        );
    }
    let p50 = samples.percentile(Operation::GetWhole, large, 50);
    aim(&format!("GET whole at {large}: p50 ms"), p50, WHOLE);
    let peak = growth.read.zip(growth.rest);
    let peak = peak.map(|(read, rest)| mebibytes(read.peak.saturating_sub(rest.resident)));
    aim("growth of the peak while it is read: MiB", peak, GROWTH);
}

/// The size with the longest percentile, and that.
fn slowest(
    samples: &Samples<Operation>,
    operation: Operation,
    sizes: &[usize],
    percent: usize,
) -> Option<(usize, f64)> {
    let each = sizes
        .iter()
        .filter_map(|size| Some((*size, samples.percentile(operation, *size, percent)?)));
    each.max_by(|one, other| one.1.total_cmp(&other.1))
}

/// The name of an aim for the slowest of the sizes.
fn of_slowest(operation: Operation, what: &str, found: Option<(usize, f64)>) -> String {
    let size = found.map_or(0, |(size, _)| size);
    format!("{}: {what} ms, the slowest size ({size})", operation.name())
}

//! What was measured, as Markdown.

use std::time::Duration;

use crate::args::Args;
use crate::feed::{Operation, Who};
use crate::markdown;

/// A slice of one round.
pub(crate) struct Sample {
    pub(crate) operation: Operation,
    pub(crate) who: Who,
    pub(crate) clients: usize,
    pub(crate) round: u32,
    /// How long each request took, in nanoseconds.
    pub(crate) took: Vec<u32>,
    pub(crate) elapsed: Duration,
    /// Time of the server on a processor.
    pub(crate) busy: Duration,
}

/// Resident memory of scimd, in KiB.
pub(crate) struct Memory {
    pub(crate) idle: Option<u32>,
    pub(crate) after: Option<u32>,
}

/// All slices of one contender with so many clients.
struct Summary {
    /// Requests a second, of the median round.
    rate: f64,
    median: f64,
    p99: f64,
    /// Microseconds of the server on a processor for a request.
    busy: f64,
}

impl Sample {
    fn rate(&self) -> f64 {
        number(self.took.len()) / self.elapsed.as_secs_f64()
    }
}

/// On what it was measured, and how.
pub(crate) fn machine(args: &Args) {
    println!(
        "{}, {} users, {} rounds of {} ms a slice.",
        markdown::machine(),
        args.users,
        args.rounds,
        args.slice.as_millis()
    );
}

/// The tables of one database.
pub(crate) fn tables(title: &str, bytes: usize, samples: &[Sample], memory: &Memory) {
    println!("\n### {title}\n");
    println!(
        "| operation | clients | scimd /s | median ms | p99 ms | CPU µs | bare /s | median ms | p99 ms | CPU µs | ratio |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut rows: Vec<(Operation, usize)> = samples
        .iter()
        .map(|one| (one.operation, one.clients))
        .collect();
    rows.sort_unstable();
    rows.dedup();
    for (operation, clients) in rows {
        let of = |who: Who| -> Vec<&Sample> {
            let mine = |one: &&Sample| {
                one.operation == operation && one.clients == clients && one.who == who
            };
            samples.iter().filter(mine).collect()
        };
        let (scimd, bare) = (of(Who::Scimd), of(Who::Bare));
        println!(
            "| {} | {clients} | {} | {} | {} |",
            operation.name(),
            cells(&scimd),
            cells(&bare),
            ratio(&scimd, &bare)
        );
    }
    let mebibytes = |kib: Option<u32>| {
        kib.map_or("?".to_owned(), |kib| {
            format!("{:.1} MiB", f64::from(kib) / 1024.0)
        })
    };
    println!(
        "\nAn answer has {bytes} bytes. Resident memory of scimd: {} two seconds after its first start, {} after the run.",
        mebibytes(memory.idle),
        mebibytes(memory.after)
    );
}

fn cells(samples: &[&Sample]) -> String {
    match summary(samples) {
        None => "| | |".to_owned(),
        Some(Summary {
            rate,
            median,
            p99,
            busy,
        }) => {
            format!("{rate:.0} | {median:.3} | {p99:.3} | {busy:.0}")
        }
    }
}

fn summary(samples: &[&Sample]) -> Option<Summary> {
    let mut took: Vec<u32> = samples
        .iter()
        .flat_map(|one| one.took.iter().copied())
        .collect();
    took.sort_unstable();
    let place = |percent: usize| {
        let at = (took.len() * percent / 100).min(took.len().saturating_sub(1));
        took.get(at).map(|nanos| f64::from(*nanos) / 1e6)
    };
    let busy: Duration = samples.iter().map(|one| one.busy).sum();
    Some(Summary {
        rate: middle(samples.iter().map(|one| one.rate()).collect())?,
        median: place(50)?,
        p99: place(99)?,
        busy: busy.as_secs_f64() * 1e6 / number(took.len()),
    })
}

/// The median of the rounds' ratios: the two slices of a round were neighbours.
fn ratio(scimd: &[&Sample], bare: &[&Sample]) -> String {
    let ratios = scimd.iter().filter_map(|one| {
        let other = bare.iter().find(|other| other.round == one.round)?;
        Some(one.rate() / other.rate())
    });
    middle(ratios.collect()).map_or(String::new(), |ratio| format!("**{ratio:.2}**"))
}

fn middle(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

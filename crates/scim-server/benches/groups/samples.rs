//! How long everything took.

use std::collections::BTreeMap;
use std::time::Duration;

/// What is measured, in the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Fixed,
    PatchUser,
    AddOne { minimal: bool },
    RemoveOne { minimal: bool },
    AddMany,
    RemoveMany,
    GetWithout,
    Filter,
    GetWhole,
    Put { whole: bool },
    Create { whole: bool },
    Delete,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Fixed => "a fixed body, by the bare server",
            Operation::PatchUser => "PATCH active of a user, return=minimal",
            Operation::AddOne { minimal: true } => "add one, return=minimal",
            Operation::AddOne { minimal: false } => "add one",
            Operation::RemoveOne { minimal: true } => "remove one, return=minimal",
            Operation::RemoveOne { minimal: false } => "remove one",
            Operation::AddMany => "add 1,000 in one PATCH, return=minimal",
            Operation::RemoveMany => "remove 1,000 in one PATCH, return=minimal",
            Operation::GetWithout => "GET, excludedAttributes=members",
            Operation::Filter => "filter `members eq`, excludedAttributes=members",
            Operation::GetWhole => "GET whole",
            Operation::Put { whole: true } => "PUT whole, one differs",
            Operation::Put { whole: false } => "PUT whole, one differs, excludedAttributes=members",
            Operation::Create { whole: true } => "create (POST)",
            Operation::Create { whole: false } => "create (POST), excludedAttributes=members",
            Operation::Delete => "DELETE",
        }
    }
}

/// By operation and size of the group; the size is 0 where there is no group.
#[derive(Default)]
pub(crate) struct Samples(BTreeMap<(Operation, usize), Vec<Duration>>);

impl Samples {
    pub(crate) fn add(&mut self, operation: Operation, size: usize, took: Duration) {
        self.0.entry((operation, size)).or_default().push(took);
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (Operation, usize, usize)> {
        let row = |(key, took): (&(Operation, usize), &Vec<Duration>)| (key.0, key.1, took.len());
        self.0.iter().map(row)
    }

    /// So many percent took no longer, in milliseconds.
    pub(crate) fn percentile(
        &self,
        operation: Operation,
        size: usize,
        percent: usize,
    ) -> Option<f64> {
        let mut took = self.0.get(&(operation, size))?.clone();
        took.sort_unstable();
        let place = (took.len() * percent)
            .div_ceil(100)
            .clamp(1, took.len().max(1));
        Some(took.get(place - 1)?.as_secs_f64() * 1e3)
    }
}

//! How long everything took.

use std::collections::BTreeMap;
use std::time::Duration;

/// By operation and size; the size is 0 where there is none.
pub(crate) struct Samples<O>(BTreeMap<(O, usize), Vec<Duration>>);

impl<O> Default for Samples<O> {
    fn default() -> Samples<O> {
        Samples(BTreeMap::new())
    }
}

impl<O: Copy + Ord> Samples<O> {
    pub(crate) fn add(&mut self, operation: O, size: usize, took: Duration) {
        self.0.entry((operation, size)).or_default().push(took);
    }

    /// Operation, size and how often it was measured.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (O, usize, usize)> {
        let row = |(key, took): (&(O, usize), &Vec<Duration>)| (key.0, key.1, took.len());
        self.0.iter().map(row)
    }

    /// So many percent took no longer, in milliseconds.
    pub(crate) fn percentile(&self, operation: O, size: usize, percent: usize) -> Option<f64> {
        let mut took = self.0.get(&(operation, size))?.clone();
        took.sort_unstable();
        let place = (took.len() * percent)
            .div_ceil(100)
            .clamp(1, took.len().max(1));
        Some(took.get(place - 1)?.as_secs_f64() * 1e3)
    }
}

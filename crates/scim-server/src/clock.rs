//! Time and ids: the only place that asks the machine for them. `AppState` hands the clock down, tests hand in their own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use governor::nanos::Nanos;
use uuid::{ContextV7, Timestamp, Uuid};

/// Microseconds since 1970, UTC.
pub type Micros = i64;

const PER_SECOND: i64 = 1_000_000;

/// A source of time and of ids that sort by time. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { start: Instant },
    Test(Arc<TestClock>),
}

#[derive(Debug)]
struct TestClock {
    start: Micros,
    now: AtomicI64,
    ids: Mutex<ContextV7>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System {
            start: Instant::now(),
        })
    }

    /// A clock that stands at `start` until it is moved with [`Clock::advance`].
    #[must_use]
    pub fn test(start: Micros) -> Self {
        Self(Source::Test(Arc::new(TestClock {
            start,
            now: AtomicI64::new(start),
            ids: Mutex::new(ContextV7::new()),
        })))
    }

    /// Moves a test clock forward; the machine's clock does not listen.
    pub fn advance(&self, by: Duration) {
        if let Source::Test(test) = &self.0 {
            let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            test.now.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// The time of day.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that others ask"
    )]
    pub fn now(&self) -> Micros {
        match &self.0 {
            Source::System { .. } => Utc::now().timestamp_micros(),
            Source::Test(test) => test.now.load(Ordering::SeqCst),
        }
    }

    /// A new `UUIDv7`: ids made by one process sort in the order in which they were made.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that others ask"
    )]
    pub fn id(&self) -> Uuid {
        match &self.0 {
            Source::System { .. } => Uuid::now_v7(),
            Source::Test(test) => {
                let now = test.now.load(Ordering::SeqCst);
                let seconds = u64::try_from(now.div_euclid(PER_SECOND)).unwrap_or_default();
                let nanos = u32::try_from(now.rem_euclid(PER_SECOND) * 1_000).unwrap_or_default();
                Uuid::new_v7(Timestamp::from_unix(&test.ids, seconds, nanos))
            }
        }
    }

    /// Time since the clock was made; it never runs backwards, whatever happens to the time of day.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { start } => start.elapsed(),
            Source::Test(test) => {
                let passed = test.now.load(Ordering::SeqCst).saturating_sub(test.start);
                Duration::from_micros(u64::try_from(passed).unwrap_or_default())
            }
        }
    }
}

/// Rate limits count on [`Clock::elapsed`].
impl governor::clock::Clock for Clock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// A time as administration writes it: RFC 3339 in UTC, with milliseconds.
///
/// ```
/// assert_eq!(scim_server::clock::rfc3339(1_700_000_000_123_456), "2023-11-14T22:13:20.123Z");
/// ```
#[must_use]
pub fn rfc3339(at: Micros) -> String {
    DateTime::from_timestamp_micros(at)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads an RFC 3339 time with any offset; `None` when it is not one.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Micros> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_clock_stands_until_it_is_moved() {
        let clock = Clock::test(1_700_000_000_000_000);
        assert_eq!(clock.now(), 1_700_000_000_000_000);
        clock.clone().advance(Duration::from_millis(1500));
        assert_eq!(clock.now(), 1_700_000_001_500_000);
        assert_eq!(clock.elapsed(), Duration::from_millis(1500));
    }

    #[test]
    fn ids_sort_in_the_order_they_were_made() {
        for clock in [Clock::system(), Clock::test(1_700_000_000_000_000)] {
            let ids: Vec<Uuid> = (0..1000).map(|_| clock.id()).collect();
            assert!(ids.is_sorted());
            assert_eq!(ids[0].get_version_num(), 7);
        }
    }

    #[test]
    fn times_are_written_and_read_in_rfc3339() {
        for (text, canonical) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
            (
                "2026-01-02T03:04:05.678901+02:00",
                "2026-01-02T01:04:05.678Z",
            ),
        ] {
            assert_eq!(rfc3339(parse_rfc3339(text).unwrap()), canonical);
        }
        for wrong in ["", "2026-01-02", "2026-13-02T03:04:05Z", "tomorrow"] {
            assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
        }
    }
}

//! How often: a budget for each tenant, and one for the failed authentications of each address.
//!
//! Both are GCRA: a full budget admits its whole number at once and then fills evenly. A tenant's is published in `RateLimit-Policy` and
//! `RateLimit` (draft-ietf-httpapi-ratelimit-headers).

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::clock::Clock;
use crate::store::TenantId;

const HOUR: Duration = Duration::from_secs(3600);
/// Addresses that are told apart; beyond them failures share one budget until the next sweep.
const MOST_ADDRESSES: usize = 100_000;

/// The budgets of tenants.
#[derive(Debug)]
pub struct TenantLimits {
    clock: Clock,
    tenants: RwLock<HashMap<TenantId, Arc<TenantLimit>>>,
}

/// What is left of a tenant's budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests in a full budget, and in an hour.
    pub per_hour: u32,
    /// Requests that would be admitted now.
    pub remaining: u32,
    /// Seconds until the budget is full again; when nothing is left, until one more is admitted.
    pub reset: u64,
}

/// A request too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// The budget, with nothing left.
    pub budget: Budget,
    /// When one more request is admitted.
    pub retry_after: Duration,
}

/// The budgets of addresses that fail to authenticate.
#[derive(Debug)]
pub struct FailureLimits {
    clock: Clock,
    limiter: RateLimiter<Origin, DashMapStateStore<Origin>, Clock, NoOpMiddleware<Nanos>>,
}

#[derive(Debug)]
struct TenantLimit {
    per_hour: NonZeroU32,
    used: AtomicU64,
    limiter: RateLimiter<NotKeyed, InMemoryState, Clock, StateInformationMiddleware>,
}

/// What counts as one address: an IPv4 address, or the /64 that an IPv6 host can choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Origin {
    V4(u32),
    V6(u64),
    Others,
}

impl TenantLimits {
    /// Full budgets for all.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            tenants: RwLock::default(),
        }
    }

    /// Takes one request from a tenant's budget. A budget of another size than before begins full.
    ///
    /// # Errors
    /// [`Exhausted`] when nothing is left.
    pub fn charge(&self, tenant: TenantId, per_hour: u32) -> Result<Budget, Exhausted> {
        let per_hour = NonZeroU32::new(per_hour).unwrap_or(NonZeroU32::MIN);
        let limit = self.limit(tenant, per_hour);
        limit
            .used
            .store(self.clock.elapsed().as_secs(), Ordering::Relaxed);
        match limit.limiter.check() {
            Ok(snapshot) => Ok(Budget::new(per_hour, snapshot.remaining_burst_capacity())),
            Err(not_until) => {
                let retry_after = not_until.wait_time_from(instant(&self.clock));
                let budget = Budget {
                    per_hour: per_hour.get(),
                    remaining: 0,
                    reset: whole_seconds(retry_after),
                };
                Err(Exhausted {
                    budget,
                    retry_after,
                })
            }
        }
    }

    /// Forgets the tenants whose budget must be full again.
    pub fn sweep(&self) {
        let now = self.clock.elapsed().as_secs();
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        tenants.retain(|_, limit| {
            now.saturating_sub(limit.used.load(Ordering::Relaxed)) <= HOUR.as_secs()
        });
        tenants.shrink_to_fit();
    }

    fn limit(&self, tenant: TenantId, per_hour: NonZeroU32) -> Arc<TenantLimit> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(limit) = tenants
            .get(&tenant)
            .filter(|limit| limit.per_hour == per_hour)
        {
            return Arc::clone(limit);
        }
        drop(tenants);
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let limit = tenants
            .entry(tenant)
            .and_modify(|limit| {
                if limit.per_hour != per_hour {
                    *limit = self.full(per_hour);
                }
            })
            .or_insert_with(|| self.full(per_hour));
        Arc::clone(limit)
    }

    fn full(&self, per_hour: NonZeroU32) -> Arc<TenantLimit> {
        let quota = Quota::per_hour(per_hour);
        Arc::new(TenantLimit {
            per_hour,
            used: AtomicU64::new(0),
            limiter: RateLimiter::direct_with_clock(quota, self.clock.clone()).with_middleware(),
        })
    }
}

impl Budget {
    fn new(per_hour: NonZeroU32, remaining: u32) -> Self {
        let used = u64::from(per_hour.get().saturating_sub(remaining));
        Self {
            per_hour: per_hour.get(),
            remaining,
            reset: (used * HOUR.as_secs()).div_ceil(per_hour.get().into()),
        }
    }

    /// The value of `RateLimit-Policy`.
    #[must_use]
    pub fn policy_header(&self) -> String {
        format!("\"tenant\";q={};w={}", self.per_hour, HOUR.as_secs())
    }

    /// The value of `RateLimit`.
    #[must_use]
    pub fn header(&self) -> String {
        format!("\"tenant\";r={};t={}", self.remaining, self.reset)
    }
}

impl FailureLimits {
    /// So many failures a minute for each address.
    #[must_use]
    pub fn new(per_minute: u32, clock: Clock) -> Self {
        let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        Self {
            limiter: RateLimiter::dashmap_with_clock(Quota::per_minute(per_minute), clock.clone()),
            clock,
        }
    }

    /// Counts a failure.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub fn charge(&self, address: IpAddr) -> Result<(), Duration> {
        let crowded = self.limiter.len() >= MOST_ADDRESSES;
        let origin = if crowded {
            Origin::Others
        } else {
            Origin::of(address)
        };
        self.limiter
            .check_key(&origin)
            .map_err(|not_until| not_until.wait_time_from(instant(&self.clock)))
    }

    /// Forgets the addresses that have not failed lately.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

impl Origin {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => {
                Self::V6(u64::try_from(address.to_bits() >> 64).unwrap_or_default())
            }
        }
    }
}

/// Now, as the limiter counts it.
fn instant(clock: &Clock) -> Nanos {
    governor::clock::Clock::now(clock)
}

/// A wait in whole seconds, rounded up, at least one.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    let part = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(part).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: i64) -> TenantId {
        TenantId::new(number)
    }

    fn admitted(limits: &TenantLimits, per_hour: u32) -> u32 {
        let mut admitted = 0;
        while limits.charge(tenant(1), per_hour).is_ok() {
            admitted += 1;
        }
        admitted
    }

    #[test]
    fn a_full_budget_admits_its_number_and_then_fills_evenly() {
        let clock = Clock::test(0);
        let limits = TenantLimits::new(clock.clone());
        assert_eq!(admitted(&limits, 25_000), 25_000);
        for (wait, more) in [
            (143, 0),
            (1, 1),
            (144, 1),
            (288, 2),
            (3_600_000, 25_000),
            (9_000_000, 25_000),
        ] {
            clock.advance(Duration::from_millis(wait));
            assert_eq!(admitted(&limits, 25_000), more, "after {wait} ms");
        }
    }

    #[test]
    fn twenty_five_a_second_are_admitted_for_twenty_minutes() {
        let clock = Clock::test(0);
        let limits = TenantLimits::new(clock.clone());
        for nth in 0..25 * 20 * 60 {
            assert!(limits.charge(tenant(1), 25_000).is_ok(), "request {nth}");
            clock.advance(Duration::from_millis(40));
        }
    }

    #[test]
    fn headers_say_what_is_left() {
        let clock = Clock::test(0);
        let limits = TenantLimits::new(clock.clone());
        let first = limits.charge(tenant(1), 25_000).unwrap();
        assert_eq!(first.policy_header(), "\"tenant\";q=25000;w=3600");
        assert_eq!(first.header(), "\"tenant\";r=24999;t=1");
        admitted(&limits, 25_000);
        let refused = limits.charge(tenant(1), 25_000).unwrap_err();
        assert_eq!(refused.budget.header(), "\"tenant\";r=0;t=1");
        assert_eq!(refused.retry_after, Duration::from_millis(144));
        clock.advance(Duration::from_secs(1800));
        assert_eq!(
            limits.charge(tenant(1), 25_000).unwrap().header(),
            "\"tenant\";r=12499;t=1801"
        );
    }

    #[test]
    fn waiting_as_long_as_told_is_enough() {
        for per_hour in [1, 7, 60, 3600, 25_000, 90_000] {
            let clock = Clock::test(0);
            let limits = TenantLimits::new(clock.clone());
            admitted(&limits, per_hour);
            let wait = limits.charge(tenant(1), per_hour).unwrap_err().retry_after;
            clock.advance(Duration::from_secs(whole_seconds(wait)));
            assert!(limits.charge(tenant(1), per_hour).is_ok(), "{per_hour}");
        }
    }

    #[test]
    fn tenants_do_not_share_and_a_new_policy_begins_full() {
        let limits = TenantLimits::new(Clock::test(0));
        assert_eq!(admitted(&limits, 3), 3);
        assert_eq!(limits.charge(tenant(2), 3).unwrap().remaining, 2);
        assert_eq!(admitted(&limits, 5), 5);
        assert_eq!(admitted(&limits, 5), 0);
    }

    #[test]
    fn a_sweep_forgets_only_full_budgets() {
        let clock = Clock::test(0);
        let limits = TenantLimits::new(clock.clone());
        admitted(&limits, 3);
        clock.advance(Duration::from_secs(3599));
        limits.sweep();
        assert_eq!(limits.tenants.read().unwrap().len(), 1);
        clock.advance(Duration::from_secs(2));
        limits.sweep();
        assert_eq!(limits.tenants.read().unwrap().len(), 0);
    }

    #[test]
    fn an_address_may_fail_so_often() {
        let clock = Clock::test(0);
        let limits = FailureLimits::new(3, clock.clone());
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        for one in [address, mapped, address] {
            assert_eq!(limits.charge(one), Ok(()));
        }
        assert_eq!(limits.charge(address), Err(Duration::from_secs(20)));
        assert_eq!(limits.charge("192.0.2.2".parse().unwrap()), Ok(()));
        clock.advance(Duration::from_secs(20));
        assert_eq!(limits.charge(address), Ok(()));
    }

    #[test]
    fn ipv6_hosts_of_one_network_share() {
        let limits = FailureLimits::new(1, Clock::test(0));
        assert!(limits.charge("2001:db8::1".parse().unwrap()).is_ok());
        assert!(limits.charge("2001:db8::ffff:1".parse().unwrap()).is_err());
        assert!(limits.charge("2001:db8:0:1::1".parse().unwrap()).is_ok());
    }

    #[test]
    fn addresses_are_bounded_and_forgotten() {
        let clock = Clock::test(0);
        let limits = FailureLimits::new(1, clock.clone());
        for number in 0..=u32::try_from(MOST_ADDRESSES).unwrap() + 10 {
            let _ = limits.charge(IpAddr::from(number.to_be_bytes()));
        }
        assert!(limits.limiter.len() <= MOST_ADDRESSES + 1);
        clock.advance(Duration::from_secs(121));
        limits.sweep();
        assert_eq!(limits.limiter.len(), 0);
    }
}

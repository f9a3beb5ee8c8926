//! scimd: a multi-tenant SCIM 2.0 server on `SQLite` or `PostgreSQL`.
//!
//! The floors, each knowing only those below it: `main` and [`cli`], [`serve`], [`http`], [`gate`], [`service`], [`store`], and under all
//! of them `scim_core`, which does no I/O. [`config`], [`telemetry`], [`clock`], [`policy`], [`token`], [`secret`] and [`members`] are
//! leaves.

pub mod cli;
pub mod serve;

pub mod http;

pub mod gate;

pub mod service;

pub mod store;

pub mod clock;
pub mod config;
pub mod members;
pub mod policy;
pub mod secret;
pub mod telemetry;
pub mod token;

use std::sync::atomic::{AtomicBool, Ordering};

use clock::Clock;
use config::Config;
use gate::Gate;
use gate::cache::Cache;
use gate::limit::{FailureLimits, TenantLimits};
use gate::usage::Usage;
use service::administration::AdminCx;
use service::setup::Prepared;
use store::Store;

pub use http::app;

/// Everything that requests share.
#[derive(Debug)]
pub struct AppState {
    /// The options in force.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// Time and ids.
    pub clock: Clock,
    /// The context of administration.
    pub admin: AdminCx,
    /// Who may, and how often.
    pub gate: Gate,
    stopping: AtomicBool,
}

impl AppState {
    /// Puts the parts together.
    #[must_use]
    pub fn new(config: Config, store: Store, prepared: Prepared) -> Self {
        let Prepared {
            admin,
            admin_digest,
            ..
        } = prepared;
        let clock = admin.clock.clone();
        let gate = Gate {
            cache: Cache::new(
                admin.directory.clone(),
                admin.epoch.clone(),
                admin.registries.clone(),
            ),
            tenants: TenantLimits::new(clock.clone()),
            failures: FailureLimits::new(config.failed_auth_per_minute, clock.clone()),
            usage: Usage::default(),
            admin: admin_digest,
        };
        Self {
            config,
            store,
            clock,
            admin,
            gate,
            stopping: AtomicBool::new(false),
        }
    }

    /// Whether the server is about to stop: it finishes what it has and wants nothing new.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Makes the server not ready, before it stops.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

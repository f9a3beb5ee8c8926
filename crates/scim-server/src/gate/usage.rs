//! When tokens were last used and from where: gathered in memory and written together, so that a request costs no write.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::clock::Micros;
use crate::store::{Directory, TokenUse};

/// How often uses are written. What is shown may be older by this and the time of a write; five seconds are promised.
pub const EVERY: Duration = Duration::from_secs(2);

/// Uses that are not written yet.
#[derive(Debug, Default)]
pub struct Usage {
    latest: Mutex<HashMap<Uuid, (Micros, IpAddr)>>,
}

impl Usage {
    /// Notes a use of a token.
    pub fn note(&self, token: Uuid, at: Micros, from: IpAddr) {
        self.lock().insert(token, (at, from));
    }

    /// Writes what was noted. When the store cannot take it, it is kept for the next time.
    pub async fn flush(&self, directory: &Directory) {
        let taken = std::mem::take(&mut *self.lock());
        if taken.is_empty() {
            return;
        }
        let uses: Vec<TokenUse> = taken
            .iter()
            .map(|(id, (at, from))| TokenUse {
                id: *id,
                at: *at,
                from: Some(from.to_string()),
            })
            .collect();
        if let Err(error) = directory.touch_tokens(&uses).await {
            tracing::warn!(%error, "the last use of tokens was not written; it will be tried again");
            self.put_back(taken);
        }
    }

    fn put_back(&self, taken: HashMap<Uuid, (Micros, IpAddr)>) {
        let mut latest = self.lock();
        for (id, usage) in taken {
            latest.entry(id).or_insert(usage);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, (Micros, IpAddr)>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

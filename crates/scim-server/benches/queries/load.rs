//! Loads users and groups by the server's own verb, so that the rows are those of a server: documents, keys, members, counters, changes.
//!
//! Only HTTP is left out. Changes that wait are committed together on `SQLite`; on PostgreSQL the loader's sessions do not wait for the disk.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use scim_core::ResourceType;
use scim_server::clock::Clock;
use scim_server::service::create;
use scim_server::service::resources::{Error, TenantCx};
use scim_server::service::schemas::Registries;
use scim_server::service::setup::FIRST_TENANT;
use scim_server::service::tenants::Tenant;
use scim_server::store::{Micros, Store, StoreError, StoreOptions};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::Outcome;
use crate::people::{self, Person, Random};

/// So many are created before the next may name them.
pub(crate) const STEP: usize = 1_000;

/// For so many users there is a group.
const USERS_OF_A_GROUP: usize = 100;

/// How often a create is tried again when the database is busy, a second apart.
const PATIENCE: usize = 60;

/// How many creates are on their way at once, on each thread.
const AT_ONCE: usize = 128;

/// What is loaded.
#[derive(Default)]
pub(crate) struct Loaded {
    users: Vec<Uuid>,
    pub(crate) groups: usize,
}

/// Where resources are created.
struct Place {
    cx: TenantCx,
    user: Arc<ResourceType>,
    group: Arc<ResourceType>,
}

impl Loaded {
    /// Adds users until there are so many, and their groups; how long that took.
    pub(crate) fn grow(&mut self, url: &str, users: usize) -> Outcome<Duration> {
        let start = Instant::now();
        let store = Store::open(&options(url))?;
        let done = Place::find(&store).and_then(|place| self.fill(&place, users));
        store.close();
        done?;
        Ok(start.elapsed())
    }

    fn fill(&mut self, place: &Place, users: usize) -> Outcome<()> {
        while self.users.len() < users {
            let earlier = &self.users;
            let step = STEP.min(users - earlier.len());
            let made = together(step, async |nth| {
                place.user(earlier.len() + nth, earlier).await
            })?;
            self.users.extend(made);
        }
        while self.groups < users / USERS_OF_A_GROUP {
            let (first, everybody) = (self.groups, &self.users);
            let step = STEP.min(users / USERS_OF_A_GROUP - first);
            let made = together(step, async |nth| place.group(first + nth, everybody).await)?;
            self.groups += made.len();
        }
        Ok(())
    }
}

impl Place {
    fn find(store: &Store) -> Outcome<Place> {
        let (runtime, directory) = (runtime()?, store.directory());
        let row = runtime.block_on(directory.tenant_by_slug(FIRST_TENANT))?;
        let row = row.ok_or("expected the first tenant")?;
        let tenant = runtime
            .block_on(Tenant::new(&row, &directory, &Registries::default()))
            .map_err(|error| error.to_string())?;
        let of = |name: &str| {
            let found = tenant.registry.resource_type(name);
            found.map(Arc::clone).ok_or("expected a resource type")
        };
        Ok(Place {
            user: of("User")?,
            group: of("Group")?,
            cx: TenantCx {
                store: store.tenant(tenant.id),
                tenant: Arc::new(tenant),
                clock: Clock::test(people::START),
                actor: "token:hmf3k7y2q4zabcde".to_owned(),
                base_url: "http://localhost/scim/v2".to_owned(),
                search_time: Duration::from_secs(60),
            },
        })
    }

    async fn user(&self, nth: usize, earlier: &[Uuid]) -> Result<Uuid, String> {
        let person = Person::new(nth);
        let manager = earlier.get(person.manager(earlier.len()));
        let manager = manager.map(Uuid::to_string);
        let document = person.document(manager.as_deref());
        self.create(&self.user, people::created(nth), document)
            .await
    }

    /// About twenty members, wherever they come from.
    async fn group(&self, nth: usize, users: &[Uuid]) -> Result<Uuid, String> {
        let mut random = Random::new(usize::MAX - nth);
        let places: BTreeSet<usize> = (0..10 + random.below(21))
            .map(|_| random.below(users.len()))
            .collect();
        let members = places.iter().filter_map(|place| users.get(*place));
        let members: Vec<Value> = members.map(|id| json!({"value": id})).collect();
        let document = json!({
            "schemas": [scim_core::urn::GROUP],
            "externalId": format!("00g{nth:07}"),
            "displayName": format!("Group {nth:07}"),
            "members": members,
        });
        let at = people::created(nth * USERS_OF_A_GROUP);
        self.create(&self.group, at, document).await
    }

    /// What a POST does. Each has a clock of its own, that stands still.
    async fn create(
        &self,
        of: &Arc<ResourceType>,
        at: Micros,
        document: Value,
    ) -> Result<Uuid, String> {
        let Value::Object(body) = document else {
            return Err("expected an object".to_owned());
        };
        let cx = TenantCx {
            clock: Clock::test(at),
            ..self.cx.clone()
        };
        let mut again = 0;
        loop {
            match create::create(&cx, of, body.clone()).await {
                Ok(made) => return Ok(made.stored.id),
                // SQLite empties a long log into the file, which a slow disk takes its time for.
                Err(Error::Store(StoreError::Unavailable(_))) if again < PATIENCE => {
                    again += 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// As the server does it, but for the patience, and that PostgreSQL need not reach the disk before it answers.
fn options(url: &str) -> StoreOptions {
    let url = if url.starts_with("sqlite:") {
        url.to_owned()
    } else {
        format!("{url}?options=-csynchronous_commit%3Doff")
    };
    StoreOptions {
        timeout: Duration::from_mins(1),
        ..StoreOptions::new(url)
    }
}

/// Makes so many, several at a time; in order what was made.
fn together<F>(count: usize, make: F) -> Outcome<Vec<Uuid>>
where
    F: AsyncFn(usize) -> Result<Uuid, String> + Sync,
{
    let next = AtomicUsize::new(0);
    let made = Mutex::new(vec![Uuid::nil(); count]);
    let work = async || loop {
        let nth = next.fetch_add(1, Ordering::Relaxed);
        if nth >= count {
            return Ok::<(), String>(());
        }
        let id = make(nth).await?;
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = made.get_mut(nth) {
            *place = id;
        }
    };
    let run = || -> Result<(), String> {
        let runtime = runtime().map_err(|error| error.to_string())?;
        runtime.block_on(try_join_all((0..AT_ONCE).map(|_| work())))?;
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        for thread in running {
            thread.join().map_err(|_| "a loader ended".to_owned())??;
        }
        Ok::<(), String>(())
    })?;
    Ok(made.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_time().build()
}

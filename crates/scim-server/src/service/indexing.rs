//! Making the keys of an attribute that becomes indexed while people use it, and removing those that nobody needs: a few at a time, so that a
//! write waits for a few at most.
//!
//! From the moment the attribute is defined, every change writes its keys; what is made here are the keys of what was there before, in the
//! order of creation. Each step begins where the last one ended and only if nobody else has gone on, so several nodes may try, and one that
//! stops in the middle leaves nothing undone. When all are made, the attribute is searched by them.

use std::time::Duration;

use scim_core::schema::registry::Index;
use scim_core::{Registry, ResourceType};
use uuid::Uuid;

use super::administration::{AdminCx, AdminError};
use super::resources::{Times, document, index_keys};
use super::schemas::additions;
use crate::clock::Micros;
use crate::store::{IndexKey, IndexRow, IndexState, StoreError, Stored, Unfinished, Writer};

/// So many resources get their keys in one transaction.
const BATCH: i64 = 200;
/// So many keys are removed in one.
const REMOVED: i64 = 1_000;
/// Other nodes may go on with the old keys for as long as they do not know of the change.
const GRACE: Micros = 5_000_000;
/// Writers go first.
const PAUSE: Duration = Duration::from_millis(2);
/// How often to look for what another node was told to make.
const EVERY: Duration = Duration::from_secs(1);

/// Makes and removes keys for as long as the server runs.
pub async fn run(cx: AdminCx) {
    loop {
        if let Err(error) = finish(&cx).await {
            tracing::warn!(%error, "keys could not be made; trying again");
        }
        // Told so or not, there may be something to do.
        let _ = tokio::time::timeout(EVERY, cx.indexing.notified()).await;
    }
}

/// Makes all keys that are to be made now, and removes those whose time has come.
///
/// # Errors
/// When the store cannot answer; what was done stays done.
pub async fn finish(cx: &AdminCx) -> Result<(), AdminError> {
    let now = cx.clock.now();
    for one in cx.directory.unfinished(100).await? {
        let (tenant, attr) = (one.tenant.get(), one.index.id);
        let done = match one.index.state {
            IndexState::Building => build(cx, one).await,
            IndexState::Going if one.touched + GRACE < now => remove(cx, one).await,
            IndexState::Going | IndexState::Ready => Ok(()),
        };
        if let Err(error) = done {
            // The next one may fare better, and this one is tried again.
            tracing::warn!(tenant, attr, %error, "the keys of an attribute could not be made or removed");
        }
    }
    Ok(())
}

/// How far a step came.
enum Step {
    /// Keys up to this resource are made.
    To(Uuid),
    /// There were no more.
    End,
    /// Somebody else goes on with it, or it is gone.
    Lost,
}

async fn build(cx: &AdminCx, one: Unfinished) -> Result<(), AdminError> {
    let store = cx.directory.tenant(one.tenant);
    let mut done = one.done;
    loop {
        let (index, at) = (one.index.clone(), cx.clock.now());
        let step = store.transaction("index", move |tx| step(tx, &index, done, at));
        match step.await? {
            Step::To(last) => done = last,
            Step::End => break,
            Step::Lost => return Ok(()),
        }
        tokio::time::sleep(PAUSE).await;
    }
    let (index, at) = (one.index, cx.clock.now());
    let attribute = index.path.clone();
    let ended = store.redefine(move |tx| {
        tx.hold_definitions()?;
        // Only if it is still wanted, and nobody else was faster.
        if !tx.go_on(index.id, done, IndexState::Building, at)? {
            return Ok::<_, StoreError>(false);
        }
        let ready = IndexRow {
            state: IndexState::Ready,
            ..index.clone()
        };
        tx.put_index(&ready, at)?;
        tx.bump()?;
        Ok(true)
    });
    if ended.await? {
        cx.epoch.advance();
        tracing::info!(
            tenant = one.tenant.get(),
            attribute,
            "an attribute is indexed now"
        );
    }
    Ok(())
}

fn step(tx: &mut Writer<'_>, index: &IndexRow, done: Uuid, at: Micros) -> Result<Step, AdminError> {
    if !tx.go_on(index.id, done, IndexState::Building, at)? {
        return Ok(Step::Lost);
    }
    let rows = tx.definitions()?.ok_or(StoreError::NoTenant)?;
    let registry = Registry::with(None, &additions(&rows)?)?;
    let found = registry.types().iter().find(|of| of.code == index.rtype);
    let found = found.and_then(|of| Some((of, of.indexes.iter().find(|one| one.id == index.id)?)));
    let Some((of, known)) = found else {
        return Ok(Step::Lost);
    };
    let stored = tx.scan_held(index.rtype, done, BATCH)?;
    let Some(last) = stored.last().map(|one| one.id) else {
        return Ok(Step::End);
    };
    let mut keys = Vec::new();
    for one in &stored {
        let made = keys_of(of, known, one)?;
        keys.extend(made.into_iter().map(|key| (one.id, key)));
    }
    tx.add_index_keys(&keys)?;
    tx.got_to(index.id, last)?;
    Ok(Step::To(last))
}

/// The keys of one attribute, as they are written with a resource.
fn keys_of(of: &ResourceType, index: &Index, stored: &Stored) -> Result<Vec<IndexKey>, AdminError> {
    let document = document(stored).map_err(|error| AdminError::Internal(error.to_string()))?;
    Ok(index_keys(of, &document, Times::of(stored), index))
}

async fn remove(cx: &AdminCx, one: Unfinished) -> Result<(), AdminError> {
    let store = cx.directory.tenant(one.tenant);
    let attr = one.index.id;
    loop {
        let step = store.transaction("unindex", move |tx| tx.remove_index_keys(attr, REMOVED));
        if !step.await? {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

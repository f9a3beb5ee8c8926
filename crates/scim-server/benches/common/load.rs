//! What is there before anything is measured: resources, created by many clients at once.

use std::net::SocketAddr;

use serde_json::Value;

use crate::Outcome;
use crate::client::{self, Client, Request};

/// How many clients create.
const LOADERS: usize = 32;

/// Creates so many users over HTTP, each with the body of its number; their ids, sorted.
pub(crate) fn users(
    address: SocketAddr,
    token: &str,
    count: usize,
    body: impl Fn(usize) -> Value + Sync,
) -> Outcome<Vec<String>> {
    let create = |loader: usize| -> Outcome<Vec<String>> {
        let mut client = Client::open(address, token)?;
        let mut ids = Vec::new();
        for nth in (loader..count).step_by(LOADERS) {
            let body = body(nth).to_string();
            let request = Request::new("POST", "/scim/v2/Users", Some(&body));
            ids.push(client::id(&client.ask_json(&request, 201)?.1)?);
        }
        Ok(ids)
    };
    let create = |loader| create(loader).map_err(|error| error.to_string());
    let mut ids = Vec::with_capacity(count);
    std::thread::scope(|scope| {
        let create = &create;
        let loaders: Vec<_> = (0..LOADERS)
            .map(|loader| scope.spawn(move || create(loader)))
            .collect();
        for loader in loaders {
            ids.extend(loader.join().map_err(|_| "a loader ended")??);
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    ids.sort_unstable();
    Ok(ids)
}

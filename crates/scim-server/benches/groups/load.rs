//! What is there before anything is measured: users.

use serde_json::json;

use crate::Outcome;
use crate::client::{self, Client, Request};
use crate::process::Scimd;

/// How many clients create users.
const LOADERS: usize = 32;

/// Creates users with a name and nothing else, over HTTP; their ids, sorted.
pub(crate) fn users(scimd: &Scimd, count: usize) -> Outcome<Vec<String>> {
    let create = |loader: usize| -> Outcome<Vec<String>> {
        let mut client = Client::open(scimd.server.address, &scimd.token)?;
        let mut ids = Vec::new();
        for nth in (loader..count).step_by(LOADERS) {
            let name = format!("user-{nth:07}@example.com");
            let body = json!({"schemas": [scim_core::urn::USER], "userName": name}).to_string();
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

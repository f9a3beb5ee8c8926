//! Requests of a tenant with an extension of fifty attributes beside those of one without, in turns.

use serde_json::{Value, json};

use crate::Outcome;
use crate::args::Args;
use crate::client::{self, Client, Request};
use crate::definitions::{self, URN};
use crate::process::Scimd;
use crate::samples::Samples;

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tenant {
    /// Nothing is defined.
    Plain,
    /// Fifty attributes are defined, and no user has them.
    Defined,
    /// Fifty attributes are defined, and every user has them.
    Filled,
}

const TENANTS: [Tenant; 3] = [Tenant::Plain, Tenant::Defined, Tenant::Filled];
const VERBS: [&str; 6] = [
    "create",
    "get by id",
    "filter by userName",
    "PATCH active, return=minimal",
    "PUT unchanged",
    "list of 20",
];

/// Requests that are not counted: they find nothing warm.
const WARM: usize = 20;

struct Asker {
    tenant: Tenant,
    client: Client,
    ids: Vec<String>,
}

pub(crate) fn measure(args: &Args, scimd: &Scimd) -> Outcome<()> {
    let mut admin = Client::open(scimd.server.address, &scimd.admin)?;
    let mut askers = Vec::new();
    for (tenant, slug) in TENANTS.into_iter().zip(["plain", "defined", "filled"]) {
        let token = definitions::tenant(&mut admin, slug)?;
        if tenant != Tenant::Plain {
            definitions::put(&mut admin, slug, &definitions::wide())?;
        }
        askers.push(Asker {
            tenant,
            client: Client::open(scimd.server.address, &token)?,
            ids: Vec::new(),
        });
    }
    let mut samples: Samples<(usize, Tenant)> = Samples::default();
    for round in 0..args.samples + WARM {
        for asker in &mut askers {
            for (verb, took) in asker.round(round)?.into_iter().enumerate() {
                if round >= WARM {
                    samples.add((verb, asker.tenant), 0, took);
                }
            }
        }
    }
    println!(
        "\n| request, p50 ms | no extension | defined, not used | fifty values | ratio defined | ratio fifty values |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (verb, name) in VERBS.into_iter().enumerate() {
        let p50 = |tenant| {
            samples
                .percentile((verb, tenant), 0, 50)
                .unwrap_or(f64::NAN)
        };
        let [plain, defined, filled] = TENANTS.map(p50);
        println!(
            "| {name} | {plain:.3} | {defined:.3} | {filled:.3} | **{:.2}** | **{:.2}** |",
            defined / plain,
            filled / plain
        );
    }
    Ok(())
}

impl Asker {
    /// Each verb once, in the order of their names.
    fn round(&mut self, round: usize) -> Outcome<[std::time::Duration; 6]> {
        let name = format!("user-{round:06}@example.com");
        let mut user = json!({"schemas": [scim_core::urn::USER], "userName": name, "active": true,
            "name": {"givenName": "Ada", "familyName": format!("Lovelace {}", round % 50)}, "emails": [{"value": name, "type": "work"}]});
        if let (Tenant::Filled, Some(members)) = (self.tenant, user.as_object_mut()) {
            members.insert(URN.to_owned(), definitions::values(round));
        }
        let body = user.to_string();
        let (created, made) = self
            .client
            .ask_json(&Request::new("POST", "/scim/v2/Users", Some(&body)), 201)?;
        self.ids.push(client::id(&made)?);
        let id = self
            .ids
            .get(round * 7 % self.ids.len())
            .ok_or("expected an id")?;
        let path = format!("/scim/v2/Users/{id}");
        let got = self.client.ask(&Request::new("GET", &path, None), 200)?.0;
        let filter = format!("/scim/v2/Users?filter=userName%20eq%20%22{name}%22");
        let found = self.client.ask(&Request::new("GET", &filter, None), 200)?.0;
        let patch = json!({"schemas": [scim_core::urn::PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": round.is_multiple_of(2)}]});
        let patch = patch.to_string();
        let mut request = Request::new("PATCH", &path, Some(&patch));
        request.minimal = true;
        let patched = self.client.ask(&request, 204)?.0;
        let own = format!("/scim/v2/Users/{}", client::id(&made)?);
        let put = self
            .client
            .ask(&Request::new("PUT", &own, Some(&without_meta(made))), 200)?
            .0;
        let listed = self
            .client
            .ask(&Request::new("GET", "/scim/v2/Users?count=20", None), 200)?
            .0;
        Ok([created, got, found, patched, put, listed])
    }
}

fn without_meta(mut made: Value) -> String {
    if let Some(members) = made.as_object_mut() {
        members.shift_remove("meta");
    }
    made.to_string()
}

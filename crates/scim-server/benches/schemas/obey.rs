//! How soon a definition is obeyed: by the node that took it, and by another one of the same database.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::Outcome;
use crate::client::{Client, Request};
use crate::definitions::{self, URN};
use crate::process::{Scimd, Server};

/// How often a definition is put.
const ROUNDS: usize = 40;

/// After so long another node must have heard of it.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn measure(scimd: &Scimd, other: Option<&Server>) -> Outcome<()> {
    let mut admin = Client::open(scimd.server.address, &scimd.admin)?;
    let token = definitions::tenant(&mut admin, "obeys")?;
    definitions::put(&mut admin, "obeys", &definitions::small(false, 1))?;
    let mut here = Client::open(scimd.server.address, &token)?;
    let mut there = match other {
        Some(server) => Some(Client::open(server.address, &token)?),
        None => None,
    };
    let mut asked = 0;
    let (mut put, mut same, mut another) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // The other node knows the old definition.
        if let Some(there) = &mut there {
            obeys(there, &mut asked, 1)?;
        }
        let start = Instant::now();
        definitions::put(&mut admin, "obeys", &definitions::small(false, round + 2))?;
        put.push(start.elapsed());
        let start = Instant::now();
        if !obeys(&mut here, &mut asked, round + 2)? {
            return Err("the node that took the definition does not obey it".into());
        }
        same.push(start.elapsed());
        let Some(there) = &mut there else {
            continue;
        };
        while !obeys(there, &mut asked, round + 2)? {
            if start.elapsed() > PATIENCE {
                return Err("another node does not obey the definition".into());
            }
        }
        another.push(start.elapsed());
    }
    println!(
        "\n| from a PUT of a schema to the first answer that obeys, {ROUNDS} times | p50 ms | most ms |"
    );
    println!("| --- | ---: | ---: |");
    row("the PUT itself", &mut put);
    row(
        "behind it, the same node: the next request, which made the registry anew",
        &mut same,
    );
    if there.is_some() {
        row(
            "behind it, another node, asked again and again",
            &mut another,
        );
    }
    Ok(())
}

/// Whether a text of that length is taken.
fn obeys(client: &mut Client, asked: &mut usize, length: usize) -> Outcome<bool> {
    *asked += 1;
    let name = format!("user-{asked}");
    let body = json!({"schemas": [scim_core::urn::USER, URN], "userName": name, URN: {"unit": "x".repeat(length)}}).to_string();
    let answer = client.answer(&Request::new("POST", "/scim/v2/Users", Some(&body)))?;
    match answer.status {
        201 => Ok(true),
        400 => Ok(false),
        other => Err(format!("POST: {other} {}", String::from_utf8_lossy(answer.body)).into()),
    }
}

fn row(name: &str, took: &mut [Duration]) {
    took.sort_unstable();
    let ms = |one: Option<&Duration>| one.map_or(f64::NAN, |one| one.as_secs_f64() * 1e3);
    println!(
        "| {name} | {:.1} | {:.1} |",
        ms(took.get(took.len() / 2)),
        ms(took.last())
    );
}

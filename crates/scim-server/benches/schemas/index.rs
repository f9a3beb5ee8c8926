//! An index over users who are there already, made while somebody writes: how long it takes, and how long a write waits at most.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use serde_json::json;

use crate::Outcome;
use crate::args::Args;
use crate::client::{Client, Request};
use crate::database::Database;
use crate::definitions::{self, URN};
use crate::load;
use crate::process::Scimd;

/// How long writes are watched before the index is made.
const BEFORE: Duration = Duration::from_secs(5);

pub(crate) fn measure(args: &Args, scimd: &Scimd, database: &Database) -> Outcome<()> {
    let mut admin = Client::open(scimd.server.address, &scimd.admin)?;
    let token = definitions::tenant(&mut admin, "indexes")?;
    definitions::put(&mut admin, "indexes", &definitions::small(false, 100))?;
    let mut ids = load::users(scimd.server.address, &token, args.users, |nth| {
        json!({"schemas": [scim_core::urn::USER, URN], "userName": format!("user-{nth:07}@example.com"),
            URN: {"unit": format!("unit {}", nth % 1_000)}})
    })?;
    // Not the order in which the index is made.
    ids.sort_unstable_by_key(|id| id.bytes().rev().collect::<Vec<u8>>());
    let id = ids.first().ok_or("expected a user")?;
    let (ended, mut quiet, mut busy) = (AtomicBool::new(false), Vec::new(), Vec::new());
    let start = Instant::now();
    let mut put = Duration::ZERO;
    let mut made = Duration::ZERO;
    std::thread::scope(|scope| {
        let (ended, token, ids) = (&ended, &token, &ids);
        let writer =
            scope.spawn(move || write(scimd, token, ids, ended).map_err(|error| error.to_string()));
        std::thread::sleep(BEFORE);
        let begun = Instant::now();
        let made_it = definitions::put(&mut admin, "indexes", &definitions::small(true, 100))
            .and_then(|()| {
                put = begun.elapsed();
                while unfinished(&database.url)? > 0 {
                    std::thread::sleep(Duration::from_millis(50));
                }
                made = begun.elapsed();
                Ok(())
            });
        ended.store(true, Ordering::Relaxed);
        let writes = writer.join().map_err(|_| "the writer ended")??;
        made_it?;
        for (at, took) in writes {
            let since = at.duration_since(start);
            if since < BEFORE {
                quiet.push(took);
            } else {
                busy.push(took);
            }
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    let mut scim = Client::open(scimd.server.address, &token)?;
    let filter = format!("/scim/v2/Users?count=1&filter={URN}:unit%20eq%20%22unit%207%22");
    let (took, found) = scim.ask_json(&Request::new("GET", &filter, None), 200)?;
    let shown = scim
        .ask_json(
            &Request::new("GET", &format!("/scim/v2/Users/{id}"), None),
            200,
        )?
        .1;
    if shown.get(URN).is_none() || found.get("totalResults").is_none_or(|total| *total == 0) {
        return Err("expected the index to find somebody".into());
    }
    println!(
        "\n| an index over {} users, made while one client writes | ms |",
        args.users
    );
    println!("| --- | ---: |");
    println!(
        "| the PUT that asks for it | {:.1} |",
        put.as_secs_f64() * 1e3
    );
    println!("| until it is used | {:.0} |", made.as_secs_f64() * 1e3);
    println!("| a filter by it then | {:.2} |", took.as_secs_f64() * 1e3);
    for (name, took) in [("before", &mut quiet), ("meanwhile", &mut busy)] {
        took.sort_unstable();
        let ms = |one: Option<&Duration>| one.map_or(f64::NAN, |one| one.as_secs_f64() * 1e3);
        println!(
            "| writes {name}, {}: p50 | {:.2} |",
            took.len(),
            ms(took.get(took.len() / 2))
        );
        println!(
            "| writes {name}: p99 | {:.2} |",
            ms(took.get(took.len() * 99 / 100))
        );
        println!("| writes {name}: the longest | {:.2} |", ms(took.last()));
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// How many indexes are not made yet: no request tells.
fn unfinished(url: &str) -> Outcome<i64> {
    let query = sql_query("SELECT count(*) AS number FROM attr_def WHERE state = 1");
    let row: Number = match url.strip_prefix("sqlite:") {
        Some(path) => {
            let mut link = SqliteConnection::establish(path)?;
            link.batch_execute("PRAGMA busy_timeout = 5000")?;
            query.get_result(&mut link)?
        }
        None => query.get_result(&mut PgConnection::establish(url)?)?,
    };
    Ok(row.number)
}

/// Changes one user after the other, until it is told to end.
fn write(
    scimd: &Scimd,
    token: &str,
    ids: &[String],
    ended: &AtomicBool,
) -> Outcome<Vec<(Instant, Duration)>> {
    let mut client = Client::open(scimd.server.address, token)?;
    let mut writes = Vec::new();
    for (nth, id) in ids.iter().cycle().enumerate() {
        if ended.load(Ordering::Relaxed) {
            break;
        }
        let body = json!({"schemas": [scim_core::urn::PATCH_OP], "Operations": [
            {"op": "replace", "path": format!("{URN}:unit"), "value": format!("unit {}", nth % 1_000)}
        ]});
        let (path, body) = (format!("/scim/v2/Users/{id}"), body.to_string());
        let mut request = Request::new("PATCH", &path, Some(&body));
        request.minimal = true;
        let at = Instant::now();
        let took = client.ask(&request, 204)?.0;
        writes.push((at, took));
    }
    Ok(writes)
}

//! The run: the database grows from size to size; at each the questions take turns, so that what disturbs the machine disturbs all alike.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use scim_server::store::{Store, StoreOptions};

use crate::Outcome;
use crate::args::Args;
use crate::bare::Order;
use crate::client::{self, Client, Request};
use crate::database::Database;
use crate::facts::Facts;
use crate::load::Loaded;
use crate::operation::Operation;
use crate::people::Person;
use crate::probe::Questions;
use crate::process::{Scimd, Server};
use crate::report::{self, Results, Stage};
use crate::walk::{Place, walk};

/// Rounds that are not counted: they find nothing warm.
const WARM: usize = 3;

/// What has spent its budget is still counted so often.
const LEAST: usize = 3;

pub(crate) fn all(args: &Args) -> Outcome<()> {
    report::machine(args);
    if args.sqlite {
        let database = Database::sqlite()?;
        let done = one(args, &database);
        if let Some(directory) = &args.keep {
            keep(&database, directory)?;
        }
        done?;
    }
    if args.postgres
        && let Some(database) = Database::postgres()?
    {
        one(args, &database)?;
    }
    Ok(())
}

fn one(args: &Args, database: &Database) -> Outcome<()> {
    let start = Instant::now();
    let scimd = Scimd::start(&database.url, database.directory.path())?;
    client::raise_limit(&scimd)?;
    let mut loaded = Loaded::default();
    let mut results = Results::default();
    let mut bare = None;
    let mut before = 0;
    for size in &args.sizes {
        eprintln!("benchmark: loading {size} users");
        let loading = loaded.grow(&database.url, *size)?;
        database.settle()?;
        eprintln!("benchmark: measuring among {size} users");
        let facts = Facts::of(*size);
        // A connection that sleeps for long is closed: each size has its own, opened when it is needed.
        let mut scim = Client::open(scimd.server.address, &scimd.token)?;
        let bare = match &mut bare {
            Some(bare) => bare,
            none => {
                results.bytes = length(&mut scim)?;
                none.insert(Server::bare(&Order {
                    bytes: results.bytes,
                })?)
            }
        };
        let places = walks(&mut scim, *size, &mut results)?;
        let mut bench = Bench {
            args,
            scim,
            bare: Client::open(bare.address, &scimd.token)?,
            facts: &facts,
            places,
            spent: BTreeMap::new(),
            results: &mut results,
        };
        bench.measure()?;
        results.stages.push(Stage {
            users: *size,
            groups: loaded.groups,
            added: *size - before,
            loading,
            bytes: bytes(database)?,
            resident: scimd.server.resident(),
        });
        before = *size;
    }
    report::tables(args, &database.title, &results, start.elapsed());
    Ok(())
}

/// How long an answer is that shows one user.
fn length(scim: &mut Client) -> Outcome<usize> {
    let name = Person::new(0).user_name();
    let path = format!("/scim/v2/Users?filter=userName%20eq%20%22{name}%22");
    Ok(scim.ask(&Request::new("GET", &path, None), 200)?.1.len())
}

/// Pages far behind, where cursors lead to them.
fn walks(
    scim: &mut Client,
    users: usize,
    results: &mut Results,
) -> Outcome<BTreeMap<Operation, Vec<Place>>> {
    let mut places = BTreeMap::new();
    for operation in Operation::ALL {
        if !operation.is_cursor() {
            continue;
        }
        match walk(scim, operation, users)? {
            Ok(found) => drop(places.insert(operation, found)),
            Err(stop) => drop(results.stops.insert((operation, users), stop)),
        }
    }
    Ok(places)
}

/// The measurement at one size.
struct Bench<'a> {
    args: &'a Args,
    scim: Client,
    bare: Client,
    facts: &'a Facts,
    places: BTreeMap<Operation, Vec<Place>>,
    /// Seconds so far, and how often it was counted.
    spent: BTreeMap<Operation, (f64, usize)>,
    results: &'a mut Results,
}

impl Bench<'_> {
    fn measure(&mut self) -> Outcome<()> {
        let mut questions = Questions::new(self.facts);
        for round in 0..WARM + self.args.samples {
            for turn in 0..Operation::ALL.len() {
                let turn = (round + turn) % Operation::ALL.len();
                let Some(operation) = Operation::ALL.get(turn) else {
                    continue;
                };
                self.sample(*operation, round >= WARM, &mut questions)?;
            }
        }
        Ok(())
    }

    fn sample(
        &mut self,
        operation: Operation,
        counts: bool,
        questions: &mut Questions<'_>,
    ) -> Outcome<()> {
        let users = self.facts.users;
        let (spent, counted) = self.spent.entry(operation).or_default();
        let enough = *spent > self.args.budget && (!counts || *counted >= LEAST);
        if enough || self.results.stops.contains_key(&(operation, users)) {
            return Ok(());
        }
        let (seconds, stop) = if operation == Operation::Fixed {
            let (took, _) = self.bare.ask(&Request::new("GET", "/fixed", None), 200)?;
            (took.as_secs_f64(), None)
        } else {
            let places = self.places.get(&operation).map_or(&[][..], Vec::as_slice);
            questions.next(operation, places)?.ask(&mut self.scim)?
        };
        *spent += seconds;
        if counts && stop.is_none() {
            *counted += 1;
            let took = Duration::from_secs_f64(seconds);
            self.results.samples.add(operation, users, took);
        }
        if let Some(stop) = stop {
            self.results.stops.insert((operation, users), stop);
        }
        Ok(())
    }
}

/// How large the database is on the disk.
fn bytes(database: &Database) -> Outcome<u64> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    if database.url.starts_with("sqlite:") {
        let mut bytes = 0;
        for entry in fs::read_dir(database.directory.path())? {
            bytes += entry?.metadata()?.len();
        }
        return Ok(bytes);
    }
    let size: Size = sql_query("SELECT pg_database_size(current_database()) AS bytes")
        .get_result(&mut PgConnection::establish(&database.url)?)?;
    Ok(u64::try_from(size.bytes)?)
}

/// Leaves a copy of the file, with all that was in its log.
fn keep(database: &Database, directory: &Path) -> Outcome<()> {
    let store = Store::open(&StoreOptions::new(database.url.as_str()))?;
    store.close();
    fs::create_dir_all(directory)?;
    let path = directory.join("scimd.db");
    fs::copy(database.directory.path().join("scimd.db"), &path)?;
    eprintln!("benchmark: the database is kept as {}", path.display());
    Ok(())
}

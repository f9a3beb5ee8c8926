//! The run: load users, then measure slices in rounds, so that what disturbs the machine disturbs all alike.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;

use crate::args::Args;
use crate::bare::Order;
use crate::client::{self, Connection, Slice};
use crate::database::Database;
use crate::feed::{Feed, Loaded, Operation, Who, request};
use crate::process::{Scimd, Server};
use crate::report::{self, Memory, Sample};
use crate::{Outcome, users};

/// How many clients load users.
const LOADERS: usize = 32;

/// All that is measured, in the order of a round.
const CONTENDERS: [(Operation, Who); 10] = [
    (Operation::Fixed, Who::Bare),
    (Operation::Get, Who::Scimd),
    (Operation::Get, Who::Bare),
    (Operation::Find, Who::Scimd),
    (Operation::Find, Who::Bare),
    (Operation::FirstPage, Who::Scimd),
    (Operation::AnyPage, Who::Scimd),
    (Operation::Patch, Who::Scimd),
    (Operation::Create, Who::Scimd),
    (Operation::Create, Who::Bare),
];

pub(crate) fn all(args: &Args) -> Outcome<()> {
    report::machine(args);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if args.sqlite {
        LocalSet::new().block_on(&runtime, one(args, Database::sqlite()?))?;
    }
    if args.postgres
        && let Some(database) = Database::postgres()?
    {
        LocalSet::new().block_on(&runtime, one(args, database))?;
    }
    Ok(())
}

async fn one(args: &Args, database: Database) -> Outcome<()> {
    let scimd = Scimd::start(&database.url, database.directory.path())?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = scimd.server.resident();
    raise_limit(&scimd).await?;
    let loaded = load(args, &scimd).await?;
    database.settle()?;
    let bytes = sample_length(&scimd, &loaded).await?;
    let bare = Server::bare(&Order {
        url: database.url.clone(),
        bytes,
    })?;
    let samples = measure(args, &scimd.server, &bare, &Rc::new(loaded)).await?;
    let memory = Memory {
        idle,
        after: scimd.server.resident(),
    };
    report::tables(&database.title, bytes, &samples, &memory);
    Ok(())
}

/// Requests are charged as always, to a budget that does not run out.
async fn raise_limit(scimd: &Scimd) -> Outcome<()> {
    let mut connection = Connection::open(scimd.server.address).await?;
    let body = r#"{"policy":{"rateLimit":{"perHour":1000000000}}}"#;
    let text = request(
        "PATCH",
        "/admin/v1/tenants/default",
        &scimd.admin,
        Some(body),
    );
    let text = String::from_utf8(text)?.replace("application/scim+json", "application/json");
    match connection.call(text.as_bytes()).await? {
        (200, _) => Ok(()),
        (_, body) => Err(String::from_utf8_lossy(body).into()),
    }
}

/// Creates the users over HTTP.
async fn load(args: &Args, scimd: &Scimd) -> Outcome<Loaded> {
    let mut stories = Vec::new();
    for loader in 0..LOADERS {
        let (address, token, users) = (scimd.server.address, scimd.token.clone(), args.users);
        stories.push(tokio::task::spawn_local(async move {
            create(address, &token, (loader..users).step_by(LOADERS))
                .await
                .map_err(|error| error.to_string())
        }));
    }
    let mut ids = vec![String::new(); args.users];
    for story in stories {
        for (nth, id) in story.await?? {
            if let Some(place) = ids.get_mut(nth) {
                *place = id;
            }
        }
    }
    Ok(Loaded {
        ids,
        token: scimd.token.clone(),
    })
}

async fn create(
    address: SocketAddr,
    token: &str,
    numbers: impl Iterator<Item = usize>,
) -> Outcome<Vec<(usize, String)>> {
    let mut connection = Connection::open(address).await?;
    let mut made = Vec::new();
    for nth in numbers {
        let body = users::body(&users::tag('u', nth));
        let (status, answer) = connection
            .call(&request("POST", "/scim/v2/Users", token, Some(&body)))
            .await?;
        if status != 201 {
            return Err(String::from_utf8_lossy(answer).into());
        }
        let answer: serde_json::Value = serde_json::from_slice(answer)?;
        let id = answer.get("id").and_then(serde_json::Value::as_str);
        made.push((nth, id.ok_or("expected an id")?.to_owned()));
    }
    Ok(made)
}

/// How long the body of an answer is.
async fn sample_length(scimd: &Scimd, loaded: &Loaded) -> Outcome<usize> {
    let id = loaded.ids.first().cloned().unwrap_or_default();
    let text = request("GET", &format!("/scim/v2/Users/{id}"), &loaded.token, None);
    let mut connection = Connection::open(scimd.server.address).await?;
    Ok(connection.call(&text).await?.1.len())
}

async fn measure(
    args: &Args,
    scimd: &Server,
    bare: &Server,
    loaded: &Rc<Loaded>,
) -> Outcome<Vec<Sample>> {
    let feeds: Vec<_> = CONTENDERS
        .iter()
        .map(|(operation, who)| Rc::new(RefCell::new(Feed::new(*operation, *who, loaded))))
        .collect();
    let mut samples = Vec::new();
    for clients in &args.clients {
        for round in 0..args.rounds {
            for (feed, (operation, who)) in feeds.iter().zip(CONTENDERS) {
                let server = if who == Who::Scimd { scimd } else { bare };
                let before = server.busy();
                let Slice { took, elapsed } =
                    client::load(server.address, *clients, args.slice, feed).await?;
                samples.push(Sample {
                    operation,
                    who,
                    clients: *clients,
                    round,
                    took,
                    elapsed,
                    busy: server.busy().saturating_sub(before),
                });
            }
        }
    }
    Ok(samples)
}

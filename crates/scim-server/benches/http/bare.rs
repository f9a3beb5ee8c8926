//! What scimd is compared with, as a program of its own: actix-web with a fixed body, with a read by diesel, and with the rows of a create.
//!
//! No authentication, no limits, no protocol. It stops when its standard input ends.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::web::{Bytes, Data, Path};
use actix_web::{App, Error, HttpResponse, HttpServer, error, web};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use scim_server::clock::Clock;
use scim_server::store::{Store, StoreError, StoreOptions, TenantStore};
use uuid::Uuid;

use crate::rows::{self, Place, Row};
use crate::{Outcome, program, users};

/// What its starter tells it, as a line of JSON on standard input.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Order {
    pub(crate) url: String,
    /// How long the fixed body is.
    pub(crate) bytes: usize,
}

struct Bare {
    fixed: Bytes,
    reads: Reads,
    place: Place,
    writes: TenantStore,
    template: users::Template,
    made: AtomicUsize,
}

/// The same kind of pool as scimd's.
enum Reads {
    File(Pool<ConnectionManager<SqliteConnection>>),
    Server(Pool<ConnectionManager<PgConnection>>),
}

/// What scimd tells a connection to SQLite that reads.
#[derive(Debug)]
struct Session;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Session {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        conn.batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA query_only = ON",
        )
        .map_err(diesel::r2d2::Error::QueryError)
    }
}

impl Reads {
    fn open(url: &str, size: u32) -> Outcome<Reads> {
        Ok(match url.strip_prefix("sqlite:") {
            Some(path) => Reads::File(
                Pool::builder()
                    .max_size(size)
                    .test_on_check_out(false)
                    .connection_customizer(Box::new(Session))
                    .build(ConnectionManager::new(path))?,
            ),
            None => Reads::Server(
                Pool::builder()
                    .max_size(size)
                    .test_on_check_out(false)
                    .build(ConnectionManager::new(url))?,
            ),
        })
    }

    fn get(&self, place: Place, id: Uuid) -> Outcome<Row> {
        Ok(match self {
            Reads::File(pool) => rows::get!(&mut pool.get()?, place, id)?,
            Reads::Server(pool) => rows::get!(&mut pool.get()?, place, id)?,
        })
    }

    fn find(&self, place: Place, skey: &str) -> Outcome<Row> {
        Ok(match self {
            Reads::File(pool) => rows::find!(&mut pool.get()?, place, skey)?,
            Reads::Server(pool) => rows::find!(&mut pool.get()?, place, skey)?,
        })
    }
}

pub(crate) fn serve() -> Outcome<()> {
    let mut lines = std::io::stdin().lines();
    let order: Order = serde_json::from_str(&lines.next().ok_or("expected an order")??)?;
    actix_web::rt::System::new().block_on(run(order))
}

async fn run(order: Order) -> Outcome<()> {
    let options = StoreOptions::new(order.url.as_str());
    let size = u32::try_from(options.readers)?;
    let store = Store::open(&options)?;
    let tenant = store.directory().tenant_by_slug("default").await?;
    let tenant = tenant.ok_or("there is no tenant `default`")?;
    let (user, attr) = users::user_type()?;
    let bare = Data::new(Bare {
        fixed: format!(
            "{{\"text\":\"{}\"}}",
            "x".repeat(order.bytes.saturating_sub(11))
        )
        .into(),
        reads: Reads::open(&order.url, size)?,
        place: Place {
            tenant: tenant.id.get(),
            rtype: user.code,
            attr,
        },
        writes: store.tenant(tenant.id),
        template: users::Template::new(&user, Clock::system())?,
        made: AtomicUsize::new(0),
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let app = move || {
        App::new()
            .app_data(bare.clone())
            .route("/fixed", web::get().to(fixed))
            .route("/get/{id}", web::get().to(get))
            .route("/find/{name}", web::get().to(find))
            .route("/create", web::post().to(create))
    };
    let server = HttpServer::new(app)
        .workers(workers)
        // As many threads as connections: nobody waits in the pool.
        .worker_max_blocking_threads(options.readers.div_ceil(workers))
        .shutdown_timeout(0)
        .listen(listener)?
        .run();
    program::serve(server, address).await?;
    store.close();
    Ok(())
}

async fn fixed(bare: Data<Bare>) -> HttpResponse {
    answer(bare.fixed.clone())
}

async fn get(bare: Data<Bare>, id: Path<Uuid>) -> Result<HttpResponse, Error> {
    let id = id.into_inner();
    let (_, _, _, _, doc) = block(move || read(bare.reads.get(bare.place, id))).await?;
    Ok(answer(doc))
}

async fn find(bare: Data<Bare>, name: Path<String>) -> Result<HttpResponse, Error> {
    let name = name.into_inner();
    let (_, _, _, _, doc) = block(move || read(bare.reads.find(bare.place, &name))).await?;
    Ok(answer(doc))
}

/// Reads the body, as that is part of HTTP, and writes rows made beforehand.
async fn create(bare: Data<Bare>, _: Bytes) -> Result<HttpResponse, Error> {
    let nth = bare.made.fetch_add(1, Ordering::Relaxed);
    let new = Arc::new(bare.template.make(&users::tag('b', nth)));
    let row = Arc::clone(&new);
    bare.writes
        .write("create", move |tx| tx.insert(&row))
        .await
        .map_err(|error: StoreError| error::ErrorInternalServerError(error.to_string()))?;
    Ok(HttpResponse::Created()
        .content_type("application/scim+json")
        .body(new.doc.clone()))
}

fn answer(body: impl actix_web::body::MessageBody + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/scim+json")
        .body(body)
}

fn read(row: Outcome<Row>) -> Result<Row, String> {
    row.map_err(|error| error.to_string())
}

/// A thread for a call that waits, as a plain program with actix-web and diesel takes it.
#[expect(
    clippy::disallowed_methods,
    reason = "this is what scimd's own threads are compared with"
)]
async fn block(call: impl FnOnce() -> Result<Row, String> + Send + 'static) -> Result<Row, Error> {
    web::block(call)
        .await?
        .map_err(error::ErrorInternalServerError)
}

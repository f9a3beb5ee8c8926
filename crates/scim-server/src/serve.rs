//! `scimd serve`: opens the database, listens, and stops gracefully.

mod request_line;
mod signals;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use actix_http::{HttpService, Protocol};
use actix_service::{ServiceFactoryExt, map_config};
use actix_web::dev::{AppConfig, Server, ServerHandle, fn_service};
use actix_web::rt::net::TcpStream;
use actix_web::{rt, web};
use tokio::net::TcpSocket;

use crate::cli::Failure;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::gate::usage;
use crate::service::indexing;
use crate::service::setup::{self, Made};
use crate::store::{Store, StoreOptions};
use crate::{AppState, app};
use request_line::Tolerant;
use signals::Signals;

/// Connections that may wait until a worker takes them.
const BACKLOG: u32 = 1024;
/// How long a client may take to close its side.
const DISCONNECT: Duration = Duration::from_secs(5);
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Between no longer accepting and stopping: connections already accepted reach their worker.
const SETTLE: Duration = Duration::from_millis(100);

/// Runs the server until it is told to stop.
///
/// # Errors
/// Code 2 when an option cannot be used or the database cannot be reached, 1 when something else fails.
pub fn run(config: Config) -> Result<(), Failure> {
    let store = open(&config, true)?;
    rt::System::new().block_on(serve(config, store))
}

/// Opens the database and brings it to this version; `exclusive` refuses an `SQLite` file that another server has opened so.
///
/// # Errors
/// Code 2 when it cannot be reached.
pub fn open(config: &Config, exclusive: bool) -> Result<Store, Failure> {
    let store = Store::open(&store_options(config, exclusive))?;
    store.migrate()?;
    Ok(store)
}

async fn serve(config: Config, store: Store) -> Result<(), Failure> {
    // The address first: secrets made before a failure would never be shown.
    let listener = bind(&config.listen)?;
    let address = listener.local_addr().map_err(Failure::failed)?;
    let mut prepared = setup::prepare(
        store.directory(),
        Clock::system(),
        config.admin_token.as_ref(),
    )
    .await?;
    let made = std::mem::take(&mut prepared.made);
    let state = web::Data::new(AppState::new(config, store, prepared));
    let server = server(&state, listener).map_err(Failure::failed)?;
    let handle = server.handle();
    let signals = Signals::new().map_err(Failure::failed)?;
    let running = rt::spawn(server);
    announce(&state.config, address, &made);
    rt::spawn(keep_house(state.clone()));
    rt::spawn(indexing::run(state.admin.clone()));
    rt::spawn(stop_on_signal(state.clone(), handle, signals));
    let ended = running.await.map_err(Failure::failed)?;
    state.gate.usage.flush(&state.admin.directory).await;
    state.store.close();
    tracing::info!("stopped");
    ended.map_err(Failure::failed)
}

/// A server on a listener, without signals; it runs when it is awaited or spawned.
///
/// # Errors
/// When the listener cannot be used.
pub fn server(state: &web::Data<AppState>, listener: TcpListener) -> io::Result<Server> {
    let shared = state.clone();
    let config = &state.config;
    let mut builder = Server::build()
        .shutdown_timeout(config.shutdown_timeout.as_secs())
        .disable_signals();
    if config.workers > 0 {
        builder = builder.workers(config.workers);
    }
    let stopping = builder.graceful_shutdown_signal();
    let address = listener.local_addr()?;
    let builder = builder.listen("scimd", listener, move || {
        let stopping = stopping.clone();
        let config = &shared.config;
        let http = HttpService::build()
            .client_request_timeout(config.header_timeout)
            .client_disconnect_timeout(DISCONNECT)
            .keep_alive(config.idle_timeout)
            .local_addr(address)
            // As `HttpServer` does: connections that are idle when the server stops are closed.
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .finish(
                map_config(app(shared.clone()), |()| AppConfig::default())
                    .map_err(|error: actix_web::Error| error.error_response()),
            );
        // `HttpServer` would hand the connection over as it is.
        fn_service(|io: TcpStream| async move {
            let peer = io.peer_addr().ok();
            Ok((Tolerant::new(io), Protocol::Http1, peer))
        })
        .and_then(http)
    })?;
    Ok(builder.run())
}

fn bind(listen: &str) -> Result<TcpListener, Failure> {
    let wrong =
        |reason: String| Failure::usage(format!("`listen`: cannot listen on {listen}: {reason}"));
    let (host, port) =
        config::split_listen(listen).ok_or_else(|| wrong("not an address".to_owned()))?;
    let addresses = (host, port)
        .to_socket_addrs()
        .map_err(|error| wrong(error.to_string()))?;
    let mut last = "no such host".to_owned();
    for address in addresses {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error.to_string(),
        }
    }
    Err(wrong(last))
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Says where the server listens and shows what was made, once, on standard output and nowhere else.
fn announce(config: &Config, address: SocketAddr, made: &Made) {
    let mut lines = vec![format!("listening on http://{address}")];
    let base = config
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    if made.token.is_some() || made.admin.is_some() {
        lines.push(format!("SCIM base URL: {base}/scim/v2"));
    }
    if let Some(token) = &made.token {
        lines.push(format!("tenant: {}", setup::FIRST_TENANT));
        lines.push(format!("token: {}", token.expose()));
    }
    if let Some(token) = &made.admin {
        lines.push(format!("admin token: {}", token.expose()));
    }
    if lines.len() > 1 {
        lines.push("Keep the tokens: they are not shown again.".to_owned());
    }
    let mut out = io::stdout().lock();
    // Nobody reading is no reason to stop.
    let _ = writeln!(out, "{}", lines.join("\n"));
    let _ = out.flush();
}

async fn keep_house(state: web::Data<AppState>) {
    let mut since_sweep = Duration::ZERO;
    loop {
        rt::time::sleep(usage::EVERY).await;
        state.gate.usage.flush(&state.admin.directory).await;
        since_sweep += usage::EVERY;
        if since_sweep >= SWEEP_EVERY {
            since_sweep = Duration::ZERO;
            state.gate.sweep();
        }
    }
}

/// The first signal lets requests in flight finish, the second does not wait for them.
async fn stop_on_signal(state: web::Data<AppState>, handle: ServerHandle, mut signals: Signals) {
    signals.next().await;
    tracing::info!("stopping: requests in flight may finish");
    state.stop();
    handle.pause().await;
    rt::time::sleep(SETTLE).await;
    let hurry = handle.clone();
    rt::spawn(async move {
        signals.next().await;
        hurry.stop(false).await;
    });
    handle.stop(true).await;
}

fn store_options(config: &Config, exclusive: bool) -> StoreOptions {
    let mut options = StoreOptions::new(config.database_url.expose());
    if config.database_connections > 0 {
        options.readers = config.database_connections;
    }
    options.queue = config.database_queue;
    options.exclusive = exclusive;
    options
}

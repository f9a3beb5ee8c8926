//! A whole server in the test's process: own database, own port, own clock if asked.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use scim_server::AppState;
use scim_server::clock::Clock;
use scim_server::config::Config;
use scim_server::serve;
use scim_server::service::setup;
use serde_json::{Value, json};

use super::{Client, Database};

pub(crate) const ADMIN_TOKEN: &str = "an administrator's token of the tests";

/// A running server.
#[derive(Clone)]
pub(crate) struct TestApp {
    pub(crate) address: SocketAddr,
    pub(crate) state: Data<AppState>,
    /// A client of the tenant `default` that may read and write.
    pub(crate) scim: Client,
    /// The token of that client.
    pub(crate) token: String,
    pub(crate) database: Arc<Database>,
    handle: ServerHandle,
}

/// Runs a story on a server of its own.
pub(crate) fn run<F: Future<Output = ()>>(database: Database, story: impl FnOnce(TestApp) -> F) {
    run_with(database, Config::default(), Clock::system(), story);
}

/// The same with other options and another clock.
pub(crate) fn run_with<F: Future<Output = ()>>(
    database: Database,
    config: Config,
    clock: Clock,
    story: impl FnOnce(TestApp) -> F,
) {
    actix_web::rt::System::new().block_on(async {
        let app = TestApp::start(Arc::new(database), config, clock).await;
        story(app.clone()).await;
        app.stop().await;
    });
}

impl TestApp {
    pub(crate) async fn start(database: Arc<Database>, mut config: Config, clock: Clock) -> Self {
        config.database_url = database.url.as_str().into();
        config.admin_token = Some(ADMIN_TOKEN.into());
        config.workers = 2;
        config.shutdown_timeout = std::time::Duration::from_secs(1);
        let store = serve::open(&config, true).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let mut prepared = setup::prepare(store.directory(), clock, config.admin_token.as_ref())
            .await
            .unwrap();
        let made = std::mem::take(&mut prepared.made);
        let state = Data::new(AppState::new(config, store, prepared));
        let server = serve::server(&state, listener).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let mut app = Self {
            address,
            scim: Client::new(address, "/scim/v2", None),
            token: made
                .token
                .map(|token| token.expose().to_owned())
                .unwrap_or_default(),
            state,
            database,
            handle,
        };
        app.scim = app.client(&app.token);
        app
    }

    pub(crate) async fn stop(self) {
        self.handle.stop(false).await;
        self.state.store.close();
    }

    /// A client with that token, at `/scim/v2`.
    pub(crate) fn client(&self, token: &str) -> Client {
        Client::new(self.address, "/scim/v2", Some(token))
    }

    /// Somebody without a token.
    pub(crate) fn nobody(&self) -> Client {
        Client::new(self.address, "/scim/v2", None)
    }

    /// The administrator, at `/admin/v1`.
    pub(crate) fn admin(&self) -> Client {
        Client::new(self.address, "/admin/v1", Some(ADMIN_TOKEN))
            .with("Content-Type", "application/json")
    }

    /// Makes a tenant with a token that may read and write.
    pub(crate) async fn tenant(&self, slug: &str, policy: Value) -> Client {
        let made = self
            .admin()
            .post("/tenants", json!({"slug": slug, "policy": policy}))
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        self.client(&self.new_token(slug, json!({"name": "test"})).await)
    }

    /// Makes a token.
    pub(crate) async fn new_token(&self, slug: &str, body: Value) -> String {
        let made = self
            .admin()
            .post(&format!("/tenants/{slug}/tokens"), body)
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.body["token"].as_str().unwrap().to_owned()
    }
}

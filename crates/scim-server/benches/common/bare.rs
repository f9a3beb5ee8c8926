//! What scimd is compared with, as a program of its own: actix-web with a fixed body and nothing else.
//!
//! It stops when its standard input ends.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer, web};

use crate::{Outcome, program};

/// What its starter tells it, as a line of JSON on standard input.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Order {
    /// How long the body is.
    pub(crate) bytes: usize,
}

pub(crate) fn serve() -> Outcome<()> {
    let mut lines = std::io::stdin().lines();
    let order: Order = serde_json::from_str(&lines.next().ok_or("expected an order")??)?;
    actix_web::rt::System::new().block_on(run(&order))
}

async fn run(order: &Order) -> Outcome<()> {
    let text = "x".repeat(order.bytes.saturating_sub(11));
    let body = Data::new(Bytes::from(format!("{{\"text\":\"{text}\"}}")));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let app = move || {
        App::new()
            .app_data(body.clone())
            .route("/fixed", web::get().to(fixed))
    };
    let server = HttpServer::new(app)
        .workers(std::thread::available_parallelism().map_or(2, usize::from))
        // As long as other questions take between two to us.
        .keep_alive(Duration::from_mins(10))
        .shutdown_timeout(0)
        .listen(listener)?
        .run();
    program::serve(server, address).await
}

async fn fixed(body: Data<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/scim+json")
        .body(body.get_ref().clone())
}

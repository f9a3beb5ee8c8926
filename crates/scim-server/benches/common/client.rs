//! Requests as an identity provider sends them, and what is expected of the answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Outcome;
use crate::process::Scimd;
use crate::wire::Connection;

/// Who asks, on a connection of its own.
pub(crate) struct Client {
    connection: Connection,
    token: String,
}

/// What is asked.
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    /// `Prefer: return=minimal`.
    pub(crate) minimal: bool,
    pub(crate) body: Option<&'a str>,
}

/// What is answered.
pub(crate) struct Answer<'a> {
    pub(crate) took: Duration,
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: &'static str, path: &'a str, body: Option<&'a str>) -> Request<'a> {
        Request {
            method,
            path,
            minimal: false,
            body,
        }
    }

    fn text(&self, token: &str) -> String {
        let kind = if self.path.starts_with("/admin/") {
            "application/json"
        } else {
            "application/scim+json"
        };
        let prefer = if self.minimal {
            "Prefer: return=minimal\r\n"
        } else {
            ""
        };
        let entity = self.body.map_or(String::new(), |body| {
            let length = body.len();
            format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n")
        });
        let (method, path, body) = (self.method, self.path, self.body.unwrap_or_default());
        format!(
            "{method} {path} HTTP/1.1\r\nHost: scim.example.com\r\nUser-Agent: benchmark\r\nAccept: {kind}\r\n\
             Authorization: Bearer {token}\r\n{prefer}{entity}\r\n{body}"
        )
    }
}

impl Client {
    pub(crate) fn open(address: SocketAddr, token: &str) -> Outcome<Client> {
        Ok(Client {
            connection: Connection::open(address)?,
            token: token.to_owned(),
        })
    }

    /// Asks and takes what comes.
    pub(crate) fn answer(&mut self, request: &Request<'_>) -> Outcome<Answer<'_>> {
        let text = request.text(&self.token);
        let start = Instant::now();
        let (status, body) = self.connection.call(text.as_bytes())?;
        let took = start.elapsed();
        Ok(Answer { took, status, body })
    }

    /// Asks, and demands a status: how long it took, and the body.
    pub(crate) fn ask(
        &mut self,
        request: &Request<'_>,
        expected: u16,
    ) -> Outcome<(Duration, &[u8])> {
        let Answer { took, status, body } = self.answer(request)?;
        if status != expected {
            let text: String = String::from_utf8_lossy(body).chars().take(300).collect();
            let (method, path) = (request.method, request.path);
            return Err(format!(
                "{method} {path}: expected status {expected}, found {status}: {text}"
            )
            .into());
        }
        Ok((took, body))
    }

    /// The same with the body read as JSON, outside of the time.
    pub(crate) fn ask_json(
        &mut self,
        request: &Request<'_>,
        expected: u16,
    ) -> Outcome<(Duration, Value)> {
        let (took, body) = self.ask(request, expected)?;
        Ok((took, serde_json::from_slice(body)?))
    }
}

/// Lets the tenant ask as often as it likes: requests are charged as always, to a budget that does not run out.
pub(crate) fn raise_limit(scimd: &Scimd) -> Outcome<()> {
    let body = r#"{"policy":{"rateLimit":{"perHour":1000000000}}}"#;
    let request = Request::new("PATCH", "/admin/v1/tenants/default", Some(body));
    Client::open(scimd.server.address, &scimd.admin)?.ask(&request, 200)?;
    Ok(())
}

/// The `id` of a resource.
pub(crate) fn id(resource: &Value) -> Outcome<String> {
    let id = resource.get("id").and_then(Value::as_str);
    Ok(id.ok_or("expected an id")?.to_owned())
}

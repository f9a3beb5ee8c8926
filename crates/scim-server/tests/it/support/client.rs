//! A client with a token: `acme.post("/Users", json!({…})).await`.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::wire;

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub(crate) const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Somebody who sends requests.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    /// What paths are appended to; a path that begins with `@` is not.
    pub(crate) base: String,
    /// Sent with every request.
    pub(crate) headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// `Null` when there is no body or it is not JSON.
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Client {
    /// Somebody with a token, or without.
    pub(crate) fn new(address: SocketAddr, base: &str, token: Option<&str>) -> Self {
        let authorization =
            token.map(|token| ("Authorization".to_owned(), format!("Bearer {token}")));
        Self {
            address,
            base: base.to_owned(),
            headers: authorization.into_iter().collect(),
        }
    }

    /// The same with one more header.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let target = match path.strip_prefix('@') {
            Some(absolute) => absolute.to_owned(),
            None => format!("{}{path}", self.base),
        };
        let raw = wire::send(self.address, method, &target, &self.headers, body).await;
        Answer::new(raw)
    }

    async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let typed = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let text = body.to_string();
        if typed {
            return self.send(method, path, text.as_bytes()).await;
        }
        self.with("Content-Type", "application/scim+json")
            .send(method, path, text.as_bytes())
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, b"").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.json("POST", path, &body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.json("PUT", path, &body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json("PATCH", path, &body).await
    }

    /// A PATCH of these operations.
    pub(crate) async fn operate(&self, path: &str, operations: Value) -> Answer {
        self.patch(
            path,
            json!({"schemas": [PATCH_OP], "Operations": operations}),
        )
        .await
    }

    /// Lists with a filter, percent-encoded.
    pub(crate) async fn filter(&self, path: &str, filter: &str) -> Answer {
        self.get(&format!("{path}?filter={}", encode(filter))).await
    }

    /// Creates a user with these attributes; `schemas` is added.
    pub(crate) async fn create(&self, mut attributes: Value) -> Answer {
        let mut schemas = vec![USER];
        if attributes.get(ENTERPRISE).is_some() {
            schemas.push(ENTERPRISE);
        }
        attributes["schemas"] = json!(schemas);
        let answer = self.post("/Users", attributes).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer
    }
}

impl Answer {
    pub(crate) fn new(raw: wire::Raw) -> Self {
        let text = String::from_utf8_lossy(&raw.body).into_owned();
        Self {
            status: raw.status,
            headers: raw.headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {}", self.text))
            .to_owned()
    }

    /// The answer is a SCIM Error in every respect.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, scim_type: Option<&str>) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(
            self.header("content-type"),
            Some("application/scim+json"),
            "{}",
            self.text
        );
        assert_eq!(self.body["schemas"], json!([ERROR]), "{}", self.text);
        assert_eq!(self.body["status"], status.to_string(), "{}", self.text);
        assert_eq!(
            self.body.get("scimType").and_then(Value::as_str),
            scim_type,
            "{}",
            self.text
        );
        assert!(
            !self.body["detail"].as_str().unwrap_or_default().is_empty(),
            "{}",
            self.text
        );
        self
    }

    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        if !self.text.is_empty() {
            assert_eq!(
                self.header("content-type"),
                Some("application/scim+json"),
                "{}",
                self.text
            );
        }
        self
    }

    /// The userNames of a list, in its order.
    pub(crate) fn names(&self) -> Vec<String> {
        let resources = self.body["Resources"]
            .as_array()
            .unwrap_or_else(|| panic!("no list: {}", self.text));
        resources
            .iter()
            .map(|one| one["userName"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

/// Percent-encodes everything but unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

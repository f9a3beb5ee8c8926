//! A transcript told to a server: each request sent, each answer held against what is expected.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fill::{self, Captured};
use super::matching::{Mismatch, forbidden, mismatches};
use super::transcript::{self, Check, Exchange, Expect, Headers, Request, Step, Then};
use crate::support::client::Answer;
use crate::support::client::ERROR;
use crate::support::{Client, Database, TestApp, app};

/// Replays a file on a server of its own.
pub(super) fn on(database: Database, file: (&'static str, &'static str)) {
    app::run(database, |app| replay(app, transcript::name(file)));
}

async fn replay(app: TestApp, file: String) {
    let story = transcript::read(&file);
    let mut told = Told {
        client: app.scim,
        headers: story.headers,
        captured: Captured::new(),
        read: BTreeMap::new(),
    };
    for (nth, step) in (1..).zip(&story.exchanges) {
        let (note, wrong) = match step {
            Step::Exchange(exchange) => (exchange.note.as_str(), told.exchange(exchange).await),
            Step::Check(check) => ("the state is unchanged", told.check(check).await),
        };
        if let Err(Wrong { of, mismatches }) = wrong {
            let places: Vec<_> = mismatches.iter().map(|one| format!("\n  {one}")).collect();
            panic!("{file}, exchange {nth} ({note})\n  {of}{}", places.concat());
        }
    }
}

/// A story as far as it has been told.
struct Told {
    client: Client,
    /// Sent with every request.
    headers: Headers,
    captured: Captured,
    /// The resources as they were last read whole and the paths that showed them, by id.
    read: BTreeMap<String, (String, Value)>,
}

/// What was wrong, and in which answer.
struct Wrong {
    of: String,
    mismatches: Vec<Mismatch>,
}

impl Told {
    async fn exchange(&mut self, exchange: &Exchange) -> Result<(), Wrong> {
        let Exchange {
            request,
            expect,
            then,
            ..
        } = exchange;
        let answer = self.send(request).await;
        self.compare(&request.method, &request.path, expect, &answer)?;
        for (name, path) in &expect.capture {
            let value = at(&answer.body, path).and_then(Value::as_str);
            let value = value.unwrap_or_else(|| panic!("no text at `{path}` to capture"));
            self.captured.insert(name.clone(), value.to_owned());
        }
        match then {
            Some(then) => self.then(then).await,
            None => Ok(()),
        }
    }

    async fn then(&mut self, then: &Then) -> Result<(), Wrong> {
        let answer = self.send(&Request::get(&then.get)).await;
        self.compare("GET", &then.get, &Expect::ok(then.body.clone()), &answer)
    }

    async fn check(&mut self, check: &Check) -> Result<(), Wrong> {
        let known = check.check == "state" && check.unchanged;
        assert!(known, "there is no such check: {check:?}");
        let id = fill::text(&format!("{{{{{}}}}}", check.of), &self.captured);
        let read = self.read.get(&id).cloned();
        let (path, before) = read.unwrap_or_else(|| panic!("`{}` was not read before", check.of));
        let answer = self.send(&Request::get(&path)).await;
        self.compare("GET", &path, &Expect::ok(before.clone()), &answer)?;
        // Nothing came to it either.
        let came = mismatches(&answer.body, Some(&before), "");
        wrong("GET", &path, &answer, came)
    }

    /// Sends a request; what a GET reads whole is remembered.
    async fn send(&mut self, request: &Request) -> Answer {
        let path = fill::text(&request.path, &self.captured);
        let json = request
            .body
            .as_ref()
            .map(|body| fill::value(body, &self.captured).to_string());
        let body = json.or_else(|| request.raw_body.clone());
        let mut client = self.client.clone();
        let headers = headers(&self.headers, &request.headers, body.is_some());
        let filled = headers
            .into_iter()
            .map(|(name, value)| (name, fill::text(&value, &self.captured)));
        client.headers.extend(filled);
        let body = body.unwrap_or_default();
        let answer = client.send(&request.method, &path, body.as_bytes()).await;
        let whole = request.method == "GET" && !path.to_ascii_lowercase().contains("attributes=");
        if let (true, 200, Some(Value::String(id))) = (whole, answer.status, answer.body.get("id"))
        {
            self.read.insert(id.clone(), (path, answer.body.clone()));
        }
        answer
    }

    /// Holds an answer against the expectation and against what is true of every answer.
    fn compare(
        &self,
        method: &str,
        path: &str,
        expect: &Expect,
        answer: &Answer,
    ) -> Result<(), Wrong> {
        let mut found = Vec::new();
        if !expect.status.allows(answer.status) {
            let expected = format!("{:?}", expect.status);
            found.push(Mismatch::new("status", expected, answer.status));
        }
        for (name, expected) in &expect.headers {
            let have = answer.header(&name.to_ascii_lowercase()).map(Value::from);
            let expected = Value::from(fill::text(expected, &self.captured));
            found.extend(mismatches(&expected, have.as_ref(), name));
        }
        found.extend(of_every_answer(answer));
        if let Some(body) = &expect.body {
            let body = fill::value(body, &self.captured);
            found.extend(mismatches(&body, Some(&answer.body), ""));
        }
        wrong(method, path, answer, found)
    }
}

fn wrong(method: &str, path: &str, answer: &Answer, found: Vec<Mismatch>) -> Result<(), Wrong> {
    if found.is_empty() {
        return Ok(());
    }
    Err(Wrong {
        of: format!("{method} {path} -> {} {}", answer.status, answer.text),
        mismatches: found,
    })
}

/// The headers of a request, over those of its story. A type goes only with a body.
fn headers(story: &Headers, own: &Headers, has_body: bool) -> Vec<(String, String)> {
    let mut all = Headers::new();
    if has_body {
        let usual = "application/scim+json".to_owned();
        all.insert("content-type".into(), Some(usual));
    }
    for (name, value) in story.iter().chain(own) {
        all.insert(name.to_ascii_lowercase(), value.clone());
    }
    all.into_iter()
        .filter(|(name, _)| has_body || name != "content-type")
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// What holds of every answer, whatever a story says.
fn of_every_answer(answer: &Answer) -> Vec<Mismatch> {
    if answer.text.is_empty() {
        return match answer.status {
            204 | 304 => Vec::new(),
            _ => vec![Mismatch::new("body", "a body", "none")],
        };
    }
    if answer.status == 204 {
        return vec![Mismatch::new("body", "no body with 204", &answer.text)];
    }
    let mut found = forbidden(&answer.body, "");
    let media_type = answer.header("content-type").unwrap_or_default();
    if media_type != "application/scim+json" {
        found.push(Mismatch::new(
            "content-type",
            "application/scim+json",
            media_type,
        ));
    }
    if answer.status >= 400 {
        let status = answer.status.to_string();
        let error = serde_json::json!({"schemas": [ERROR], "status": status, "detail": "$any"});
        found.extend(mismatches(&error, Some(&answer.body), ""));
    }
    found
}

/// The value at a dotted path: `Resources.0.id`.
fn at<'b>(body: &'b Value, path: &str) -> Option<&'b Value> {
    path.split('.').try_fold(body, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    })
}

impl Request {
    fn get(path: &str) -> Self {
        Self {
            method: "GET".into(),
            path: path.into(),
            headers: Headers::new(),
            body: None,
            raw_body: None,
        }
    }
}

impl Expect {
    fn ok(body: Value) -> Self {
        Self {
            status: transcript::Status::One(200),
            headers: BTreeMap::new(),
            body: Some(body),
            capture: BTreeMap::new(),
        }
    }
}

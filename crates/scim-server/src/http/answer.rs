//! Answers that show resources: what is asked for of their links is read, and what is too long for one piece is sent in pieces.
//!
//! A group of a hundred thousand members is 14 MB of text. Its rows are read as of one moment; the text is made as fast as the client takes
//! it. A page of groups is read group by group.

use std::collections::VecDeque;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use futures_util::stream;
use scim_core::members::Shown;
use scim_core::resource::Meta;
use scim_core::resource::project::Projection;
use scim_core::schema::Attribute;
use scim_core::{Error, Registry, ResourceType, urn};
use serde_json::Value;

use super::output::{self, Failure, SCIM_JSON};
use crate::service::cursor::Cursors;
use crate::service::membership::{self, Asked, Group, Links, batch};
use crate::service::read::Page;
use crate::service::resources::{self, Resource, TenantCx};
use crate::store::Member;

/// A text of up to so many bytes is sent as one piece.
const WHOLE: usize = 1024 * 1024;
/// The size of a piece otherwise.
const PIECE: usize = 64 * 1024;
/// So many members are written between two looks at the size of a piece.
const STRIDE: usize = 512;

/// What a request wants to see of the resources of each type.
#[derive(Debug)]
pub struct Wanted {
    /// By the number of the type.
    projections: Vec<(i16, Projection)>,
    /// The types whose links are shown.
    pub asked: Asked,
}

impl Wanted {
    /// What these projections show.
    #[must_use]
    pub fn new(registry: &Registry, projections: Vec<(i16, Projection)>) -> Self {
        let asked = Asked::of(registry, |of, links| {
            let found = projections.iter().find(|(code, _)| *code == of.code);
            found.is_some_and(|(_, projection)| projection.parts_of(links).is_some())
        });
        Self { projections, asked }
    }

    fn of(&self, of: &ResourceType) -> Projection {
        let found = self.projections.iter().find(|(code, _)| *code == of.code);
        found
            .map(|(_, projection)| projection.clone())
            .unwrap_or_default()
    }
}

/// One resource with its version and place.
///
/// # Errors
/// 404 when it is gone by now, and what the store says.
pub async fn resource(
    cx: TenantCx,
    status: StatusCode,
    resource: Resource,
    wanted: Wanted,
) -> Result<HttpResponse, Failure> {
    let id = resource.stored.id;
    let mut pages = Pages::new(cx, wanted, vec![resource]);
    pages.load().await?;
    let meta = match pages.ready.front() {
        Some(one) => one.meta(&pages.cx.base_url),
        None => return Err(Error::not_found(&id.to_string()).into()),
    };
    let mut answer = HttpResponse::build(status);
    output::versioned(&mut answer, meta);
    pages.answer(answer).await
}

/// The same for a resource that was just written: if it was deleted since, the write is still answered, without a body.
///
/// # Errors
/// What the store says.
pub async fn written(cx: TenantCx, one: Resource, wanted: Wanted) -> Result<HttpResponse, Failure> {
    let without = output::bare(StatusCode::NO_CONTENT, &one, &cx.base_url);
    match resource(cx, StatusCode::OK, one, wanted).await {
        Err(failure) if failure.is_not_found() => Ok(without),
        answer => answer,
    }
}

/// A page of resources. RFC 7644 §3.4.2, RFC 9865 §2.
///
/// # Errors
/// What the store says.
pub async fn list(
    cx: TenantCx,
    page: Page,
    cursors: &Cursors<'_>,
    wanted: Wanted,
) -> Result<HttpResponse, Failure> {
    let now = cx.clock.now();
    let mut pages = Pages::new(cx, wanted, page.resources);
    pages.text.push_str("{\"schemas\":[\"");
    pages.text.push_str(urn::LIST_RESPONSE);
    pages
        .text
        .push_str(&format!("\"],\"totalResults\":{}", page.total));
    if let Some(first) = page.start_index {
        pages.text.push_str(&format!(",\"startIndex\":{first}"));
    }
    if let Some(next) = &page.next {
        let next = cursors.seal(next, now);
        pages.text.push_str(&format!(",\"nextCursor\":\"{next}\""));
    }
    pages.text.push_str(",\"Resources\":[");
    pages.in_list = true;
    pages.answer(HttpResponse::Ok()).await
}

/// An answer that is being written.
struct Pages {
    cx: TenantCx,
    wanted: Wanted,
    /// Not read yet.
    waiting: VecDeque<Resource>,
    /// Read, not written yet.
    ready: VecDeque<Resource>,
    /// Being written: what is left of the members, and what comes behind them.
    open: Option<Open>,
    text: String,
    in_list: bool,
    written: usize,
    ended: bool,
}

struct Open {
    members: std::vec::IntoIter<Member>,
    parts: Vec<String>,
    begun: bool,
    tail: String,
}

impl Pages {
    fn new(cx: TenantCx, wanted: Wanted, resources: Vec<Resource>) -> Self {
        let room = |one: &Resource| {
            let members = usize::try_from(one.stored.members).unwrap_or_default();
            one.stored.doc.len() + 384 + members.min(1_000) * 160
        };
        let length: usize = resources.iter().map(room).sum();
        Self {
            cx,
            wanted,
            waiting: resources.into(),
            ready: VecDeque::new(),
            open: None,
            text: String::with_capacity(length.min(WHOLE) + 160),
            in_list: false,
            written: 0,
            ended: false,
        }
    }

    /// Reads what is asked for of the next resources.
    async fn load(&mut self) -> Result<(), Failure> {
        let members = self
            .waiting
            .iter()
            .map(|one| self.wanted.asked.members(one));
        let count = batch(members).min(self.waiting.len());
        let next: Vec<Resource> = self.waiting.drain(..count).collect();
        self.ready = membership::load(&self.cx, next, &self.wanted.asked)
            .await?
            .into();
        Ok(())
    }

    /// The answer: whole if it is short, else in pieces.
    async fn answer(
        mut self,
        mut answer: actix_web::HttpResponseBuilder,
    ) -> Result<HttpResponse, Failure> {
        self.fill(WHOLE).await?;
        answer.content_type(SCIM_JSON);
        if self.ended {
            return Ok(answer.body(self.text));
        }
        let pieces = stream::unfold(Some(self), |pages| async move {
            let mut pages = pages?;
            if pages.text.is_empty()
                && let Err(error) = pages.fill(PIECE).await
            {
                // The client gets a broken answer, never one that looks whole.
                tracing::warn!(%error, "an answer was broken off");
                return Some((Err(error), None));
            }
            if pages.text.is_empty() {
                return None;
            }
            let piece = Bytes::from(std::mem::take(&mut pages.text));
            Some((Ok(piece), Some(pages)))
        });
        Ok(answer.streaming(Box::pin(pieces)))
    }

    /// Writes until the text has that size, or everything is written.
    async fn fill(&mut self, size: usize) -> Result<(), Failure> {
        while self.text.len() < size && !self.ended {
            if self.open.is_some() {
                self.write_members();
            } else if let Some(next) = self.ready.pop_front() {
                self.begin(next)?;
            } else if !self.waiting.is_empty() {
                self.load().await?;
            } else {
                if self.in_list {
                    let end = format!("],\"itemsPerPage\":{}}}", self.written);
                    self.text.push_str(&end);
                }
                self.ended = true;
            }
        }
        Ok(())
    }

    /// Writes a resource, but for members that are many.
    fn begin(&mut self, resource: Resource) -> Result<(), Failure> {
        if self.in_list && self.written > 0 {
            self.text.push(',');
        }
        self.written += 1;
        let of = Arc::clone(&resource.resource_type);
        let projection = self.wanted.of(&of);
        let meta = resource.meta(&self.cx.base_url);
        let mut tail = String::from("}");
        if projection.is_default() && of.is_passthrough() {
            // The stored text is shown as it is, so it need not be read.
            let doc = &resource.stored.doc;
            self.text.push_str(doc.strip_suffix('}').unwrap_or(doc));
            tail = meta_text(&meta, &of);
        } else {
            let view = resources::view(&of, &resource.stored, &meta)?;
            let seen = projection.apply(&of, view, &resource.sent);
            let seen = Value::Object(seen).to_string();
            self.text.push_str(seen.strip_suffix('}').unwrap_or(&seen));
        }
        let shown = |attribute: Option<&Attribute>| {
            let attribute = attribute?;
            let parts = projection.parts_of(attribute)?;
            let parts: Vec<String> = parts.into_iter().map(str::to_owned).collect();
            Some((attribute.name.clone(), parts))
        };
        match resource.links {
            Links::Members(members) => {
                if let Some((name, parts)) = shown(of.members()) {
                    self.text.push_str(&format!(",\"{name}\":["));
                    self.open = Some(Open {
                        members: members.into_iter(),
                        parts,
                        begun: false,
                        tail: format!("]{tail}"),
                    });
                    self.write_members();
                    return Ok(());
                }
            }
            Links::Groups(groups) if !groups.is_empty() => {
                if let Some((name, parts)) = shown(of.groups()) {
                    self.text.push_str(&format!(",\"{name}\":["));
                    self.write_groups(&groups, &parts);
                    self.text.push(']');
                }
            }
            Links::Groups(_) | Links::Unread => {}
        }
        self.text.push_str(&tail);
        Ok(())
    }

    /// Writes some of the members that are left, and what comes behind them after the last.
    fn write_members(&mut self) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        let registry = Arc::clone(&self.cx.tenant.registry);
        let parts: Vec<&str> = open.parts.iter().map(String::as_str).collect();
        let mut location = String::new();
        for member in open.members.by_ref().take(STRIDE) {
            if open.begun {
                self.text.push(',');
            }
            open.begun = true;
            write_member(
                &mut self.text,
                &member,
                &parts,
                &registry,
                &self.cx.base_url,
                &mut location,
            );
        }
        if open.members.len() == 0 {
            self.text.push_str(&open.tail);
        } else {
            self.open = Some(open);
        }
    }

    fn write_groups(&mut self, groups: &[Group], parts: &[String]) {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let types = self.cx.tenant.registry.types();
        let of = types.iter().find(|one| one.members().is_some());
        for (nth, group) in groups.iter().enumerate() {
            if nth > 0 {
                self.text.push(',');
            }
            let value = group.id.to_string();
            let location = of.map(|of| format!("{}{}/{value}", self.cx.base_url, of.endpoint));
            let shown = Shown {
                value: &value,
                location: location.as_deref(),
                display: group.display.as_deref(),
                kind: Some(group.kind()),
            };
            shown.write(&mut self.text, &parts);
        }
    }
}

/// `meta` and the end of a resource.
fn meta_text(meta: &Meta, of: &ResourceType) -> String {
    let mut text = String::with_capacity(320);
    text.push_str(",\"meta\":");
    meta.write(&mut text, &of.name);
    text.push('}');
    text
}

fn write_member(
    text: &mut String,
    member: &Member,
    parts: &[&str],
    registry: &Registry,
    base_url: &str,
    location: &mut String,
) {
    let value = membership::value_of(member);
    let of = membership::type_of(registry, member.rtype);
    if let Some(of) = of {
        location.clear();
        location.push_str(base_url);
        location.push_str(&of.endpoint);
        location.push('/');
        location.push_str(&value);
    }
    let shown = Shown {
        value: &value,
        location: of.map(|_| location.as_str()),
        display: member.display.as_deref(),
        kind: of.map(|of| of.name.as_str()),
    };
    shown.write(text, parts);
}

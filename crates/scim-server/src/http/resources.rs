//! POST, GET, lists, `.search`, PUT, PATCH and DELETE, for every resource type alike. RFC 7644 §3.3 to §3.6.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use scim_core::list::{Paging, Query};
use scim_core::resource::project::Projection;
use scim_core::{Error, ResourceType};

use super::answer::{self, Wanted};
use super::input::{self, Body, condition, parameters, prefers_minimal};
use super::output::{self, Failure};
use crate::AppState;
use crate::gate::{Caller, Read, Write};
use crate::service::administration::AdminError;
use crate::service::cursor::Cursors;
use crate::service::resources::{self, TenantCx};
use crate::service::tenants::Tenant;
use crate::service::{create, delete, patch, read, replace};
use crate::store::StoreError;

/// How every handler answers.
pub type Answer = Result<HttpResponse, Failure>;

/// RFC 7240 §3.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A PATCH of a group with more members is answered without it, unless its parts are asked for by name.
const MANY: i64 = 1_000;

/// The part of a path behind the base URL: a type, perhaps an id.
#[derive(Debug, serde::Deserialize)]
pub struct At {
    kind: String,
    id: Option<String>,
}

impl<S> Caller<S> {
    fn cx(&self, state: &AppState) -> TenantCx {
        TenantCx {
            tenant: Arc::clone(&self.tenant),
            store: self.store.clone(),
            clock: state.clock.clone(),
            actor: self.actor.clone(),
            base_url: self.base_url.clone(),
            search_time: state.config.search_time,
        }
    }

    fn cursors<'a>(
        &self,
        state: &'a AppState,
        endpoint: Option<i16>,
        query: &'a Query,
    ) -> Cursors<'a> {
        Cursors {
            pepper: &state.admin.pepper,
            tenant: self.tenant.id,
            token: self.token,
            endpoint,
            query,
        }
    }

    fn wanted(&self, of: &ResourceType, projection: Projection) -> Wanted {
        Wanted::new(&self.tenant.registry, vec![(of.code, projection)])
    }

    /// The resource type that the path names.
    fn resource_type(&self, at: &At) -> Result<Arc<ResourceType>, Error> {
        let found = self.tenant.registry.at_endpoint(&at.kind);
        found.cloned().ok_or_else(|| super::not_served(&at.kind))
    }
}

impl At {
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

/// How large the tenant's pages are.
pub(super) fn paging(tenant: &Tenant) -> Paging {
    let pagination = &tenant.policy.pagination;
    Paging {
        default_count: pagination.page().into(),
        max_count: pagination.max_count.into(),
        both_or_none: pagination.both_or_none,
    }
}

/// What of the query string counts: everything for a list, the projection where one resource is answered.
fn query(tenant: &Tenant, req: &HttpRequest, names: &[&str]) -> Result<Query, Error> {
    let parameters = parameters(req, names)?;
    let mut query = Query::from_parameters(&parameters, tenant.registry.urns(), &paging(tenant))?;
    if !tenant.policy.projection {
        query.ignore_projection();
    }
    Ok(query)
}

/// What is wrong with the path and the query is said before the body is read.
fn refuse_early(caller: &Caller<Write>, req: &HttpRequest, at: &At) -> Result<(), Error> {
    let of = caller.resource_type(at)?;
    projection(&caller.tenant, req, &of).map(|_| ())
}

fn projection(tenant: &Tenant, req: &HttpRequest, of: &ResourceType) -> Result<Projection, Error> {
    query(tenant, req, &input::PROJECTION)?.projection(of, tenant.policy.mode)
}

/// So often a request is checked by schemas that change meanwhile: an administrator may send several.
const TRIES: u32 = 6;

/// Runs a verb that writes; again by the tenant's new schemas if these have changed since the request came.
async fn run<T>(
    mut caller: Caller<Write>,
    state: &AppState,
    at: &At,
    verb: impl AsyncFn(&TenantCx, &Arc<ResourceType>) -> Result<T, resources::Error>,
) -> Result<(Caller<Write>, Arc<ResourceType>, T), Failure> {
    let mut tries = 1;
    loop {
        let of = caller.resource_type(at)?;
        match verb(&caller.cx(state), &of).await {
            Err(resources::Error::Store(StoreError::SchemaChanged)) if tries < TRIES => {
                tries += 1;
                caller = caller.anew(state).await.map_err(|error| match error {
                    AdminError::Store(error) => resources::Error::Store(error),
                    other => resources::Error::Internal(other.to_string()),
                })?;
            }
            done => return Ok((caller, of, done?)),
        }
    }
}

/// `POST /{type}` · RFC 7644 §3.3 · scope: write
pub async fn post(
    caller: Caller<Write>,
    at: Path<At>,
    req: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    refuse_early(&caller, &req, &at)?;
    let body = body.bytes(&state.config).await?;
    let verb = async |cx: &TenantCx, of: &Arc<ResourceType>| {
        create::create(cx, of, scim_core::json::parse(&body)?).await
    };
    let (caller, of, created) = run(caller, &state, &at, verb).await?;
    let wanted = caller.wanted(&of, projection(&caller.tenant, &req, &of)?);
    answer::resource(caller.cx(&state), StatusCode::CREATED, created, wanted).await
}

/// `GET /{type}/{id}` · RFC 7644 §3.4.1 · scope: read
pub async fn get(
    caller: Caller<Read>,
    at: Path<At>,
    req: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let of = caller.resource_type(&at)?;
    let projection = projection(&caller.tenant, &req, &of)?;
    let (cx, wanted) = (caller.cx(&state), caller.wanted(&of, projection));
    let found = read::get(&cx, &of, at.id(), &wanted.asked).await?;
    if condition(&req, &IF_NONE_MATCH).names(found.stored.version) {
        return Ok(output::bare(
            StatusCode::NOT_MODIFIED,
            &found,
            &caller.base_url,
        ));
    }
    answer::resource(cx, StatusCode::OK, found, wanted).await
}

/// `GET /{type}` · RFC 7644 §3.4.2 · scope: read
pub async fn list(
    caller: Caller<Read>,
    at: Path<At>,
    req: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let query = query(&caller.tenant, &req, &input::QUERY)?;
    one_type(&caller, &state, &at, &query).await
}

/// `POST /{type}/.search` · RFC 7644 §3.4.3 · scope: read
pub async fn search(
    caller: Caller<Read>,
    at: Path<At>,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    let query = search_request(&caller, body, &state).await?;
    one_type(&caller, &state, &at, &query).await
}

/// `GET /` · RFC 7644 §3.4.2.1 · scope: read
pub async fn list_root(caller: Caller<Read>, req: HttpRequest, state: Data<AppState>) -> Answer {
    let query = query(&caller.tenant, &req, &input::QUERY)?;
    all_types(&caller, &state, &query).await
}

/// `POST /.search` · RFC 7644 §3.4.3 · scope: read
pub async fn search_root(caller: Caller<Read>, body: Body, state: Data<AppState>) -> Answer {
    let query = search_request(&caller, body, &state).await?;
    all_types(&caller, &state, &query).await
}

async fn search_request(
    caller: &Caller<Read>,
    body: Body,
    state: &AppState,
) -> Result<Query, Error> {
    let tenant = &caller.tenant;
    let body = body.object(&state.config).await?;
    let mut query = Query::from_search(&body, tenant.registry.urns(), &paging(tenant))?;
    if !tenant.policy.projection {
        query.ignore_projection();
    }
    Ok(query)
}

async fn one_type(caller: &Caller<Read>, state: &AppState, at: &At, query: &Query) -> Answer {
    let of = caller.resource_type(at)?;
    let projection = query.projection(&of, caller.tenant.policy.mode)?;
    let (cx, wanted) = (caller.cx(state), caller.wanted(&of, projection));
    let cursors = caller.cursors(state, Some(of.code), query);
    let start = cursors.start(cx.clock.now())?;
    let page = read::list(&cx, &of, query, &start, &wanted.asked).await?;
    answer::list(cx, page, &cursors, wanted).await
}

async fn all_types(caller: &Caller<Read>, state: &AppState, query: &Query) -> Answer {
    let mode = caller.tenant.policy.mode;
    let types = caller.tenant.registry.types().iter();
    let projections = types
        .map(|of| Ok((of.code, query.projection(of, mode)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let cx = caller.cx(state);
    let wanted = Wanted::new(&caller.tenant.registry, projections);
    let cursors = caller.cursors(state, None, query);
    let start = cursors.start(cx.clock.now())?;
    let page = read::search(&cx, query, &start, &wanted.asked).await?;
    answer::list(cx, page, &cursors, wanted).await
}

/// `PUT /{type}/{id}` · RFC 7644 §3.5.1 · scope: write
pub async fn put(
    caller: Caller<Write>,
    at: Path<At>,
    req: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    refuse_early(&caller, &req, &at)?;
    let body = body.bytes(&state.config).await?;
    let verb = async |cx: &TenantCx, of: &Arc<ResourceType>| {
        let condition = condition(&req, &IF_MATCH);
        replace::replace(cx, of, at.id(), condition, scim_core::json::parse(&body)?).await
    };
    let (caller, of, written) = run(caller, &state, &at, verb).await?;
    let wanted = caller.wanted(&of, projection(&caller.tenant, &req, &of)?);
    answer::written(caller.cx(&state), written, wanted).await
}

/// `PATCH /{type}/{id}` · RFC 7644 §3.5.2 · scope: write
pub async fn patch(
    caller: Caller<Write>,
    at: Path<At>,
    req: HttpRequest,
    body: Body,
    state: Data<AppState>,
) -> Answer {
    refuse_early(&caller, &req, &at)?;
    let body = body.bytes(&state.config).await?;
    let verb = async |cx: &TenantCx, of: &Arc<ResourceType>| {
        let condition = condition(&req, &IF_MATCH);
        patch::patch(cx, of, at.id(), condition, scim_core::json::parse(&body)?).await
    };
    let (caller, of, written) = run(caller, &state, &at, verb).await?;
    let projection = projection(&caller.tenant, &req, &of)?;
    let minimal = prefers_minimal(&req);
    if projection.is_default() && (minimal || written.stored.members > MANY) {
        let mut answer = output::bare(StatusCode::NO_CONTENT, &written, &caller.base_url);
        if minimal {
            let applied = HeaderValue::from_static("return=minimal");
            answer.headers_mut().insert(PREFERENCE_APPLIED, applied);
        }
        return Ok(answer);
    }
    answer::written(caller.cx(&state), written, caller.wanted(&of, projection)).await
}

/// `DELETE /{type}/{id}` · RFC 7644 §3.6 · scope: write
pub async fn delete(
    caller: Caller<Write>,
    at: Path<At>,
    req: HttpRequest,
    state: Data<AppState>,
) -> Answer {
    let verb = async |cx: &TenantCx, of: &Arc<ResourceType>| {
        delete::delete(cx, of, at.id(), condition(&req, &IF_MATCH)).await
    };
    run(caller, &state, &at, verb).await?;
    Ok(HttpResponse::NoContent().finish())
}

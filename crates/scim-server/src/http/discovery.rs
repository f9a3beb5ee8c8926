//! `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas`: what the tenant of the request has. RFC 7644 §4.

use std::sync::{Arc, LazyLock};

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use scim_core::list::Paging;
use scim_core::schema::builtin;
use scim_core::{Error, Registry, discovery, urn};

use super::input::has_parameter;
use super::output;
use super::resources::{Answer, paging};
use crate::gate::{ResourceTypes, Schemas, ServiceProviderConfig, Visitor};

/// What somebody without a tenant is shown.
static DEFAULTS: LazyLock<Arc<Registry>> =
    LazyLock::new(|| Arc::new(builtin::registry(Some(&["User"]))));

impl<D> Visitor<D> {
    fn registry(&self) -> &Arc<Registry> {
        self.tenant
            .as_ref()
            .map_or(&*DEFAULTS, |tenant| &tenant.registry)
    }
}

/// `GET /ServiceProviderConfig` · RFC 7644 §4 · open to all unless the policy says otherwise
pub async fn service_provider_config(visitor: Visitor<ServiceProviderConfig>) -> Answer {
    let paging = visitor
        .tenant
        .as_ref()
        .map_or_else(Paging::default, |tenant| paging(tenant));
    let document = discovery::service_provider_config(&visitor.base_url, &paging);
    Ok(output::json(StatusCode::OK, document.to_string()))
}

/// `GET /ResourceTypes` · RFC 7644 §4 · scope: read
pub async fn resource_types(visitor: Visitor<ResourceTypes>, req: HttpRequest) -> Answer {
    refuse_filter(&req)?;
    let types = visitor.registry().types().iter();
    let documents: Vec<_> = types
        .map(|one| discovery::resource_type(&visitor.base_url, one))
        .collect();
    Ok(output::documents(&documents))
}

/// `GET /ResourceTypes/{name}` · RFC 7644 §4 · scope: read
pub async fn resource_type(visitor: Visitor<ResourceTypes>, name: Path<Named>) -> Answer {
    let found = visitor.registry().resource_type(&name.name);
    let found = found.ok_or_else(|| Error::not_found(&name.name))?;
    let document = discovery::resource_type(&visitor.base_url, found);
    Ok(output::json(StatusCode::OK, document.to_string()))
}

/// `GET /Schemas` · RFC 7644 §4 · scope: read
pub async fn schemas(visitor: Visitor<Schemas>, req: HttpRequest) -> Answer {
    refuse_filter(&req)?;
    let documents: Vec<_> = discovery::schemas(visitor.registry())
        .map(|schema| discovery::schema(&visitor.base_url, schema))
        .collect();
    Ok(output::documents(&documents))
}

/// `GET /Schemas/{urn}` · RFC 7644 §4 · scope: read
pub async fn schema(visitor: Visitor<Schemas>, name: Path<Named>) -> Answer {
    let found =
        discovery::schemas(visitor.registry()).find(|schema| urn::same(&schema.id, &name.name));
    let found = found.ok_or_else(|| Error::not_found(&name.name))?;
    let document = discovery::schema(&visitor.base_url, found);
    Ok(output::json(StatusCode::OK, document.to_string()))
}

/// The name or URN at the end of the path.
#[derive(Debug, serde::Deserialize)]
pub struct Named {
    name: String,
}

/// RFC 7644 §4: a filter on `/Schemas` or `/ResourceTypes` is forbidden; other parameters are ignored.
fn refuse_filter(req: &HttpRequest) -> Result<(), Error> {
    if has_parameter(req, "filter") {
        return Err(Error::plain(
            403,
            "a filter cannot be used here; read the whole list",
        ));
    }
    Ok(())
}

//! A tenant's schemas and resource types: what is kept becomes the registry that requests obey, and what an administrator sends takes its
//! place, if what the tenant has fits it.

mod edit;
mod misfits;
mod registries;
mod reindex;

use scim_core::schema::additions::{Additions, IndexDefinition};
use scim_core::schema::define::{SchemaDefinition, TypeDefinition};
use serde::Serialize;
use serde_json::{Map, Value};

pub use edit::{Asked, Edit, Outcome};
pub use registries::Registries;

use super::administration::{AdminCx, AdminError, shorten};
use super::tenants;
use crate::store::{Definitions, IndexState};

/// What stands in the way of a definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many resources do not fit.
    pub count: usize,
    /// Some of them.
    pub sample: Vec<Finding>,
}

/// A resource that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its type.
    pub resource_type: String,
    /// Its id.
    pub id: String,
    /// What does not fit, a sentence.
    pub detail: String,
}

/// What a tenant adds, from what is kept of it.
///
/// # Errors
/// When it cannot be understood.
pub fn additions(rows: &Definitions) -> Result<Additions, AdminError> {
    let broken = |error: &dyn std::fmt::Display| {
        AdminError::Internal(format!("a stored definition: {error}"))
    };
    let object = |body: &str| {
        serde_json::from_str::<Map<String, Value>>(body).map_err(|error| broken(&error))
    };
    let mut additions = Additions::default();
    for body in &rows.schemas {
        let body = object(body)?;
        let id = text(&body, "id");
        let definition = SchemaDefinition::read(&id, body).map_err(|error| broken(&error))?;
        additions.schemas.push(definition);
    }
    for (rtype, body) in &rows.types {
        let body = object(body)?;
        let name = text(&body, "name");
        let definition = TypeDefinition::read(&name, body).map_err(|error| broken(&error))?;
        additions.types.push((*rtype, definition));
    }
    let live = rows
        .indexes
        .iter()
        .filter(|one| one.state != IndexState::Going);
    additions.indexes = live
        .map(|one| IndexDefinition {
            rtype: one.rtype,
            path: one.path.clone(),
            id: one.id,
            ready: one.state == IndexState::Ready,
        })
        .collect();
    Ok(additions)
}

fn text(body: &Map<String, Value>, name: &str) -> String {
    let text = body.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// All of a tenant's own schemas, as they were defined.
///
/// # Errors
/// Not found when there is no such tenant.
pub async fn schemas(cx: &AdminCx, slug: &str) -> Result<Vec<Value>, AdminError> {
    let additions = additions_of(cx, slug).await?;
    Ok(additions
        .schemas
        .iter()
        .map(SchemaDefinition::to_json)
        .collect())
}

/// All of a tenant's own resource types, as they were defined.
///
/// # Errors
/// Not found when there is no such tenant.
pub async fn resource_types(cx: &AdminCx, slug: &str) -> Result<Vec<Value>, AdminError> {
    let additions = additions_of(cx, slug).await?;
    Ok(additions
        .types
        .iter()
        .map(|(_, one)| one.to_json())
        .collect())
}

/// One of a tenant's own schemas.
///
/// # Errors
/// Not found when the tenant has none of that URN.
pub async fn schema(cx: &AdminCx, slug: &str, urn: &str) -> Result<Value, AdminError> {
    let additions = additions_of(cx, slug).await?;
    let found = additions
        .schemas
        .iter()
        .find(|one| one.schema.id.eq_ignore_ascii_case(urn));
    found
        .map(SchemaDefinition::to_json)
        .ok_or_else(|| no_schema(urn))
}

/// One of a tenant's own resource types.
///
/// # Errors
/// Not found when the tenant has none of that name.
pub async fn resource_type(cx: &AdminCx, slug: &str, name: &str) -> Result<Value, AdminError> {
    let additions = additions_of(cx, slug).await?;
    let found = additions
        .types
        .iter()
        .find(|(_, one)| one.name.eq_ignore_ascii_case(name));
    found
        .map(|(_, one)| one.to_json())
        .ok_or_else(|| no_type(name))
}

async fn additions_of(cx: &AdminCx, slug: &str) -> Result<Additions, AdminError> {
    let row = tenants::find(cx, slug).await?;
    additions(&cx.directory.tenant(row.id).definitions().await?)
}

fn no_schema(urn: &str) -> AdminError {
    AdminError::NotFound(format!("schema `{}` of this tenant", shorten(urn)))
}

fn no_type(name: &str) -> AdminError {
    AdminError::NotFound(format!("resource type `{}` of this tenant", shorten(name)))
}

//! Schemas drawn by lot live: defined, filled, filtered, patched, changed and removed, and what is stored fits them at every step.

use std::sync::Arc;
use std::time::Duration;

use scim_core::ResourceType;
use scim_core::schema::change;
use scim_server::service::precondition::Condition;
use scim_server::service::resources::TenantCx;
use scim_server::service::tenants::Tenant;
use scim_server::service::{create, indexing, patch};
use serde_json::{Value, json};

use crate::queries::lot::{CORE, EXTRA, Lot};
use crate::queries::{Known, from_environment, questions};
use crate::support::TestApp;

/// So many schemas are drawn, unless `SCIMD_SCHEMA_ROUNDS` says otherwise.
const ROUNDS: u64 = 3;
const CHANGES: u32 = 6;
const QUESTIONS: u32 = 25;

/// The tenant as the next request would find it.
async fn now(app: &TestApp, slug: &str) -> (TenantCx, Arc<ResourceType>) {
    let row = app.state.admin.directory.tenant_by_slug(slug).await;
    let row = row.unwrap().unwrap();
    let admin = &app.state.admin;
    let tenant = Tenant::new(&row, &admin.directory, &admin.registries)
        .await
        .unwrap();
    let of = Arc::clone(tenant.registry.resource_type("Thing").unwrap());
    let cx = TenantCx {
        store: app
            .state
            .store
            .tenant(tenant.id)
            .at_version(tenant.schema_version),
        tenant: Arc::new(tenant),
        clock: app.state.clock.clone(),
        actor: "test".to_owned(),
        base_url: "http://localhost/scim/v2".to_owned(),
        search_time: Duration::from_secs(60),
    };
    (cx, of)
}

async fn define(app: &TestApp, slug: &str, urn: &str, attributes: &[Value]) {
    let body = json!({"attributes": attributes, "resourceTypes": []});
    let path = format!("/tenants/{slug}/schemas/{urn}?purge=true");
    let put = app.admin().put(&path, body).await;
    assert!(
        matches!(put.status, 200 | 201),
        "{attributes:?} {}",
        put.text
    );
}

/// Some are created, some of those there are get another value.
async fn write(cx: &TenantCx, of: &Arc<ResourceType>, known: &Known, lot: &mut Lot) {
    for _ in 0..12 {
        // A value too many: the next one.
        let body = lot.document(of);
        let _ = create::create(cx, of, body).await;
    }
    for (id, _) in &known.0 {
        if !lot.one_in(3) {
            continue;
        }
        let (prefix, schema) = match lot.one_in(3) {
            true => (format!("{EXTRA}:"), &of.extensions[0].schema),
            false => (String::new(), &of.schema),
        };
        let attribute = lot.pick(&schema.attributes).clone();
        let value = lot.value(&attribute);
        let body = json!({"schemas": [scim_core::urn::PATCH_OP], "Operations": [
            {"op": "replace", "path": format!("{prefix}{}", attribute.name), "value": value}
        ]});
        let body = body.as_object().unwrap().clone();
        let _ = patch::patch(cx, of, &id.to_string(), Condition::default(), body).await;
    }
}

/// Another definition: an attribute more or less, of another kind, or indexed or not.
fn changed(attributes: &mut Vec<Value>, prefix: &str, round: u32, lot: &mut Lot) {
    let nth = lot.below(attributes.len());
    match lot.below(4) {
        0 if attributes.len() > 2 => {
            attributes.remove(nth);
        }
        1 => attributes.extend(lot.definition(&format!("{prefix}n{round}"), 1, 0)),
        2 => {
            let name = attributes[nth]["name"].clone();
            let mut other = lot.definition(prefix, 1, 0).remove(0);
            other["name"] = name;
            attributes[nth] = other;
        }
        _ => match attributes[nth]["subAttributes"].as_array_mut() {
            Some(subs) => subs.iter_mut().for_each(|sub| lot.perhaps_indexed(sub)),
            None => lot.perhaps_indexed(&mut attributes[nth]),
        },
    }
}

async fn life(app: &TestApp, seed: u64) {
    let (mut lot, slug) = (Lot::new(seed), format!("life-{seed}"));
    let scim = app.tenant(&slug, json!({})).await;
    let (mut core, mut extra) = (lot.definition("a", 6, 2), lot.definition("x", 2, 1));
    define(app, &slug, CORE, &core).await;
    define(app, &slug, EXTRA, &extra).await;
    let body = json!({"endpoint": "/Things", "schema": CORE, "schemaExtensions": [{"schema": EXTRA, "required": false}]});
    let path = format!("/tenants/{slug}/resource-types/Thing");
    assert_eq!(app.admin().put(&path, body).await.status, 201);
    for round in 0..CHANGES {
        let (cx, of) = now(app, &slug).await;
        write(&cx, &of, &Known::of(&cx, &of).await, &mut lot).await;
        let known = Known::of(&cx, &of).await;
        for (id, document) in &known.0 {
            assert_eq!(change::misfits(&of, document), [], "{seed} {round} {id}");
        }
        questions(&cx, &of, &known, &mut lot, seed, QUESTIONS).await;
        let (attributes, prefix, urn) = match lot.one_in(3) {
            true => (&mut extra, "x", EXTRA),
            false => (&mut core, "a", CORE),
        };
        changed(attributes, prefix, round, &mut lot);
        define(app, &slug, urn, attributes).await;
        // Now and then while the index is still to be made.
        let (cx, of) = now(app, &slug).await;
        let known = Known::of(&cx, &of).await;
        questions(&cx, &of, &known, &mut lot, seed, QUESTIONS / 5).await;
        if !lot.one_in(3) {
            indexing::finish(&app.state.admin).await.unwrap();
        }
    }
    let list = scim.get("/Things?count=0").await;
    assert!(
        list.ok(200).body["totalResults"].as_i64().unwrap() > 10,
        "{}",
        list.text
    );
    assert_eq!(app.admin().delete(&path).await.status, 409);
    assert_eq!(
        app.admin()
            .delete(&format!("{path}?purge=true"))
            .await
            .status,
        204
    );
    for urn in [CORE, EXTRA] {
        let gone = app
            .admin()
            .delete(&format!("/tenants/{slug}/schemas/{urn}"))
            .await;
        assert_eq!(gone.status, 204, "{}", gone.text);
    }
    scim.get("/Things").await.refused(404, None);
}

stories! {
    async fn schemas_drawn_by_lot_live(app) {
        for seed in 1..=from_environment("SCIMD_SCHEMA_ROUNDS", ROUNDS) {
            life(&app, seed).await;
        }
    }
}

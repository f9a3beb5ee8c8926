//! A resource type with attributes of every kind, from `testdata/gadget.json`.

use std::sync::Arc;

use scim_core::ResourceType;
use scim_core::schema::Schema;
use scim_core::schema::registry::Extension;

pub(crate) fn resource_type(extension_required: bool) -> ResourceType {
    let text = include_str!("../testdata/gadget.json");
    let [core, extra]: [Schema; 2] = serde_json::from_str(text).unwrap();
    let extension = Extension {
        schema: Arc::new(extra),
        required: extension_required,
    };
    ResourceType::new(
        100,
        "Gadget",
        "/Gadgets",
        "",
        Arc::new(core),
        vec![extension],
    )
}

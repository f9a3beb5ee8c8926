//! The users that are loaded and created: about 1.7 KB each, as an identity provider sends them.

use scim_core::resource::canon::{Canon, Message};
use scim_core::resource::{arrange, changed};
use scim_core::schema::builtin;
use scim_core::{Mode, ResourceType};
use scim_server::clock::Clock;
use scim_server::service::resources::{Times, keys};
use scim_server::store::{Change, ChangeKind, Members, NewResource};
use serde_json::{Map, Value, json};

use crate::Outcome;

/// Stands where each user has its own tag; as long as a tag.
pub(crate) const MARK: &str = "qzqzqzqz";

/// What tells users apart: the `nth` of a kind, eight characters.
pub(crate) fn tag(kind: char, nth: usize) -> String {
    format!("{kind}{nth:07}")
}

/// The `userName` of a user.
pub(crate) fn user_name(tag: &str) -> String {
    format!("user-{tag}@example.com")
}

/// The body of a POST.
pub(crate) fn body(tag: &str) -> String {
    let enterprise = scim_core::urn::ENTERPRISE_USER;
    let user = json!({
        "schemas": [scim_core::urn::USER, enterprise],
        "externalId": format!("00u1a2b3c4d5-{tag}"),
        "userName": user_name(tag),
        "name": {
            "formatted": format!("Dr. Wilhelmina Octavia Featherstone {tag}"),
            "familyName": format!("Featherstone {tag}"),
            "givenName": "Wilhelmina",
            "middleName": "Octavia",
            "honorificPrefix": "Dr."
        },
        "displayName": format!("Wilhelmina Featherstone {tag}"),
        "nickName": "Mina",
        "profileUrl": format!("https://intranet.example.com/people/{tag}"),
        "title": "Senior Reliability Engineer",
        "userType": "Employee",
        "preferredLanguage": "en-GB, en;q=0.8",
        "locale": "en-GB",
        "timezone": "Europe/London",
        "active": true,
        "emails": [
            {"value": user_name(tag), "type": "work", "primary": true},
            {"value": format!("wilhelmina.{tag}@home.example.net"), "type": "home"}
        ],
        "phoneNumbers": [
            {"value": format!("tel:+44-20-7946-0{tag}"), "type": "work", "primary": true},
            {"value": format!("tel:+44-7700-90{tag}"), "type": "mobile"}
        ],
        "addresses": [
            {
                "type": "work", "primary": true, "streetAddress": "100 Long Acre, Floor 7",
                "locality": "London", "region": "Greater London", "postalCode": "WC2E 9JS", "country": "GB",
                "formatted": "100 Long Acre, Floor 7\nLondon WC2E 9JS\nUnited Kingdom"
            },
            {
                "type": "home", "streetAddress": "14 Marlborough Crescent", "locality": "Guildford",
                "region": "Surrey", "postalCode": "GU2 7XH", "country": "GB"
            }
        ],
        "roles": [{"value": "oncall", "display": "On call"}],
        enterprise: {
            "employeeNumber": tag,
            "costCenter": "4130",
            "organization": "Universal Studios",
            "division": "Platform",
            "department": "Reliability",
            "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d"}
        }
    });
    user.to_string()
}

/// What a create writes, with the work of HTTP and of the protocol done beforehand.
pub(crate) struct Template {
    new: NewResource,
    clock: Clock,
}

impl Template {
    pub(crate) fn new(resource_type: &ResourceType, clock: Clock) -> Outcome<Template> {
        let body = scim_core::json::parse(body(MARK).as_bytes())?;
        let canon = Canon {
            resource_type,
            mode: Mode::default(),
        };
        let attributes = canon.document(body, Message::Create)?;
        let document = arrange(resource_type, attributes, &clock.id().to_string());
        let at = clock.now();
        let new = NewResource {
            rtype: resource_type.code,
            id: clock.id(),
            at,
            doc: Value::Object(document.clone()).to_string(),
            secret: None,
            keys: keys(resource_type, &document, Times::made(at)),
            members: Members::default(),
            change: Change {
                id: clock.id(),
                kind: ChangeKind::Create,
                attributes: changed(&Map::new(), &document),
                actor: "token:hmf3k7y2q4zabcde".to_owned(),
                at,
            },
        };
        Ok(Template { new, clock })
    }

    /// The rows of one more user.
    pub(crate) fn make(&self, tag: &str) -> NewResource {
        let mut new = self.new.clone();
        new.id = self.clock.id();
        new.change.id = self.clock.id();
        new.at = self.clock.now();
        new.change.at = new.at;
        new.doc = new.doc.replace(MARK, tag);
        let (was, is) = (moment(self.new.at), moment(new.at));
        let keys = &mut new.keys;
        for key in keys.index.iter_mut().filter(|key| key.skey == was) {
            key.skey.clone_from(&is);
        }
        let unique = keys.unique.iter_mut().map(|key| &mut key.skey);
        for skey in unique.chain(keys.index.iter_mut().map(|key| &mut key.skey)) {
            if skey.contains(MARK) {
                *skey = skey.replace(MARK, tag);
            }
        }
        new
    }
}

/// The key of a moment.
fn moment(at: i64) -> String {
    scim_core::key::integer(at)
}

/// The resource type `User`, and the number of its `userName`.
pub(crate) fn user_type() -> Outcome<(std::sync::Arc<ResourceType>, i32)> {
    let registry = builtin::registry(Some(&["User"]));
    let found = registry.resource_type("User").ok_or("no resource type")?;
    let unique = found.indexes.iter().find(|one| one.unique);
    Ok((
        std::sync::Arc::clone(found),
        unique.ok_or("no unique attribute")?.id,
    ))
}

//! What of a resource a client sees. RFC 7644 §3.9, RFC 7643 §7.

use scim_core::resource::project::Projection;
use scim_core::{Mode, ResourceType, ScimType};
use serde_json::{Map, Value};

use super::{ALL, COMPAT, ENTERPRISE, LETTER, gadget, map, rows, user};

fn names(list: &str) -> Vec<String> {
    let list = list.replace("$E", ENTERPRISE).replace("$X", super::EXTRA);
    list.split(',').map(str::to_owned).collect()
}

/// Lines `names | what is left of the resource`; beside `id` and `schemas`, which always are.
fn sees(resource_type: &ResourceType, modes: &[Mode], view: &str, excluding: bool, lines: &str) {
    for row in rows(lines) {
        let [list, expected] = &row[..] else {
            panic!("two columns: {row:?}");
        };
        let list = names(list);
        for mode in modes {
            let projection = if excluding {
                Projection::new(None, Some(&list), resource_type, *mode)
            } else {
                Projection::new(Some(&list), None, resource_type, *mode)
            };
            let mut view = map(view);
            view.insert("schemas".into(), Value::Array(vec!["urn:x".into()]));
            view.insert("id".into(), "1".into());
            let mut found = projection.unwrap().apply(resource_type, view, &[]);
            assert_eq!(found.remove("id"), Some("1".into()), "{row:?}");
            assert!(found.remove("schemas").is_some(), "{row:?}");
            assert_eq!(found, map(expected), "{mode:?} {row:?}");
        }
    }
}

const ADA: &str = r#"{"userName":"ada","name":{"givenName":"A","familyName":"L"},"emails":[{"value":"a","type":"work"},{"value":"b"}],
    "password":"p","meta":{"resourceType":"User","version":"v"},"$E":{"department":"d","manager":{"value":"7","displayName":"M"}}}"#;

#[test]
fn attributes_leave_what_is_named() {
    sees(
        &user(),
        ALL,
        ADA,
        false,
        r#"
        userName | {"userName":"ada"}
        USERNAME | {"userName":"ada"}
        userName,name | {"userName":"ada","name":{"givenName":"A","familyName":"L"}}
        userName , name.givenName | {"userName":"ada","name":{"givenName":"A"}}
        name.givenName,name | {"name":{"givenName":"A","familyName":"L"}}
        name.GIVENNAME,name.familyName | {"name":{"givenName":"A","familyName":"L"}}
        name.middleName | {}
        emails.value | {"emails":[{"value":"a"},{"value":"b"}]}
        emails.type | {"emails":[{"type":"work"}]}
        urn:ietf:params:scim:schemas:core:2.0:User:userName | {"userName":"ada"}
        URN:ietf:params:scim:schemas:core:2.0:user:name.givenName | {"name":{"givenName":"A"}}
        $E | {"$E":{"department":"d","manager":{"value":"7","displayName":"M"}}}
        urn:IETF:params:scim:schemas:extension:enterprise:2.0:user | {"$E":{"department":"d","manager":{"value":"7","displayName":"M"}}}
        $E:department | {"$E":{"department":"d"}}
        $E:manager.value | {"$E":{"manager":{"value":"7"}}}
        $E,userName | {"userName":"ada","$E":{"department":"d","manager":{"value":"7","displayName":"M"}}}
        meta | {"meta":{"resourceType":"User","version":"v"}}
        meta.version | {"meta":{"version":"v"}}
        id | {}
        schemas | {}
        # what does not exist names nothing
        nosuch | {}
        nosuch,userName | {"userName":"ada"}
        name.nosuch | {}
        urn:x:userName | {}
        emails[type eq "work"] | {}
        a b | {}
        # what is never returned is not returned
        password | {}
        urn:ietf:params:scim:schemas:core:2.0:User:password,userName | {"userName":"ada"}
        "#,
    );
    sees(
        &user(),
        COMPAT,
        ADA,
        false,
        r#"department | {"$E":{"department":"d"}}"#,
    );
    sees(&user(), LETTER, ADA, false, "department | {}");
}

#[test]
fn excluded_attributes_take_away_what_is_named() {
    let small = r#"{"userName":"ada","name":{"givenName":"A","familyName":"L"},"emails":[{"value":"a","type":"work"}],"password":"p","$E":{"department":"d"}}"#;
    sees(
        &user(),
        ALL,
        small,
        true,
        r#"
        name | {"userName":"ada","emails":[{"value":"a","type":"work"}],"$E":{"department":"d"}}
        NAME,emails,$E | {"userName":"ada"}
        name.givenName,emails.value | {"userName":"ada","name":{"familyName":"L"},"emails":[{"type":"work"}],"$E":{"department":"d"}}
        emails.value,emails.type,name,$E:department | {"userName":"ada"}
        nosuch,password | {"userName":"ada","name":{"givenName":"A","familyName":"L"},"emails":[{"value":"a","type":"work"}],"$E":{"department":"d"}}
        id,schemas,name,emails,$E | {"userName":"ada"}
        "#,
    );
}

const ONE: &str = r#"{"label":"l","code":"c","hint":"h","secret":"s","pin":"p","serial":"1",
    "box":{"colour":"red","width":1,"key":"k","pin":"p","hint":"h","code":"c"},
    "parts":[{"value":"a","key":"k"},{"key":"k"}],"$X":{"must":"m","free":"f"}}"#;

#[test]
fn returned_says_when() {
    let gadget = gadget::resource_type(false);
    let seen = |sent: &[&str]| {
        let sent: Vec<String> = sent.iter().map(ToString::to_string).collect();
        Projection::Default.apply(&gadget, map(ONE), &sent)
    };
    let default = map(
        r#"{"label":"l","code":"c","serial":"1","box":{"colour":"red","width":1,"code":"c"},"parts":[{"value":"a"}],"$X":{"must":"m","free":"f"}}"#,
    );
    assert_eq!(seen(&[]), default);
    assert_eq!(seen(&["secret", "pin", "label"]), default);
    // What is returned on request is returned to who has set it.
    assert_eq!(seen(&["hint"])["hint"], "h");
    sees(
        &gadget,
        ALL,
        ONE,
        false,
        r#"
        label | {"code":"c","label":"l"}
        hint | {"code":"c","hint":"h"}
        secret,pin | {"code":"c"}
        box | {"code":"c","box":{"colour":"red","width":1,"code":"c"}}
        box.width | {"code":"c","box":{"width":1,"code":"c"}}
        box.hint | {"code":"c","box":{"hint":"h","code":"c"}}
        box.key,box.pin | {"code":"c","box":{"code":"c"}}
        parts.key | {"code":"c"}
        $X:free | {"code":"c","$X":{"free":"f"}}
        "#,
    );
    sees(
        &gadget,
        ALL,
        ONE,
        true,
        r#"
        code,hint,serial,box,parts,$X | {"label":"l","code":"c"}
        box.code,box.colour,label,parts,serial,$X | {"code":"c","box":{"width":1,"code":"c"}}
        "#,
    );
    assert!(!gadget.is_passthrough());
    assert!(user().is_passthrough());
}

#[test]
fn one_of_the_two_at_most() {
    let list = names("userName");
    for mode in ALL {
        let error = Projection::new(Some(&list), Some(&list), &user(), *mode).unwrap_err();
        assert!(error.is(ScimType::InvalidValue));
        assert_eq!(
            Projection::new(None, None, &user(), *mode),
            Ok(Projection::Default)
        );
    }
    assert!(Projection::default().is_default());
    let nothing: Map<String, Value> = Projection::Only(Vec::new()).apply(&user(), map(ADA), &[]);
    assert!(nothing.is_empty());
}

//! Queries, their order and their pages. RFC 7644 §3.4.2 and §3.4.3.

use scim_core::attr::Urns;
use scim_core::list::{Paging, Query, Sort, Start, compare_keys, response};
use scim_core::resource::project::Projection;
use scim_core::{AttrPath, Mode, ScimType};
use serde_json::{Value, json};

use super::{ALL, gadget, map, rows, user};

fn get(parameters: &[(&str, &str)]) -> Result<Query, ScimType> {
    let urns = user().urns.clone();
    let query = Query::from_parameters(parameters, &urns, &Paging::default());
    query.map_err(|error| error.scim_type.unwrap())
}

fn search(body: &str) -> Result<Query, ScimType> {
    let query = Query::from_search(&map(body), &user().urns, &Paging::default());
    query.map_err(|error| error.scim_type.unwrap())
}

#[test]
fn pages_stay_within_their_limits() {
    // startIndex | count | first | how many
    for row in rows(
        r"
        - | - | 1 | 100
        1 | 10 | 1 | 10
        0 | 0 | 1 | 0
        -5 | -5 | 1 | 0
        101 | 100 | 101 | 100
        9223372036854775807 | 1000 | 9223372036854775807 | 1000
        1 | 1001 | 1 | 1000
        1 | 9223372036854775807 | 1 | 1000
        ",
    ) {
        let mut parameters = Vec::new();
        let mut members = json!({"schemas": [scim_core::urn::SEARCH_REQUEST]});
        for (name, value) in [("startIndex", &row[0]), ("count", &row[1])] {
            if let Ok(number) = value.parse::<i64>() {
                parameters.push((name, value.as_str()));
                members[name] = number.into();
            }
        }
        let expected = (
            Start::Index(row[2].parse().unwrap()),
            row[3].parse().unwrap(),
        );
        for query in [get(&parameters), search(&members.to_string())] {
            let query = query.unwrap();
            assert_eq!((query.start, query.count), expected, "{row:?}");
        }
    }
}

#[test]
fn numbers_are_integers() {
    for bad in [
        "",
        "x",
        "1.5",
        "1e3",
        "99999999999999999999",
        "1 2",
        "0x1",
        "null",
    ] {
        for name in ["startIndex", "count", "COUNT"] {
            assert_eq!(
                get(&[(name, bad)]),
                Err(ScimType::InvalidValue),
                "{name}={bad}"
            );
        }
    }
    for bad in ["\"1\"", "1.5", "1.0", "true", "[1]", "{}"] {
        let body = format!(
            r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"count":{bad}}}"#
        );
        assert_eq!(search(&body), Err(ScimType::InvalidValue), "{bad}");
    }
}

#[test]
fn pages_of_clients_that_mean_both_or_none() {
    let paging = Paging {
        default_count: 50,
        max_count: 200,
        both_or_none: true,
    };
    let read = |parameters: &[(&str, &str)]| {
        let query = Query::from_parameters(parameters, &Urns::default(), &paging).unwrap();
        (query.start, query.count)
    };
    assert_eq!(read(&[("startIndex", "7")]), (Start::Index(1), 50));
    assert_eq!(read(&[("count", "7")]), (Start::Index(1), 50));
    assert_eq!(
        read(&[("startIndex", "7"), ("count", "7")]),
        (Start::Index(7), 7)
    );
    assert_eq!(
        read(&[("cursor", ""), ("count", "7")]),
        (Start::Cursor(None), 7)
    );
}

#[test]
fn a_page_begins_at_a_number_or_behind_a_cursor() {
    let cursor = |text: &str| Start::Cursor(Some(text.to_owned()));
    for (parameter, start) in [
        ("", Start::Cursor(None)),
        ("VZUTiyhEQJ94IR", cursor("VZUTiyhEQJ94IR")),
        (" ", cursor(" ")),
    ] {
        let body = json!({"schemas": [scim_core::urn::SEARCH_REQUEST], "cursor": parameter, "startIndex": null});
        for query in [get(&[("CURSOR", parameter)]), search(&body.to_string())] {
            let query = query.unwrap();
            assert_eq!((query.start, query.count), (start.clone(), 100));
        }
        let both = get(&[("cursor", parameter), ("startIndex", "1")]);
        assert_eq!(both, Err(ScimType::InvalidValue), "{parameter}");
        let body = json!({"schemas": [scim_core::urn::SEARCH_REQUEST], "cursor": parameter, "startIndex": 1});
        assert_eq!(search(&body.to_string()), Err(ScimType::InvalidValue));
    }
    let body = json!({"schemas": [scim_core::urn::SEARCH_REQUEST], "cursor": 7});
    assert_eq!(search(&body.to_string()), Err(ScimType::InvalidValue));
    let counted = |count: &str| get(&[("cursor", ""), ("count", count)]).map(|query| query.count);
    for (count, expected) in [("-1", 0), ("0", 0), ("7", 7), ("1001", 1000)] {
        assert_eq!(counted(count), Ok(expected), "{count}");
    }
}

#[test]
fn the_same_question_has_the_same_text() {
    let question = |parameters: &[(&str, &str)]| get(parameters).unwrap().question();
    let asked = [
        ("filter", "(title pr)"),
        ("sortBy", "userName"),
        ("sortOrder", "descending"),
        ("attributes", "userName,title"),
    ];
    let spelt = [
        ("FILTER", "title   PR"),
        ("sortBy", "USERNAME"),
        ("sortOrder", "Descending"),
        ("attributes", "username"),
        ("attributes", " Title"),
        ("cursor", "x"),
        ("count", "3"),
    ];
    assert_eq!(question(&asked), question(&spelt));
    let sent = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"title pr","sortBy":"userName",
        "sortOrder":"descending","attributes":["userName","title"]}"#;
    assert_eq!(question(&asked), search(sent).unwrap().question());
    let others: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        vec![("filter", "title pr")],
        vec![("filter", "title eq \"A\"")],
        vec![("filter", "title eq \"a\"")],
        vec![("sortBy", "title")],
        vec![("sortBy", "title"), ("sortOrder", "descending")],
        vec![("sortBy", "displayName")],
        vec![("attributes", "title")],
        vec![("attributes", "title,displayName")],
        vec![("excludedAttributes", "title")],
    ];
    for (nth, one) in others.iter().enumerate() {
        for other in others.iter().skip(nth + 1) {
            assert_ne!(question(one), question(other), "{one:?} {other:?}");
        }
    }
}

#[test]
fn parameters_are_read_in_any_letter_case_and_once() {
    let query = get(&[
        ("FILTER", "userName Eq \"ada\""),
        ("SortBy", "NAME.familyName"),
        ("sortorder", "Descending"),
        ("startindex", "2"),
        ("Attributes", "userName, name"),
        ("attributes", "title"),
        ("nosuch", "x"),
    ])
    .unwrap();
    assert_eq!(
        query.filter.as_ref().unwrap().to_string(),
        r#"userName eq "ada""#
    );
    let sort = query.sort.as_ref().unwrap();
    assert_eq!(
        (sort.by.to_string().as_str(), sort.descending),
        ("NAME.familyName", true)
    );
    let projection = query.projection(&user(), Mode::Rfc).unwrap();
    let paths = ["userName", "name", "title"].map(|name| AttrPath::new(name, None));
    assert_eq!(projection, Projection::Only(paths.to_vec()));
    for name in ["filter", "sortBy", "sortOrder", "startIndex", "count"] {
        let twice = get(&[(name, "1"), (name, "1")]);
        assert!(twice.is_err(), "{name}");
    }
}

#[test]
fn order_and_filter_are_looked_at() {
    assert!(
        !get(&[("sortBy", "userName")])
            .unwrap()
            .sort
            .unwrap()
            .descending
    );
    assert!(get(&[("sortOrder", "descending")]).unwrap().sort.is_none());
    for (name, bad, kind) in [
        ("sortOrder", "up", ScimType::InvalidValue),
        ("sortOrder", "", ScimType::InvalidValue),
        ("sortBy", "", ScimType::InvalidValue),
        ("sortBy", "a b", ScimType::InvalidValue),
        ("sortBy", "emails[type eq \"work\"]", ScimType::InvalidValue),
        ("filter", "", ScimType::InvalidFilter),
        ("filter", "userName", ScimType::InvalidFilter),
        ("filter", "userName eq ada", ScimType::InvalidFilter),
    ] {
        assert_eq!(get(&[(name, bad)]), Err(kind), "{name}={bad}");
        let body = json!({"schemas": [scim_core::urn::SEARCH_REQUEST], name: bad});
        assert_eq!(search(&body.to_string()), Err(kind), "{name}={bad}");
    }
}

#[test]
fn a_search_is_a_message() {
    let whole = r#"{"Schemas":["URN:ietf:params:scim:api:messages:2.0:SearchRequest"],"attributes":["userName","name.givenName"],
        "filter":"title pr","sortBy":"title","sortOrder":"ascending","startIndex":3,"count":7,"nosuch":1,"excludedAttributes":null}"#;
    let query = search(whole).unwrap();
    assert_eq!((&query.start, query.count), (&Start::Index(3), 7));
    assert!(query.filter.is_some() && query.sort.is_some());
    let projection = query.projection(&user(), Mode::Rfc).unwrap();
    let paths = [
        AttrPath::new("userName", None),
        AttrPath::new("name", Some("givenName")),
    ];
    assert_eq!(projection, Projection::Only(paths.to_vec()));
    let mut query = query;
    query.ignore_projection();
    assert!(query.projection(&user(), Mode::Rfc).unwrap().is_default());
    for bad in [
        "{}",
        r#"{"schemas":null}"#,
        r#"{"schemas":[]}"#,
        r#"{"schemas":"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}"#,
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"filter":"title pr"}"#,
    ] {
        assert_eq!(search(bad), Err(ScimType::InvalidSyntax), "{bad}");
    }
    for (name, bad) in [
        ("filter", json!(7)),
        ("sortBy", json!(["title"])),
        ("attributes", json!({})),
        ("attributes", json!([7])),
        ("excludedAttributes", json!(7)),
    ] {
        let body = json!({"schemas": [scim_core::urn::SEARCH_REQUEST], name: bad});
        assert_eq!(
            search(&body.to_string()),
            Err(ScimType::InvalidValue),
            "{body}"
        );
    }
    let text = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"excludedAttributes":"name, title"}"#;
    let paths = ["name", "title"].map(|name| AttrPath::new(name, None));
    let projection = search(text)
        .unwrap()
        .projection(&user(), Mode::Rfc)
        .unwrap();
    assert_eq!(projection, Projection::Without(paths.to_vec()));
}

#[test]
fn both_projections_are_one_too_many() {
    let query = get(&[("attributes", "userName"), ("excludedAttributes", "name")]).unwrap();
    let error = query.projection(&user(), Mode::Compat).unwrap_err();
    assert!(error.is(ScimType::InvalidValue));
}

fn order(by: &str, descending: bool, views: &[&str]) -> Vec<usize> {
    let user = user();
    let sort = Sort {
        by: AttrPath::parse(by, &user.urns).unwrap(),
        descending,
    };
    let bound = sort.bind(&user, Mode::Rfc).unwrap();
    let keys: Vec<Option<String>> = views.iter().map(|view| bound.key(&map(view))).collect();
    let mut places: Vec<usize> = (0..views.len()).collect();
    places.sort_by(|a, b| compare_keys(keys[*a].as_deref(), keys[*b].as_deref(), descending));
    places
}

#[test]
fn resources_are_ordered_by_the_type_of_the_attribute() {
    let names = [
        r#"{"userName":"bea"}"#,
        r#"{"userName":"Ada"}"#,
        r#"{"userName":"ÄRGER"}"#,
        "{}",
    ];
    assert_eq!(order("userName", false, &names), [1, 0, 2, 3]);
    // What has no value is last when ascending and first when descending.
    assert_eq!(order("USERNAME", true, &names), [3, 2, 0, 1]);
    let ids = [r#"{"externalId":"a"}"#, r#"{"externalId":"B"}"#];
    assert_eq!(order("externalId", false, &ids), [1, 0]);
    let mails = [
        r#"{"emails":[{"value":"b"},{"value":"z","primary":true}]}"#,
        r#"{"emails":[{"value":"c"},{"value":"a"}]}"#,
        r#"{"emails":[]}"#,
    ];
    assert_eq!(order("emails", false, &mails), [1, 0, 2]);
    assert_eq!(order("emails.value", false, &mails), [1, 0, 2]);
    let nested = [
        r#"{"name":{"familyName":"b"}}"#,
        r#"{"name":{"familyName":"a"}}"#,
    ];
    assert_eq!(order("name.familyName", false, &nested), [1, 0]);
    let times = [
        r#"{"meta":{"created":"2026-01-01T00:00:00Z"}}"#,
        r#"{"meta":{"created":"2026-01-01T00:30:00+01:00"}}"#,
    ];
    assert_eq!(order("meta.created", false, &times), [1, 0]);
    let managers = [
        r#"{"$E":{"manager":{"value":"2"}}}"#,
        r#"{"$E":{"manager":{"value":"1"}}}"#,
    ];
    assert_eq!(
        order(
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            false,
            &managers
        ),
        [1, 0]
    );
    let active = [r#"{"active":true}"#, r#"{"active":false}"#];
    assert_eq!(order("active", false, &active), [1, 0]);
}

#[test]
fn not_everything_has_an_order() {
    let gadget = gadget::resource_type(false);
    let bind = |by: &str| {
        let sort = Sort {
            by: AttrPath::parse(by, &gadget.urns).unwrap(),
            descending: false,
        };
        sort.bind(&gadget, Mode::Compat)
            .map(|_| ())
            .map_err(|error| error.scim_type.unwrap())
    };
    assert_eq!(bind("nosuch"), Err(ScimType::InvalidValue));
    assert_eq!(bind("box"), Err(ScimType::InvalidValue));
    assert_eq!(bind("box.nosuch"), Err(ScimType::InvalidValue));
    for hidden in ["secret", "pin", "box.key", "box.pin", "parts.key"] {
        assert_eq!(bind(hidden), Err(ScimType::InvalidFilter), "{hidden}");
    }
    for good in [
        "label",
        "parts",
        "parts.type",
        "tags",
        "count",
        "size",
        "since",
        "free",
        "id",
    ] {
        assert_eq!(bind(good), Ok(()), "{good}");
    }
    let sort = Sort {
        by: AttrPath::new("nosuch", None),
        descending: false,
    };
    let lenient = sort.bind_lenient(&gadget, Mode::Rfc).unwrap();
    assert_eq!(lenient.key(&map(r#"{"nosuch":"x"}"#)), None);
    let numbers = Sort {
        by: AttrPath::new("count", None),
        descending: false,
    };
    let numbers = numbers.bind(&gadget, Mode::Rfc).unwrap();
    assert!(numbers.key(&map(r#"{"count":-3}"#)) < numbers.key(&map(r#"{"count":20}"#)));
    assert!(numbers.key(&map(r#"{"count":3}"#)) < numbers.key(&map(r#"{"count":20}"#)));
}

#[test]
fn a_list_says_what_it_holds() {
    for (resources, total, start, text) in [
        (
            &[][..],
            0,
            1,
            r#""totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}"#,
        ),
        (
            &[][..],
            9,
            1,
            r#""totalResults":9,"startIndex":1,"itemsPerPage":0,"Resources":[]}"#,
        ),
        (
            &["{}".to_owned(), "{\"a\":1}".to_owned()][..],
            9,
            4,
            r#""totalResults":9,"startIndex":4,"itemsPerPage":2,"Resources":[{},{"a":1}]}"#,
        ),
    ] {
        let list = response(resources, total, start);
        assert!(list.ends_with(text), "{list}");
        let list: Value = serde_json::from_str(&list).unwrap();
        assert_eq!(list["schemas"], json!([scim_core::urn::LIST_RESPONSE]));
    }
    assert_eq!(ALL.len(), 3);
}

//! Filters and orders as the store answers them, held to what scim-core says of the same documents, with schemas, documents and queries drawn by lot.
//!
//! `SCIMD_QUERY_ROUNDS` sets how many schemas are drawn, with 150 queries each; `SCIMD_QUERY_SEED` where the lot begins.

pub(crate) mod lot;

use std::sync::Arc;
use std::time::Duration;

use scim_core::filter::{Filter, Limits};
use scim_core::list::{Paging, Query, Start, compare_keys};
use scim_core::{Registry, ResourceType, key};
use scim_server::clock::Clock;
use scim_server::config::Config;
use scim_server::service::cursor::Position;
use scim_server::service::membership::Asked;
use scim_server::service::pushdown::Pushdown;
use scim_server::service::resources::{self, Document, TenantCx};
use scim_server::service::tenants::Tenant;
use scim_server::service::{create, read};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Database, TestApp, app};
use lot::Lot;

const QUERIES: u32 = 150;

pub(crate) fn from_environment<T: std::str::FromStr>(name: &str, default: T) -> T {
    let value = std::env::var(name).ok();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// A tenant whose only resource type is this one.
async fn tenant(app: &TestApp, slug: &str, of: ResourceType) -> (TenantCx, Arc<ResourceType>) {
    app.tenant(slug, serde_json::json!({})).await;
    let row = app.state.store.directory().tenant_by_slug(slug).await;
    let row = row.unwrap().unwrap();
    let registry = Registry::new(vec![of]).unwrap();
    let of = Arc::clone(&registry.types()[0]);
    let mut known = Tenant::new(
        &row,
        &app.state.admin.directory,
        &app.state.admin.registries,
    )
    .await
    .unwrap();
    known.registry = Arc::new(registry);
    let cx = TenantCx {
        store: app.state.store.tenant(row.id),
        tenant: Arc::new(known),
        clock: app.state.clock.clone(),
        actor: "test".to_owned(),
        base_url: "http://localhost/scim/v2".to_owned(),
        search_time: Duration::from_secs(60),
    };
    (cx, of)
}

/// The resources that are there, as clients see them.
pub(crate) struct Known(pub(crate) Vec<(Uuid, Document)>);

impl Known {
    /// All that are there.
    pub(crate) async fn of(cx: &TenantCx, of: &Arc<ResourceType>) -> Self {
        let code = of.code;
        let all = cx.store.read(move |tx| tx.scan(code, None, 1_000)).await;
        let view = |row| {
            let meta = resources::meta(of, row, &cx.base_url);
            (row.id, resources::view(of, row, &meta).unwrap())
        };
        Self(all.unwrap().iter().map(view).collect())
    }

    /// What a query should find, in order.
    fn expected(&self, query: &Query, of: &ResourceType, cx: &TenantCx) -> Vec<Uuid> {
        let filter = query.filter.as_ref();
        let filter = filter.map(|filter| filter.bind(of, cx.mode()).unwrap());
        let sort = query.sort.as_ref();
        let sort = sort.map(|sort| (sort.bind(of, cx.mode()).unwrap(), sort.descending));
        let hits = self.0.iter().filter(|(_, view)| {
            let filter = filter.as_ref();
            filter.is_none_or(|filter| filter.matches(view))
        });
        let mut keyed: Vec<(Option<String>, Uuid)> = hits
            .map(|(id, view)| {
                let key = sort.as_ref().and_then(|(sort, _)| sort.key(view));
                (key.map(|key| key::stored(&key)), *id)
            })
            .collect();
        keyed.sort_by(|(a, x), (b, y)| {
            compare_keys(a.as_deref(), b.as_deref(), false).then(x.cmp(y))
        });
        if sort.is_some_and(|(_, descending)| descending) {
            keyed.reverse();
        }
        keyed.into_iter().map(|(_, id)| id).collect()
    }
}

async fn page(
    cx: &TenantCx,
    of: &Arc<ResourceType>,
    query: &Query,
    start: &Start<Position>,
) -> (Vec<Uuid>, i64, Option<Position>) {
    let page = read::list(cx, of, query, start, &Asked::default()).await;
    let page = page.unwrap_or_else(|error| panic!("{query:?}: {error}"));
    let ids = page.resources.iter().map(|one| one.stored.id).collect();
    (ids, page.total, page.next)
}

/// Asks by index and by cursor, and compares everything.
pub(crate) async fn hold(
    cx: &TenantCx,
    of: &Arc<ResourceType>,
    known: &Known,
    lot: &mut Lot,
    text: &[(String, String)],
) {
    let mut text = text.to_vec();
    let count = lot.below(9) + 1;
    text.push(("count".to_owned(), count.to_string()));
    let query = Query::from_parameters(&text, &of.urns, &Paging::default()).unwrap();
    let expected = known.expected(&query, of, cx);
    let total = i64::try_from(expected.len()).unwrap();
    let skip = lot.below(expected.len() + 2);
    let first = i64::try_from(skip + 1).unwrap();
    let (ids, found, next) = page(cx, of, &query, &Start::Index(first)).await;
    let wanted: Vec<Uuid> = expected.iter().copied().skip(skip).take(count).collect();
    assert_eq!(
        (ids, found, next),
        (wanted, total, None),
        "{text:?} from {first}"
    );
    if !lot.one_in(4) {
        return;
    }
    let (mut walked, mut start) = (Vec::new(), Start::Cursor(None));
    loop {
        let (ids, found, next) = page(cx, of, &query, &start).await;
        assert_eq!(found, total, "{text:?} {start:?}");
        walked.extend(ids);
        match next {
            Some(position) => start = Start::Cursor(Some(position)),
            None => break,
        }
        assert!(walked.len() <= expected.len(), "{text:?}: without end");
    }
    assert_eq!(walked, expected, "{text:?} by cursor");
}

/// Draws a schema, documents and queries; returns how many of the filters the store told wholly.
async fn round(app: &TestApp, seed: u64) -> u32 {
    let mut lot = Lot::new(seed);
    let (cx, of) = tenant(app, &format!("round-{seed}"), lot.resource_type()).await;
    for _ in 0..40 {
        let body = lot.document(&of);
        // A key that is taken already, or a value too many: the next one.
        let _ = create::create(&cx, &of, body).await;
    }
    let known = Known::of(&cx, &of).await;
    assert!(known.0.len() > 20, "{seed}: {} resources", known.0.len());
    questions(&cx, &of, &known, &mut lot, seed, QUERIES).await
}

/// Draws queries; returns how many of the filters the store told wholly.
pub(crate) async fn questions(
    cx: &TenantCx,
    of: &Arc<ResourceType>,
    known: &Known,
    lot: &mut Lot,
    seed: u64,
    count: u32,
) -> u32 {
    let (mut told, mut asked) = (0, 0);
    while asked < count {
        let mut text: Vec<(String, String)> = Vec::new();
        if lot.one_in(8) {
            // no filter
        } else {
            let filter = lot.filter(of, &known.0);
            let Ok(parsed) = Filter::parse(&filter, &of.urns, &Limits::default()) else {
                panic!("{seed}: {filter}");
            };
            let Ok(bound) = parsed.bind(of, cx.mode()) else {
                continue;
            };
            told += u32::from(Pushdown::new(&bound, of).exact);
            text.push(("filter".to_owned(), filter));
        }
        if lot.one_in(2) {
            text.push(("sortBy".to_owned(), lot.path(of)));
            if lot.one_in(2) {
                text.push(("sortOrder".to_owned(), "descending".to_owned()));
            }
            let query = Query::from_parameters(&text, &of.urns, &Paging::default()).unwrap();
            if query
                .sort
                .is_some_and(|sort| sort.bind(of, cx.mode()).is_err())
            {
                continue;
            }
        }
        asked += 1;
        hold(cx, of, known, lot, &text).await;
    }
    told
}

stories! {
    async fn every_filter_and_order_means_what_the_core_says(app) {
        let first = from_environment("SCIMD_QUERY_SEED", 1_u64);
        let rounds = from_environment("SCIMD_QUERY_ROUNDS", 12_u32);
        let mut told = 0;
        for seed in (first..).take(usize::try_from(rounds).unwrap()) {
            told += round(&app, seed).await;
        }
        // The store was really asked.
        assert!(told > rounds * QUERIES / 6, "{told} filters in {rounds} rounds");
    }
}

async fn refusals(app: TestApp) {
    for nth in 0..501 {
        let user = json!({"userName": format!("user{nth}"), "title": "Spy", "nickName": "e"});
        app.scim.create(user).await;
    }
    for (query, name) in [
        ("filter=nickName eq \"e\"", "nickName"),
        ("filter=not (name.middleName pr)", "name.middleName"),
        ("filter=title eq \"Spy\" or nickName co \"x\"", "nickName"),
        ("sortBy=nickName", "nickName"),
    ] {
        let refused = app
            .scim
            .get(&format!("/Users?{}", query.replace(' ', "%20")))
            .await;
        assert_eq!(refused.status, 400, "{query}");
        refused.refused(400, Some("tooMany"));
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("`{name}`")) && detail.contains("indexed"),
            "{detail}"
        );
        assert!(refused.body.get("Resources").is_none());
    }
    for (query, total) in [
        ("filter=userName eq \"user7\" and nickName eq \"e\"", 1),
        ("filter=title eq \"Spy\"", 501),
        ("filter=title eq \"Spy\" and not (name.middleName pr)", 501),
        ("filter=title co \"p\" and userName sw \"user49\"", 11),
        ("filter=not (title eq \"Spy\")", 0),
        ("sortBy=userName&sortOrder=descending", 501),
        (
            "sortBy=name.familyName&sortOrder=descending&filter=active pr",
            0,
        ),
        ("", 501),
    ] {
        let found = app
            .scim
            .get(&format!("/Users?{}", query.replace(' ', "%20")))
            .await;
        assert_eq!(found.ok(200).body["totalResults"], total, "{query}");
    }
}

/// No time at all: what is not told by keys within one chunk of documents is refused.
fn what_no_index_answers_in_time_is_refused_by_name(database: Database) {
    let config = Config {
        search_time: Duration::ZERO,
        ..Config::default()
    };
    app::run_with(database, config, Clock::system(), refusals);
}

mod what_no_index_answers_in_time_is_refused_by_name {
    use super::{Database, what_no_index_answers_in_time_is_refused_by_name as hurried};

    #[test]
    fn sqlite() {
        hurried(Database::sqlite());
    }

    #[test]
    fn postgres() {
        if let Some(database) = Database::postgres() {
            hurried(database);
        }
    }
}

stories! {
    async fn a_hundred_terms_are_answered(app) {
        let ada = app.scim.create(json!({"userName": "ada", "title": "Countess"})).await;
        for (joint, found) in [(" and ", 0), (" or ", 1)] {
            let terms: Vec<String> = (0..99).map(|nth| format!("title eq \"t{nth}\"")).collect();
            let filter = format!("{}{joint}userName eq \"ada\"", terms.join(joint));
            let list = app.scim.filter("/Users", &filter).await;
            assert_eq!(list.ok(200).body["totalResults"], found, "{joint}");
        }
        let nested = (0..48).fold("title sw \"c\"".to_owned(), |inner, nth| {
            format!("not (title eq \"t{nth}\" and {inner})")
        });
        let list = app.scim.filter("/Users", &nested).await;
        assert_eq!(list.ok(200).body["Resources"][0]["id"], ada.body["id"], "{nested}");
    }
}

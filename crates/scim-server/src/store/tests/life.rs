//! The life of a resource: created, found, changed, deleted.

use super::support::*;
use crate::store::query::Test;
use crate::store::{ChangeKind, Keys, StoreError};

stories![
    a_resource_lives,
    a_name_is_free_again_after_a_change,
    a_conflict_leaves_nothing,
    an_update_into_a_conflict_leaves_nothing,
    the_second_of_two_unique_keys_is_named,
    stale_changes_are_refused,
    pages_are_in_the_order_of_creation,
    an_index_gives_each_resource_once,
    by_ids_keeps_the_order,
    texts_come_back_as_they_were,
    only_a_transaction_makes_two_changes,
];

async fn a_resource_lives(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let mut ada = user("ada", &["a@x", "b@x"]);
    ada.secret = Some("hash".to_owned());
    acme.add(&ada).await.unwrap();

    let found = acme.find(ada.id).await.unwrap();
    assert_eq!(
        (found.version, found.created, found.modified),
        (1, ada.at, ada.at)
    );
    assert_eq!((&found.doc, &found.secret), (&ada.doc, &ada.secret));
    assert_eq!(acme.named("ada").await.as_ref(), Some(&found));
    assert_eq!(acme.mailed("b@x").await, [ada.id]);
    assert_eq!(acme.total().await, 1);

    let update = renamed(&found, &ada.keys, "ada", &["a@x", "c@x"]);
    acme.put(&update).await.unwrap();
    let found = acme.find(ada.id).await.unwrap();
    assert_eq!(
        (found.version, found.created, found.modified),
        (2, ada.at, update.at)
    );
    assert_eq!(found.secret, None);
    assert!(acme.mailed("b@x").await.is_empty());
    assert_eq!(acme.mailed("c@x").await, [ada.id]);

    acme.remove(&deletion(&found, &keys("ada", &["a@x", "c@x"])))
        .await
        .unwrap();
    assert_eq!(acme.find(ada.id).await, None);
    assert_eq!(acme.named("ada").await, None);
    assert_eq!(acme.total().await, 0);
    let left: Vec<_> = bed
        .rows()
        .into_iter()
        .filter(|(_, rows)| *rows > 0)
        .collect();
    let expected = [("change", 3), ("resource_count", 1), ("tenant", 1)];
    assert_eq!(left, expected.map(|(table, rows)| (table.to_owned(), rows)));
}

async fn a_name_is_free_again_after_a_change(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let ada = user("ada", &["a@x"]);
    acme.add(&ada).await.unwrap();
    let found = acme.find(ada.id).await.unwrap();
    acme.put(&renamed(&found, &ada.keys, "bob", &["a@x"]))
        .await
        .unwrap();
    assert_eq!(acme.named("ada").await, None);
    assert_eq!(acme.named("bob").await.unwrap().id, ada.id);
    acme.add(&user("ada", &[])).await.unwrap();
    assert_eq!(acme.total().await, 2);
}

async fn a_conflict_leaves_nothing(bed: Bed) {
    let acme = bed.tenant("acme").await;
    acme.add(&user("ada", &["a@x"])).await.unwrap();
    let before = (bed.rows(), acme.total().await);
    let error = acme.add(&user("ada", &["b@x"])).await.unwrap_err();
    assert_eq!(error, StoreError::Conflict { attr: USER_NAME });
    assert_eq!((bed.rows(), acme.total().await), before);
}

async fn an_update_into_a_conflict_leaves_nothing(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let (ada, bob) = (user("ada", &["a@x"]), user("bob", &["b@x"]));
    acme.add(&ada).await.unwrap();
    acme.add(&bob).await.unwrap();
    let before = (bed.rows(), acme.find(bob.id).await);
    let old = acme.find(bob.id).await.unwrap();
    let error = acme
        .put(&renamed(&old, &bob.keys, "ada", &["c@x"]))
        .await
        .unwrap_err();
    assert_eq!(error, StoreError::Conflict { attr: USER_NAME });
    assert_eq!((bed.rows(), acme.find(bob.id).await), before);
    assert_eq!(acme.mailed("b@x").await, [bob.id]);
    assert!(acme.mailed("c@x").await.is_empty());
}

async fn the_second_of_two_unique_keys_is_named(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let two = |a: &str, b: &str| {
        let mut new = user(a, &[]);
        let mut second = unique(b);
        second.attr = 9;
        new.keys = Keys::new(vec![second, unique(a)], vec![]);
        new
    };
    acme.add(&two("ada", "one")).await.unwrap();
    let error = acme.add(&two("bob", "one")).await.unwrap_err();
    assert_eq!(error, StoreError::Conflict { attr: 9 });
    acme.add(&two("bob", "two")).await.unwrap();
    assert_eq!(acme.total().await, 2);
}

async fn stale_changes_are_refused(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let ada = user("ada", &["a@x"]);
    acme.add(&ada).await.unwrap();
    let first = acme.find(ada.id).await.unwrap();
    acme.put(&renamed(&first, &ada.keys, "ada", &["b@x"]))
        .await
        .unwrap();
    let before = bed.rows();

    let late = renamed(&first, &ada.keys, "eve", &["c@x"]);
    assert_eq!(acme.put(&late).await, Err(StoreError::Stale));
    assert_eq!(
        acme.remove(&deletion(&first, &ada.keys)).await,
        Err(StoreError::Stale)
    );
    let mut unknown = renamed(&first, &ada.keys, "eve", &[]);
    unknown.id = next_id();
    assert_eq!(acme.put(&unknown).await, Err(StoreError::Stale));
    assert_eq!(bed.rows(), before);
    assert_eq!(acme.find(ada.id).await.unwrap().version, 2);
    assert_eq!(acme.named("eve").await, None);
}

async fn pages_are_in_the_order_of_creation(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let empty = acme.read(|r| r.page(USER, 0, 10)).await.unwrap();
    assert_eq!(empty, (vec![], 0));
    let mut all = Vec::new();
    for number in 0..25 {
        let new = user(&format!("user{number}"), &[]);
        acme.add(&new).await.unwrap();
        all.push(new.id);
    }
    for (offset, limit) in [
        (0, 10),
        (10, 10),
        (20, 10),
        (24, 1),
        (25, 10),
        (0, 0),
        (5, 0),
        (0, 100),
        (7, 3),
        (-5, -1),
    ] {
        let (page, total) = acme
            .read(move |r| r.page(USER, offset, limit))
            .await
            .unwrap();
        let expected = all
            .iter()
            .copied()
            .skip(offset.max(0).try_into().unwrap())
            .take(limit.max(0).try_into().unwrap());
        assert_eq!(ids(&page), expected.collect::<Vec<_>>(), "{offset} {limit}");
        assert_eq!(total, 25);
    }
    assert_eq!(acme.read(|r| r.page(2, 0, 10)).await.unwrap(), (vec![], 0));

    let mut scanned = Vec::new();
    while let after = scanned.last().copied()
        && let part = acme.read(move |r| r.scan(USER, after, 7)).await.unwrap()
        && !part.is_empty()
    {
        scanned.extend(ids(&part));
    }
    assert_eq!(scanned, all);
}

async fn an_index_gives_each_resource_once(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let (ada, bob) = (
        user("ada", &["same", "same", "same"]),
        user("bob", &["other", "same"]),
    );
    acme.add(&ada).await.unwrap();
    acme.add(&bob).await.unwrap();
    assert_eq!(acme.mailed("same").await, [ada.id, bob.id]);
    let same = keyed(EMAIL, Test::Equal("same".to_owned()));
    let more = acme.read(move |r| r.ids(USER, &same, 1)).await;
    assert_eq!(more.unwrap(), None, "there are more than one");
    assert!(acme.mailed("sam").await.is_empty());
}

async fn by_ids_keeps_the_order(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let mut all = Vec::new();
    for number in 0..5 {
        let new = user(&format!("user{number}"), &[]);
        acme.add(&new).await.unwrap();
        all.push(new.id);
    }
    let asked = vec![all[3], next_id(), all[0], all[4]];
    let found = acme.read(move |r| r.by_ids(USER, &asked)).await.unwrap();
    assert_eq!(ids(&found), [all[3], all[0], all[4]]);
    assert!(acme.read(|r| r.by_ids(USER, &[])).await.unwrap().is_empty());
}

async fn texts_come_back_as_they_were(bed: Bed) {
    let acme = bed.tenant("acme").await;
    for (number, text) in [
        "",
        "?",
        "$1",
        "'; DROP TABLE tenant; --",
        "\\u0000",
        "é\u{1f600}\"\\\n\t\u{1}",
        "%_",
    ]
    .into_iter()
    .enumerate()
    {
        let mut new = user(text, &[text]);
        new.doc = format!("{{\"n\":{number},\"t\":\"{text}\"}}");
        new.change.actor = text.to_owned();
        acme.add(&new).await.unwrap();
        assert_eq!(acme.named(text).await.unwrap().doc, new.doc);
        assert_eq!(acme.mailed(text).await, [new.id]);
        let changes = acme.changes(2 * number + 1).await;
        assert_eq!(changes.last().unwrap().actor, text);
        let old = acme.find(new.id).await.unwrap();
        acme.put(&renamed(&old, &new.keys, &format!("{text}{number}"), &[]))
            .await
            .unwrap();
        assert!(acme.mailed(text).await.is_empty());
        assert_eq!(acme.named(text).await, None);
    }
}

async fn only_a_transaction_makes_two_changes(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let both = |a: &str, b: &str| (user(a, &[]), user(b, &[]));
    let (ada, bob) = both("ada", "bob");
    let done: Result<(), StoreError> = acme
        .transaction("two", move |w| {
            w.insert(&ada)?;
            w.insert(&bob)
        })
        .await;
    done.unwrap();
    assert_eq!(acme.total().await, 2);
    let before = bed.rows();
    let (cyd, bob) = both("cyd", "bob");
    let done: Result<(), StoreError> = acme
        .transaction("two", move |w| {
            w.insert(&cyd)?;
            w.insert(&bob)
        })
        .await;
    assert_eq!(done, Err(StoreError::Conflict { attr: USER_NAME }));
    assert_eq!(bed.rows(), before);
    assert_eq!(acme.named("cyd").await, None);

    let (dan, eve) = both("dan", "eve");
    let done: Result<(), StoreError> = acme
        .write("two", move |w| {
            w.insert(&dan)?;
            w.insert(&eve)
        })
        .await;
    assert!(matches!(done, Err(StoreError::Internal(_))), "{done:?}");
    assert_eq!(acme.named("eve").await, None);
}

#[test]
fn a_diff_is_what_goes_and_what_comes() {
    let (old, new) = (keys("ada", &["a", "b"]), keys("bob", &["a", "c", "b"]));
    let (removed, added) = Keys::diff(&old, &new);
    assert_eq!(removed, Keys::new(vec![unique("ada")], vec![email(1, "b")]));
    assert_eq!(
        added,
        Keys::new(vec![unique("bob")], vec![email(1, "c"), email(2, "b")])
    );
    assert_eq!(Keys::diff(&old, &old), (Keys::default(), Keys::default()));
}

#[test]
fn kinds_of_change_have_codes() {
    for kind in [ChangeKind::Create, ChangeKind::Update, ChangeKind::Delete] {
        assert_eq!(ChangeKind::from_code(kind.code()), Some(kind));
    }
    assert_eq!(ChangeKind::from_code(0), None);
}

//! Several who write at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::support::*;
use crate::store::{Keys, StoreError};

stories![
    one_of_fifty_updates_of_the_same_version_wins,
    one_of_two_inserts_of_the_same_name_wins,
    sixteen_read_modify_writers_lose_nothing,
    counts_are_right_after_concurrent_inserts,
    names_can_be_swapped_around_by_many,
];

async fn one_of_fifty_updates_of_the_same_version_wins(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let ada = user("ada", &[]);
    acme.add(&ada).await.unwrap();
    let old = acme.find(ada.id).await.unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let (acme, update) = (
                acme.clone(),
                renamed(&old, &ada.keys, &format!("ada{number}"), &["a@x"]),
            );
            tokio::spawn(async move { acme.put(&update).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error, StoreError::Stale),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(acme.find(ada.id).await.unwrap().version, 2);
    assert_eq!(acme.mailed("a@x").await, [ada.id]);
    let changes = acme.changes(2).await;
    assert_eq!(changes.len(), 2);
}

async fn one_of_two_inserts_of_the_same_name_wins(bed: Bed) {
    let acme = bed.tenant("acme").await;
    for round in 1..=20 {
        let name = format!("ada{round}");
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (acme, new) = (acme.clone(), user(&name, &["a@x"]));
                tokio::spawn(async move { acme.add(&new).await })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => won += 1,
                Err(error) => assert_eq!(error, StoreError::Conflict { attr: USER_NAME }),
            }
        }
        assert_eq!(won, 1);
        assert_eq!(acme.total().await, round);
    }
    let rows: std::collections::BTreeMap<_, _> = bed.rows().into_iter().collect();
    assert_eq!(
        (
            rows["resource"],
            rows["attr_unique"],
            rows["attr_index"],
            rows["change"]
        ),
        (20, 20, 20, 20)
    );
}

async fn sixteen_read_modify_writers_lose_nothing(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let mut ada = user("ada", &[]);
    ada.doc = "0".to_owned();
    acme.add(&ada).await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (acme, id, runs) = (acme.clone(), ada.id, Arc::clone(&runs));
            tokio::spawn(async move {
                for _ in 0..5 {
                    let runs = Arc::clone(&runs);
                    let done: Result<(), StoreError> = acme
                        .write("add one", move |w| {
                            runs.fetch_add(1, Ordering::Relaxed);
                            let old = w.get(USER, id)?.unwrap();
                            let mut update = renamed(&old, &Keys::default(), "ada", &[]);
                            update.added = Keys::default();
                            update.doc = (old.doc.parse::<u32>().unwrap() + 1).to_string();
                            w.update(&update)
                        })
                        .await;
                    done.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let found = acme.find(ada.id).await.unwrap();
    assert_eq!((found.doc.as_str(), found.version), ("80", 81));
    let runs = runs.load(Ordering::Relaxed);
    assert!(runs >= 80 && (bed.is_postgres() || runs == 80), "{runs}");
}

async fn counts_are_right_after_concurrent_inserts(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let (acme, new) = (
                acme.clone(),
                user(&format!("user{}", number % 80), &["a@x"]),
            );
            tokio::spawn(async move { acme.add(&new).await.is_ok() })
        })
        .collect();
    let mut inserted = 0;
    for task in tasks {
        inserted += i64::from(task.await.unwrap());
    }
    assert_eq!(inserted, 80);
    let (page, total) = acme.read(|r| r.page(USER, 0, 1000)).await.unwrap();
    assert_eq!((page.len(), total, acme.total().await), (80, 80, 80));
}

/// Many renames that cross: the database may have to break deadlocks, and nobody sees them.
async fn names_can_be_swapped_around_by_many(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let users: Vec<_> = (0..4)
        .map(|number| user(&format!("user{number}"), &[]))
        .collect();
    for new in &users {
        acme.add(new).await.unwrap();
    }
    let tasks: Vec<_> = (0..40)
        .map(|number: usize| {
            let (acme, id) = (acme.clone(), users[number % 4].id);
            tokio::spawn(async move {
                acme.write("rename", move |w| {
                    let old = w.get(USER, id)?.unwrap();
                    let was: String = old.doc.split('"').nth(3).unwrap().to_owned();
                    let name = format!("user{}", number * 7 % 9);
                    w.update(&renamed(&old, &keys(&was, &[]), &name, &[]))
                })
                .await
            })
        })
        .collect();
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => unreachable!("{error}"),
        }
    }
    for new in &users {
        let found = acme.find(new.id).await.unwrap();
        let name = found.doc.split('"').nth(3).unwrap().to_owned();
        assert_eq!(acme.named(&name).await.unwrap().id, new.id);
    }
    let rows: std::collections::BTreeMap<_, _> = bed.rows().into_iter().collect();
    assert_eq!(rows["attr_unique"], 4);
}

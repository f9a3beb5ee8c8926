//! The row of changes: in order, and without gaps for whoever reads on.

use std::time::Duration;

use super::support::*;
use crate::store::sql::Sql;
use crate::store::{ChangeKind, Position, StoreError};

stories![
    changes_tell_what_happened,
    reading_on_misses_nothing,
    a_reader_waits_for_what_commits_late,
];

async fn changes_tell_what_happened(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let ada = user("ada", &[]);
    acme.add(&ada).await.unwrap();
    let old = acme.find(ada.id).await.unwrap();
    let update = renamed(&old, &ada.keys, "bob", &[]);
    acme.put(&update).await.unwrap();
    let old = acme.find(ada.id).await.unwrap();
    let delete = deletion(&old, &keys("bob", &[]));
    acme.remove(&delete).await.unwrap();

    let changes = acme.changes(3).await;
    let expected = [(&ada.change, 1), (&update.change, 2), (&delete.change, 3)];
    assert_eq!(changes.len(), expected.len());
    for (row, (change, version)) in changes.iter().zip(expected) {
        assert_eq!(
            (row.position.id, row.rtype, row.rid),
            (change.id, USER, ada.id)
        );
        assert_eq!(
            (row.kind, row.version, row.at),
            (change.kind, version, change.at)
        );
        assert_eq!(
            (&row.attributes, &row.actor),
            (&change.attributes, &change.actor)
        );
    }
}

async fn reading_on_misses_nothing(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let acme = acme.clone();
            tokio::spawn(async move {
                for number in 0..10 {
                    acme.add(&user(&format!("user{writer}-{number}"), &[]))
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    let mut seen: Vec<Position> = Vec::new();
    let mut idle = 0;
    while seen.len() < 80 && idle < 5000 {
        let after = seen.last().copied();
        let part = acme.read(move |r| r.changes(after, 7)).await.unwrap();
        idle = if part.is_empty() { idle + 1 } else { 0 };
        tokio::time::sleep(Duration::from_millis(1)).await;
        seen.extend(part.iter().map(|change| change.position));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let all = acme.changes(80).await;
    let all: Vec<_> = all.iter().map(|change| change.position).collect();
    assert_eq!((seen.len(), &seen), (80, &all));
    assert!(all.is_sorted());
}

/// A transaction writes a change and commits after later changes did.
async fn a_reader_waits_for_what_commits_late(bed: Bed) {
    if !bed.is_postgres() {
        return;
    }
    let acme = bed.tenant("acme").await;
    let mut slow = bed.raw();
    let id = next_id();
    slow.begin().unwrap();
    slow.exec(
        Sql::new(
            "INSERT INTO change (tenant_id, position, change_id, rtype, rid, kind, version, attributes, actor, at)
             SELECT ?, pg_current_xact_id()::text::bigint, ?, 1, ?, 1, 1, '[]', '', 0",
        )
        .bind(acme.id())
        .bind(id)
        .bind(id),
    )
    .unwrap();

    acme.add(&user("ada", &[])).await.unwrap();
    assert!(acme.read(|r| r.changes(None, 10)).await.unwrap().is_empty());
    slow.commit().unwrap();
    let changes = acme.changes(2).await;
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0].position.id, id);
}

#[tokio::test]
async fn a_failed_change_takes_no_position() {
    let bed = Bed::sqlite();
    let acme = bed.tenant("acme").await;
    acme.add(&user("ada", &[])).await.unwrap();
    assert!(matches!(
        acme.add(&user("ada", &[])).await,
        Err(StoreError::Conflict { .. })
    ));
    acme.add(&user("bob", &[])).await.unwrap();
    let changes = acme.read(|r| r.changes(None, 10)).await.unwrap();
    let positions: Vec<_> = changes
        .iter()
        .map(|change| (change.position.position, change.kind))
        .collect();
    assert_eq!(
        positions,
        [(1, ChangeKind::Create), (2, ChangeKind::Create)]
    );
}

//! A tenant never sees, counts, finds or changes what is another's, and leaves nothing when it goes.

use super::support::*;
use crate::store::{IndexRow, IndexState, StoreError, TenantStore};

stories![
    one_tenant_never_meets_the_other,
    a_deleted_tenant_leaves_no_row,
    nothing_is_written_for_a_tenant_that_is_gone,
];

async fn one_tenant_never_meets_the_other(bed: Bed) {
    let (a, b) = (bed.tenant("a").await, bed.tenant("b").await);
    let theirs = user("ada", &["a@x"]);
    b.add(&theirs).await.unwrap();
    let old = b.find(theirs.id).await.unwrap();

    assert_eq!(a.find(theirs.id).await, None);
    assert_eq!(a.named("ada").await, None);
    assert!(a.mailed("a@x").await.is_empty());
    assert_eq!(a.read(|r| r.page(USER, 0, 10)).await.unwrap(), (vec![], 0));
    assert!(a.read(|r| r.scan(USER, None, 10)).await.unwrap().is_empty());
    assert!(
        a.read(move |r| r.by_ids(USER, &[theirs.id]))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(a.read(|r| r.changes(None, 10)).await.unwrap().is_empty());
    assert_eq!(a.total().await, 0);

    assert_eq!(
        a.put(&renamed(&old, &theirs.keys, "eve", &[])).await,
        Err(StoreError::Stale)
    );
    assert_eq!(
        a.remove(&deletion(&old, &theirs.keys)).await,
        Err(StoreError::Stale)
    );
    assert_eq!(b.find(theirs.id).await, Some(old));

    // The same name and even the same id are another resource here.
    let mut ours = user("ada", &["a@x"]);
    ours.id = theirs.id;
    a.add(&ours).await.unwrap();
    let old = a.find(ours.id).await.unwrap();
    a.remove(&deletion(&old, &ours.keys)).await.unwrap();
    assert_eq!(b.named("ada").await.unwrap().id, theirs.id);
    assert_eq!(b.mailed("a@x").await, [theirs.id]);
    assert_eq!(b.total().await, 1);
}

/// A row in every table of definitions.
async fn define(tenant: &TenantStore) {
    let defined = tenant.redefine(|tx| {
        tx.hold_definitions()?;
        tx.put_schema("urn:x:y", "{}")?;
        tx.put_type("thing", 100, "{}")?;
        let index = IndexRow {
            id: 1_000,
            rtype: 100,
            path: "a".to_owned(),
            state: IndexState::Ready,
        };
        tx.put_index(&index, 1)?;
        tx.bump()?;
        Ok::<_, StoreError>(())
    });
    defined.await.unwrap();
}

async fn a_deleted_tenant_leaves_no_row(bed: Bed) {
    let directory = bed.store.directory();
    let a = bed.tenant("a").await;
    let ada = user("ada", &["a@x"]);
    a.add(&ada).await.unwrap();
    a.add(&group("team", &[ada.id])).await.unwrap();
    directory
        .create_token(&super::directory::token(a.id(), "aaaa"))
        .await
        .unwrap();
    define(&a).await;
    let before = bed.rows();
    let b = bed.tenant("b").await;
    define(&b).await;
    b.add(&ada).await.unwrap();
    b.add(&group("team", &[ada.id])).await.unwrap();
    directory
        .create_token(&super::directory::token(b.id(), "bbbb"))
        .await
        .unwrap();
    assert!(
        bed.rows().iter().all(|(_, rows)| *rows > 0),
        "{:?}",
        bed.rows()
    );

    assert!(directory.delete_tenant(b.id()).await.unwrap());
    assert_eq!(bed.rows(), before);
    assert!(!directory.delete_tenant(b.id()).await.unwrap());
    assert!(directory.delete_tenant(a.id()).await.unwrap());
    assert!(
        bed.rows().iter().all(|(_, rows)| *rows == 0),
        "{:?}",
        bed.rows()
    );
}

async fn nothing_is_written_for_a_tenant_that_is_gone(bed: Bed) {
    let a = bed.tenant("a").await;
    let directory = bed.store.directory();
    directory.delete_tenant(a.id()).await.unwrap();
    assert_eq!(a.add(&user("ada", &[])).await, Err(StoreError::NoTenant));
    let token = super::directory::token(a.id(), "aaaa");
    assert_eq!(
        directory.create_token(&token).await,
        Err(StoreError::NoTenant)
    );

    // Deleted while others write.
    let b = bed.tenant("b").await;
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let (b, new) = (b.clone(), user(&format!("user{number}"), &["a@x"]));
            tokio::spawn(async move { b.add(&new).await })
        })
        .collect();
    directory.delete_tenant(b.id()).await.unwrap();
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) | Err(StoreError::NoTenant) => {}
            Err(error) => unreachable!("{error}"),
        }
    }
    assert!(
        bed.rows().iter().all(|(_, rows)| *rows == 0),
        "{:?}",
        bed.rows()
    );
}

//! Tenants, tokens and settings.

use super::support::*;
use crate::store::{StoreError, TenantId, TokenRow, TokenUse};

stories![
    tenants_live,
    tokens_live,
    settings_are_set_once,
    one_of_many_sets_a_setting
];

pub(super) fn token(tenant: TenantId, public_id: &str) -> TokenRow {
    TokenRow {
        id: next_id(),
        tenant,
        public_id: public_id.to_owned(),
        digest: vec![0, 1, 254, 255],
        name: "laptop".to_owned(),
        description: None,
        scopes: vec!["scim:read".to_owned(), "scim:write".to_owned()],
        created: now(),
        expires: Some(now()),
        revoked: None,
        last_used: None,
        last_used_from: None,
    }
}

async fn tenants_live(bed: Bed) {
    let directory = bed.store.directory();
    let mut rows: Vec<_> = ["b", "a-1", "a", "c"].into_iter().map(tenant).collect();
    for row in &rows {
        directory.create_tenant(row).await.unwrap();
    }
    assert_eq!(
        directory.create_tenant(&tenant("a")).await,
        Err(StoreError::SlugTaken)
    );
    assert_eq!(directory.count_tenants().await.unwrap(), 4);
    rows.sort_by(|x, y| x.slug.cmp(&y.slug));
    assert_eq!(directory.list_tenants(None, 10).await.unwrap(), rows);
    assert_eq!(
        directory
            .list_tenants(Some("a".to_owned()), 2)
            .await
            .unwrap(),
        rows[1..3]
    );
    assert_eq!(
        directory.tenant_by_slug("a").await.unwrap().as_ref(),
        rows.first()
    );
    assert_eq!(directory.tenant_by_slug("A").await.unwrap(), None);

    let mut row = rows[0].clone();
    row.display_name = Some("Acme".to_owned());
    row.policy = r#"{"mode":"strict"}"#.to_owned();
    row.suspended = true;
    assert!(directory.update_tenant(&row).await.unwrap());
    assert_eq!(directory.tenant_by_id(row.id).await.unwrap(), Some(row));
    assert!(!directory.update_tenant(&tenant("z")).await.unwrap());
    assert_eq!(directory.tenant_by_id(tenant("z").id).await.unwrap(), None);
}

async fn tokens_live(bed: Bed) {
    let directory = bed.store.directory();
    let acme = bed.tenant("acme").await.id();
    let other = bed.tenant("other").await.id();
    let (first, second) = (token(acme, "aaaa"), token(acme, "bbbb"));
    directory.create_token(&first).await.unwrap();
    directory.create_token(&second).await.unwrap();
    assert!(directory.create_token(&token(other, "aaaa")).await.is_err());
    assert_eq!(
        directory.list_tokens(acme).await.unwrap(),
        [first.clone(), second.clone()]
    );
    assert!(directory.list_tokens(other).await.unwrap().is_empty());
    assert_eq!(
        directory.token_by_public_id("aaaa").await.unwrap(),
        Some(first.clone())
    );
    assert_eq!(directory.token_by_public_id("cccc").await.unwrap(), None);

    assert!(!directory.revoke_token(other, first.id, 5).await.unwrap());
    assert!(directory.revoke_token(acme, first.id, 7).await.unwrap());
    assert!(directory.revoke_token(acme, first.id, 9).await.unwrap());
    let used = |token: &TokenRow, at, from: Option<&str>| TokenUse {
        id: token.id,
        at,
        from: from.map(str::to_owned),
    };
    let uses = [used(&first, 50, Some("::1")), used(&second, 60, None)];
    directory.touch_tokens(&uses).await.unwrap();
    directory
        .touch_tokens(&[used(&first, 40, Some("old"))])
        .await
        .unwrap();
    directory.touch_tokens(&[]).await.unwrap();
    let found = directory.token_by_public_id("aaaa").await.unwrap().unwrap();
    assert_eq!(
        (
            found.revoked,
            found.last_used,
            found.last_used_from.as_deref()
        ),
        (Some(7), Some(50), Some("::1"))
    );
    let found = directory.token_by_public_id("bbbb").await.unwrap().unwrap();
    assert_eq!(
        (found.revoked, found.last_used, found.last_used_from),
        (None, Some(60), None)
    );
    assert!(!format!("{first:?}").contains("254"));
}

async fn settings_are_set_once(bed: Bed) {
    let directory = bed.store.directory();
    assert_eq!(directory.setting("key").await.unwrap(), None);
    assert_eq!(
        directory.put_setting_if_absent("key", "one").await.unwrap(),
        "one"
    );
    assert_eq!(
        directory.put_setting_if_absent("key", "two").await.unwrap(),
        "one"
    );
    directory.put_setting("key", "three").await.unwrap();
    assert_eq!(
        directory.setting("key").await.unwrap().as_deref(),
        Some("three")
    );
}

async fn one_of_many_sets_a_setting(bed: Bed) {
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let directory = bed.store.directory();
            tokio::spawn(async move {
                directory
                    .put_setting_if_absent("key", &number.to_string())
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut values = std::collections::BTreeSet::new();
    for task in tasks {
        values.insert(task.await.unwrap());
    }
    assert_eq!(values.len(), 1);
}

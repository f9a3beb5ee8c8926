//! When something is wrong: panics, queues, deadlines, dead databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::support::*;
use crate::store::{Store, StoreError, TenantStore};

stories![
    a_panic_is_an_error_and_nothing_more,
    a_failing_job_harms_nobody_beside_it,
    a_full_queue_is_unavailable,
    what_waited_too_long_is_not_done,
    a_hanging_job_does_not_hold_its_caller,
    a_caller_may_go,
    a_closed_store_is_unavailable,
    a_ping_answers,
    what_failed_in_a_transaction_is_not_kept,
];

fn panicking<T>() -> T {
    unreachable!("on purpose")
}

async fn a_panic_is_an_error_and_nothing_more(bed: Bed) {
    let acme = bed.tenant("acme").await;
    for round in 0..8 {
        let read: Result<(), _> = acme.read(|_| panicking()).await;
        assert!(matches!(read, Err(StoreError::Internal(_))), "{read:?}");
        let new = user(&format!("user{round}"), &[]);
        let written: Result<(), StoreError> = acme
            .transaction("panic", move |w| {
                w.insert(&new)?;
                panicking()
            })
            .await;
        assert!(
            matches!(written, Err(StoreError::Internal(_))),
            "{written:?}"
        );
        acme.add(&user(&format!("other{round}"), &[]))
            .await
            .unwrap();
    }
    assert_eq!(acme.total().await, 8);
    assert_eq!(acme.named("user0").await, None);
}

async fn a_failing_job_harms_nobody_beside_it(bed: Bed) {
    let acme = bed.tenant("acme").await;
    acme.add(&user("taken", &[])).await.unwrap();
    let tasks: Vec<_> = (0..60)
        .map(|number| {
            let acme = acme.clone();
            tokio::spawn(async move {
                let new = user(
                    &if number % 3 == 0 {
                        "taken".to_owned()
                    } else {
                        format!("user{number}")
                    },
                    &["a@x"],
                );
                let done: Result<(), StoreError> = acme
                    .transaction("mixed", move |w| {
                        w.insert(&new)?;
                        match number % 3 {
                            1 => Err(StoreError::SlugTaken),
                            _ => Ok(()),
                        }
                    })
                    .await;
                (number, done)
            })
        })
        .collect();
    for task in tasks {
        let (number, done) = task.await.unwrap();
        let expected = match number % 3 {
            0 => Err(StoreError::Conflict { attr: USER_NAME }),
            1 => Err(StoreError::SlugTaken),
            _ => Ok(()),
        };
        assert_eq!(done, expected, "{number}");
    }
    assert_eq!(
        (acme.total().await, acme.mailed("a@x").await.len()),
        (21, 20)
    );
}

/// Occupies a database thread until the sender is dropped.
fn occupy(
    acme: &TenantStore,
    write: bool,
) -> (
    std::sync::mpsc::Sender<()>,
    tokio::task::JoinHandle<Result<(), StoreError>>,
) {
    let (free, wait) = std::sync::mpsc::channel();
    let wait = std::sync::Mutex::new(wait);
    let acme = acme.clone();
    let task = tokio::spawn(async move {
        let block = move || {
            let _ = wait.lock().unwrap().recv();
            Ok(())
        };
        if write {
            acme.write("block", move |_| block()).await
        } else {
            acme.read(move |_| block()).await
        }
    });
    (free, task)
}

async fn a_full_queue_is_unavailable(bed: Bed) {
    let bed = bed.tuned(|options| {
        options.readers = 1;
        options.queue = 2;
    });
    let acme = bed.tenant("acme").await;
    let (free, first) = occupy(&acme, false);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let acme = acme.clone();
            tokio::spawn(async move { acme.total().await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = acme.read(|r| r.count(USER)).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    drop(free);
    first.await.unwrap().unwrap();
    for task in waiting {
        assert_eq!(task.await.unwrap(), 0);
    }
}

async fn what_waited_too_long_is_not_done(bed: Bed) {
    let bed = bed.tuned(|options| {
        options.readers = 1;
        options.timeout = Duration::from_millis(600);
    });
    let acme = bed.tenant("acme").await;
    let (free, first) = occupy(&acme, true);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    let late = acme.add(&user("ada", &[])).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    assert!(begun.elapsed() < Duration::from_secs(2));
    drop(free);
    let _ = first.await;
    acme.add(&user("bob", &[])).await.unwrap();
    assert_eq!((acme.named("ada").await, acme.total().await), (None, 1));
}

async fn a_hanging_job_does_not_hold_its_caller(bed: Bed) {
    let bed = bed.tuned(|options| options.timeout = Duration::from_millis(300));
    let acme = bed.tenant("acme").await;
    let (free, first) = occupy(&acme, false);
    let begun = Instant::now();
    let answer = first.await.unwrap();
    assert!(
        matches!(answer, Err(StoreError::Unavailable(_))),
        "{answer:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(2));
    drop(free);
    assert_eq!(acme.total().await, 0);
}

async fn a_caller_may_go(bed: Bed) {
    let acme = bed.tenant("acme").await;
    for number in 0..30 {
        let (acme, new) = (acme.clone(), user(&format!("user{number}"), &[]));
        let task = tokio::spawn(async move { acme.add(&new).await });
        tokio::time::sleep(Duration::from_micros(number * 50)).await;
        task.abort();
    }
    acme.add(&user("last", &[])).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (page, total) = acme.read(|r| r.page(USER, 0, 100)).await.unwrap();
    assert_eq!(i64::try_from(page.len()).unwrap(), total);
    assert!(acme.named("last").await.is_some());
}

async fn a_closed_store_is_unavailable(bed: Bed) {
    let acme = bed.tenant("acme").await;
    acme.add(&user("ada", &[])).await.unwrap();
    bed.store.close();
    bed.store.close();
    let read = acme.read(|r| r.count(USER)).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    let write = acme.add(&user("bob", &[])).await;
    assert!(
        matches!(write, Err(StoreError::Unavailable(_))),
        "{write:?}"
    );
    if let Some(path) = bed.url.strip_prefix("sqlite:") {
        assert!(!std::path::Path::new(&format!("{path}-wal")).exists());
    }
}

async fn a_ping_answers(bed: Bed) {
    bed.store.ping().await.unwrap();
    bed.store.inner.health.set_full(true);
    bed.store.ping().await.unwrap();
    assert!(!bed.store.inner.health.is_full());
}

async fn what_failed_in_a_transaction_is_not_kept(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let (new, mut twice) = (user("ada", &[]), user("bob", &[]));
    twice.id = new.id;
    let runs = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&runs);
    let done: Result<(), StoreError> = acme
        .transaction("careless", move |w| {
            counter.fetch_add(1, Ordering::Relaxed);
            w.insert(&new)?;
            let _ = w.insert(&twice);
            Ok(())
        })
        .await;
    assert!(matches!(done, Err(StoreError::Internal(_))), "{done:?}");
    assert_eq!((acme.total().await, runs.load(Ordering::Relaxed)), (0, 1));
}

#[tokio::test]
async fn lost_connections_are_replaced() {
    let Some(bed) = Bed::postgres() else { return };
    let acme = bed.tenant("acme").await;
    for _ in 0..3 {
        // All the store's connections end.
        bed.raw()
            .say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            .unwrap();
        let mut failed = 0;
        for _ in 0..20 {
            match acme.read(|r| r.count(USER)).await {
                Ok(total) => assert_eq!(total, 0),
                Err(StoreError::Unavailable(_)) => failed += 1,
                Err(error) => unreachable!("{error}"),
            }
        }
        assert!(failed <= 1, "{failed}");
    }
}

#[test]
fn a_wrong_address_is_one_clear_line() {
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(
        dir.path().join("text"),
        "this is not a database, but long enough to look like one ".repeat(40),
    )
    .unwrap();
    let path = dir.path().display();
    for (url, says) in [
        (
            "postgres://ada:geheim@127.0.0.1:1/x".to_owned(),
            "127.0.0.1:1/x",
        ),
        (
            "postgres://ada:geheim@no.such.host.invalid/x".to_owned(),
            "no.such.host.invalid/x",
        ),
        (
            "postgres://ada:gehe%im@127.0.0.1:1/x".to_owned(),
            "127.0.0.1:1/x",
        ),
        ("postgres://ada:geheim@[::1/x".to_owned(), "cannot connect"),
        (format!("sqlite:{path}/no/such/dir.db"), "/no/such/dir.db"),
        (format!("sqlite:{path}"), "cannot open the database"),
        (format!("sqlite:{path}/text"), "not a database"),
    ] {
        let begun = Instant::now();
        let error = Store::open(&options(&url)).unwrap_err().to_string();
        assert!(error.contains(says), "{url}: {error}");
        assert!(
            !error.contains('\n') && !error.contains("geheim") && !error.contains("gehe%im"),
            "{error}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5), "{url}");
    }
}

#[test]
fn only_one_serves_a_file() {
    let (url, _home) = Bed::empty_sqlite();
    let mut serve = options(&url);
    serve.exclusive = true;
    let first = Store::open(&serve).unwrap();
    let error = Store::open(&serve).unwrap_err().to_string();
    assert!(error.contains("another scimd serves it"), "{error}");
    // Other commands work beside it.
    Store::open(&options(&url)).unwrap().migrate().unwrap();
    first.close();
    drop(first);
    Store::open(&serve).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (url, _home) = Bed::empty_sqlite();
    let store = Store::open(&options(&url)).unwrap();
    store.migrate().unwrap();
    // The log is there while somebody is connected.
    store.ping().await.unwrap();
    let path = url.strip_prefix("sqlite:").unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let mode = std::fs::metadata(format!("{path}{suffix}"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
    store.close();
}

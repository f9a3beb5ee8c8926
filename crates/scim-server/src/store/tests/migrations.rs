//! Migrations: run once however many start, and the same on both databases.

use diesel::sql_types::Text;

use super::support::*;
use crate::store::Store;
use crate::store::sql::Sql;

fn migrate_by_many(url: &str) {
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let url = url.to_owned();
            std::thread::spawn(move || {
                let store = Store::open(&options(&url)).unwrap();
                store.pending_migrations().unwrap();
                store.migrate().unwrap();
                assert!(!store.pending_migrations().unwrap());
                store.close();
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn many_nodes_migrate_sqlite_at_once() {
    let (url, _home) = Bed::empty_sqlite();
    migrate_by_many(&url);
}

#[test]
fn many_nodes_migrate_postgres_at_once() {
    if let Some((url, _home)) = Bed::empty_postgres() {
        migrate_by_many(&url);
    }
}

#[test]
fn an_empty_database_has_pending_migrations() {
    let (url, _home) = Bed::empty_sqlite();
    let store = Store::open(&options(&url)).unwrap();
    assert!(store.pending_migrations().unwrap());
    store.migrate().unwrap();
    store.migrate().unwrap();
    assert!(!store.pending_migrations().unwrap());
    store.close();
}

#[test]
fn both_databases_have_the_same_columns() {
    let Some(postgres) = Bed::postgres() else {
        return;
    };
    let sqlite = Bed::sqlite();
    let columns = |bed: &Bed, sql| {
        let rows = bed
            .raw()
            .load::<(Text, Text), (String, String)>(Sql::new(sql))
            .unwrap();
        assert!(rows.len() > 40);
        rows
    };
    let there = columns(
        &postgres,
        "SELECT table_name::text, column_name::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%' ORDER BY table_name::text COLLATE \"C\", ordinal_position",
    );
    let here = columns(
        &sqlite,
        "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' ORDER BY m.name, c.cid",
    );
    assert_eq!(there, here);
}

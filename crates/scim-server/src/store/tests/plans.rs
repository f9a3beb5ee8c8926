//! How the databases carry out the statements that could go wrong: every table is entered through its primary key, however small it was when the plan
//! was made.

use diesel::sql_types::{Integer, Text};

use super::support::*;
use crate::store::changing::KeyText;
use crate::store::sql::Sql;
use crate::store::{Reader, Writer};

stories![keys_and_documents_are_probed_one_by_one];

/// The plan as one text.
fn explain(bed: &Bed, sql: Sql<'_>) -> String {
    let mut conn = bed.raw();
    let lines: Vec<String> = if bed.is_postgres() {
        let rows = conn
            .load::<(Text,), (String,)>(Sql::new("EXPLAIN ").append(sql))
            .unwrap();
        rows.into_iter().map(|(line,)| line).collect()
    } else {
        let sql = Sql::new("EXPLAIN QUERY PLAN ").append(sql);
        let rows = conn.load::<(Integer, Integer, Integer, Text), (i32, i32, i32, String)>(sql);
        rows.unwrap()
            .into_iter()
            .map(|(_, _, _, line)| line)
            .collect()
    };
    lines.join("\n")
}

async fn keys_and_documents_are_probed_one_by_one(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let ada = user("ada", &["a@x"]);
    acme.add(&ada).await.unwrap();
    let mut conn = bed.raw();
    let dialect = conn.dialect();
    let writer = Writer {
        reader: Reader {
            conn: &mut conn,
            tenant: acme.id(),
            held: false,
        },
        several: false,
    };
    let scope = writer.scope(USER, ada.id);
    let text = KeyText::new(&ada.keys).unwrap();
    let mut removal = scope.remove_keys(&ada.keys, &text).into_iter();
    let list = "[]".to_owned();
    let documents = Sql::new("WITH p AS MATERIALIZED (SELECT ")
        .then(dialect.listed_id())
        .then(" AS rid FROM ")
        .then(dialect.list())
        .bind(&list)
        .then(") SELECT r.doc")
        .then(dialect.documents())
        .bind(acme.id())
        .bind(USER);
    // A guard of its own in place of the one in a plan.
    let guarded = |sql| {
        if bed.is_postgres() {
            Sql::new("WITH g AS (SELECT 1) ").append(sql)
        } else {
            sql
        }
    };
    let statements = [
        (guarded(removal.next().unwrap()), "tenant_id, attr_id, skey"),
        (
            guarded(removal.next().unwrap()),
            "tenant_id, attr_id, skey, rid, elem",
        ),
        (scope.taken(&text).unwrap(), "tenant_id, attr_id, skey"),
        (documents, "tenant_id, rtype, rid"),
    ];
    for (sql, columns) in statements {
        let plan = explain(&bed, sql);
        assert!(
            !plan.contains("Seq Scan") && !plan.contains("Hash Join"),
            "{plan}"
        );
        assert!(
            !plan.contains("SCAN attr_") && !plan.contains("SCAN r") && !plan.contains("SCAN x"),
            "{plan}"
        );
        for column in columns.split(", ") {
            let used = |line: &str| {
                line.contains(&format!("{column} =")) || line.contains(&format!("{column}=?"))
            };
            assert!(
                plan.lines()
                    .any(|line| used(line) && !line.contains("Filter")),
                "{column}: {plan}"
            );
        }
    }
}

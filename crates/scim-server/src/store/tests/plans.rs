//! How the databases carry out the statements that could go wrong: every table is entered through its primary key, however small it was when the plan
//! was made.

use diesel::sql_types::{Integer, Text};

use super::support::*;
use crate::store::changing::KeyText;
use crate::store::members::changing::MemberText;
use crate::store::query::{Begin, Elements, KeyTable, Order, Set, Test};
use crate::store::sql::Sql;
use crate::store::{Holders, Members, Moved, Reader, Writer};

stories![
    filters_and_orders_are_ranges_of_keys,
    keys_and_documents_are_probed_one_by_one,
    members_are_probed_one_by_one,
];

/// The plan as one text: on `PostgreSQL` the one that is made without looking at the values, as all are.
fn explain(bed: &Bed, sql: Sql<'_>) -> String {
    let mut conn = bed.raw();
    let lines: Vec<String> = if bed.is_postgres() {
        let (text, values) = sql.numbered();
        let nulls = vec!["NULL"; values].join(", ");
        conn.say(&format!("DEALLOCATE ALL; PREPARE explained AS {text}"))
            .unwrap();
        let words = format!("EXPLAIN EXECUTE explained({nulls})");
        let rows = conn.load::<(Text,), (String,)>(Sql::new(words.leak()));
        rows.unwrap().into_iter().map(|(line,)| line).collect()
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
            marks: false,
        },
        several: false,
        schema: Some(1),
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
    let guarded = |sql| guarded(&bed, sql);
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
        probes(&bed, sql, columns);
    }
}

/// A statement enters every table by an index, the tables of keys by one range of it, told by these columns.
fn ranges(bed: &Bed, sql: Sql<'_>, columns: &str) {
    let plan = explain(bed, sql);
    assert!(!plan.contains("Seq Scan"), "{plan}");
    for table in ["attr_", "k", "r", "x", "m", "resource", "group_member"] {
        assert!(!plan.contains(&format!("SCAN {table}")), "{plan}");
    }
    let enters = |line: &&str| line.contains("Index Cond") || line.contains("SEARCH");
    let told = |line: &str| columns.split(", ").all(|column| line.contains(column));
    assert!(plan.lines().filter(enters).any(told), "{columns}: {plan}");
}

async fn filters_and_orders_are_ranges_of_keys(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let ada = user("ada", &["a@x"]);
    acme.add(&ada).await.unwrap();
    let mut conn = bed.raw();
    let reader = Reader {
        conn: &mut conn,
        tenant: acme.id(),
        held: false,
        marks: true,
    };
    let key = || "a".to_owned();
    let (whole, value) = ("tenant_id, attr_id, skey", "tenant_id, attr_id");
    let keyed = |test| keyed(EMAIL, test);
    let boxed = |test| Box::new(keyed(test));
    let element = |test| match keyed(test) {
        Set::Keys(keyed) => Box::new(Elements::Keys(keyed)),
        other => panic!("{other:?}"),
    };
    let begin = Begin::Offset(0);
    for (set, columns) in [
        (keyed(Test::Equal(key())), whole),
        (keyed(Test::prefix(key())), whole),
        (keyed(Test::Greater(key())), whole),
        (keyed(Test::AtLeast(key())), whole),
        (keyed(Test::Less(key())), whole),
        (keyed(Test::AtMost(key())), whole),
        (keyed(Test::Contains(key())), value),
        (keyed(Test::Suffix(key())), value),
        (keyed(Test::Any), value),
        (
            Set::And(boxed(Test::Equal(key())), boxed(Test::prefix(key()))),
            whole,
        ),
        (Set::Or(boxed(Test::Equal(key())), boxed(Test::Any)), whole),
        (Set::Not(boxed(Test::Equal(key()))), whole),
        (
            Set::Element(Elements::And(
                element(Test::Equal(key())),
                element(Test::Contains(key())),
            )),
            whole,
        ),
        (Set::Id(ada.id), "tenant_id, rtype, rid"),
        (Set::Holding(ada.id), "tenant_id, member_id"),
        (Set::Below(ada.id), "tenant_id, group_id"),
    ] {
        ranges(&bed, reader.page_of(USER, &set, &begin, 10), columns);
        let counted = reader.set(USER, &set, "SELECT count(*) FROM (").then(") s");
        ranges(&bed, counted, columns);
        for descending in [false, true] {
            let order = order(descending);
            let sql = reader.sorted_page(USER, &set, order, &begin, 10);
            ranges(&bed, sql, columns);
        }
    }
    for descending in [false, true] {
        for from in [Begin::Offset(3), Begin::After(Some(key()), ada.id)] {
            let sql = reader.walk(USER, order(descending), &from, 10).unwrap();
            let plan = explain(&bed, sql.clone());
            // The keys are in order already.
            assert!(!plan.contains("Sort") && !plan.contains("B-TREE"), "{plan}");
            let columns = if from == Begin::Offset(3) {
                value
            } else {
                whole
            };
            ranges(&bed, sql, columns);
        }
    }
}

fn order(descending: bool) -> Order {
    let keys = KeyTable {
        attr: USER_NAME,
        unique: true,
        several: false,
    };
    Order {
        keys,
        complete: true,
        descending,
    }
}

/// With a guard of its own in place of the one in a plan.
fn guarded<'a>(bed: &Bed, sql: Sql<'a>) -> Sql<'a> {
    if bed.is_postgres() {
        Sql::new("WITH g AS (SELECT 1) ").append(sql)
    } else {
        sql
    }
}

/// A statement finds its rows by an index on these columns, and reads no table from end to end.
fn probes(bed: &Bed, sql: Sql<'_>, columns: &str) {
    let plan = explain(bed, sql);
    assert!(
        !plan.contains("Seq Scan") && !plan.contains("Hash Join"),
        "{plan}"
    );
    assert!(
        !plan.contains("SCAN attr_")
            && !plan.contains("SCAN r")
            && !plan.contains("SCAN x")
            && !plan.contains("SCAN m")
            && !plan.contains("SCAN group_member"),
        "{plan}"
    );
    for column in columns.split(", ").filter(|column| !column.is_empty()) {
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

async fn members_are_probed_one_by_one(bed: Bed) {
    let acme = bed.tenant("acme").await;
    let ada = user("ada", &[]);
    acme.add(&ada).await.unwrap();
    let team = group("team", &[ada.id]);
    acme.add(&team).await.unwrap();
    let mut conn = bed.raw();
    let writer = Writer {
        reader: Reader {
            conn: &mut conn,
            tenant: acme.id(),
            held: true,
            marks: true,
        },
        several: false,
        schema: Some(1),
    };
    let scope = writer.scope(GROUP, team.id);
    let dialect = writer.conn.dialect();
    let list = dialect.id_list(&[ada.id, next_id()]);
    let changed = Members {
        remove: vec![ada.id],
        ..team.members.clone()
    };
    let text = MemberText::new(dialect, &changed).unwrap();
    let mut changes = scope.change_members(&text).into_iter();
    let row = "tenant_id, group_id, member_id";
    probes(&bed, guarded(&bed, changes.next().unwrap()), row);
    probes(&bed, writer.existing(&list, USER), "tenant_id, rtype, rid");
    probes(&bed, writer.members_listed(&list, team.id), row);
    probes(&bed, writer.whole(GROUP, &list), "tenant_id, group_id");
    let plan = explain(&bed, writer.whole(GROUP, &list));
    assert!(!plan.contains("Sort") && !plan.contains("B-TREE"), "{plan}");
    probes(&bed, writer.up(&list), "tenant_id, member_id");
    probes(&bed, writer.holders(ada.id), "tenant_id, member_id");
    let marked = writer.by_id(USER, ada.id);
    probes(&bed, marked, "tenant_id, member_id");
    let below = writer.down(team.id).then(" SELECT rid FROM down");
    probes(&bed, below, "tenant_id, group_id");
    if let Some(hold) = scope.hold_members(&text) {
        probes(&bed, hold, "tenant_id, rtype, rid");
    }
    let holders = Holders {
        rtype: GROUP,
        groups: vec![(team.id, next_id())],
        attribute: "members".to_owned(),
        at: 0,
        moved: vec![Moved {
            id: team.id,
            attr: 504,
            old: "0".to_owned(),
            new: "1".to_owned(),
        }],
    };
    let scope = writer.scope(USER, ada.id);
    let (actor, attributes) = ("token:7".to_owned(), "[]".to_owned());
    let columns = [
        "tenant_id, group_id",
        "tenant_id, member_id",
        "tenant_id, rtype, rid",
        "tenant_id, rtype, rid",
        "tenant_id, attr_id, skey, rid",
        "",
    ];
    let pairs = "[]".to_owned();
    let leaving = scope.leave(&holders, &pairs, &pairs, &actor, &attributes);
    assert_eq!(leaving.len(), columns.len());
    for (sql, columns) in leaving.into_iter().zip(columns) {
        probes(&bed, guarded(&bed, sql), columns);
    }
}

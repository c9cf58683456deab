//! Facts that let the schema and the statements run on a cluster (Citus), as far as they show without
//! one. What Citus refuses is written beside each of them.

mod parts;

use std::collections::{BTreeSet, HashSet};

use sqlx::PgPool;

use self::parts::{one_line, parts};
use super::MIGRATOR;
use super::distribution::{plan, read};
use super::migrations::statements_of;
use super::owners::missing;
use super::plans::statements;

/// Stays on the coordinator as a table like any other, and may be joined with what is spread by what
/// is handed on alone.
const QUEUE: &str = "session_queue";
/// Every node has them.
const COPIED: [&str; 2] = ["users", "bucket_states"];
/// What answers otherwise each time that it is called.
const VOLATILE: [&str; 10] = [
    "nextval(",
    "setval(",
    "gen_random_uuid(",
    "clock_timestamp(",
    "timeofday(",
    "random(",
    "pg_notify(",
    "set_config(",
    "pg_advisory_xact_lock(",
    "pg_sleep(",
];
/// What a row is to the one node that has it.
const OF_A_NODE: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];
/// What locks rows.
const LOCKS: [&str; 4] = ["FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE", "FOR KEY SHARE"];
/// The last migration of the first release: a cluster has its tables as that one left them, or newer.
const FIRST_RELEASE: i64 = 20_261_130_213_740;

/// Statements in the place of which a cluster has two, by a part of each.
const ELSEWHERE: [&str; 3] = [
    // Claims sessions.
    "IN (SELECT r.session_id FROM running r)",
    // Reads those that were claimed.
    "AND session_id BETWEEN $3::UUID AND $4::UUID",
    // Renews a lease.
    "AS \"is_cancel_asked!\"",
];

/// The statements that a cluster runs.
fn clustered() -> impl Iterator<Item = String> {
    let is_elsewhere = |text: &String| ELSEWHERE.iter().any(|part| text.contains(part));
    statements().into_iter().map(|(text, _)| text).filter(move |text| !is_elsewhere(text))
}

fn is_alias(word: &str) -> bool {
    word.len() == 1 && word.chars().all(char::is_alphabetic)
}

/// The tables of a statement, and what it does to each.
fn tables(text: &str) -> Vec<(&'static str, String)> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ").replace(',', " , ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut found = Vec::new();
    for (at, pair) in words.windows(2).enumerate() {
        let before = if at > 0 { words[at - 1] } else { "" };
        let verb = match (pair[0], before) {
            ("INTO", "INSERT") => "insert",
            ("FROM", "DELETE") => "delete",
            ("UPDATE", "FOR" | "KEY" | "DO") => continue,
            ("UPDATE", _) => "update",
            ("FROM" | "JOIN" | "USING", _) => "read",
            (",", _) if words.get(at + 2).is_some_and(|word| is_alias(word)) => "read",
            _ => continue,
        };
        found.push((verb, pair[1].to_owned()));
    }
    found
}

/// The tables of what owners own, and of those that are not spread the ones that Citus takes in on its
/// own account, since foreign keys tie them to people.
pub(super) struct Known {
    owned: HashSet<String>,
    tied: HashSet<String>,
    all: HashSet<String>,
}

pub(super) async fn known(pool: &PgPool) -> Known {
    let schema = read(&mut pool.acquire().await.unwrap()).await.unwrap();
    let owned: HashSet<_> = schema.tables.into_iter().filter(|table| table != QUEUE).collect();
    let keys = sqlx::query!(
        r#"
        SELECT conrelid::REGCLASS::TEXT AS "table!", confrelid::REGCLASS::TEXT AS "other!"
        FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
        "#
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut tied = HashSet::from(["users".to_owned()]);
    loop {
        let before = tied.len();
        for key in keys.iter().filter(|key| !owned.contains(&key.table)) {
            if tied.contains(&key.table) || tied.contains(&key.other) {
                tied.extend([key.table.clone(), key.other.clone()]);
            }
        }
        if tied.len() == before {
            break;
        }
    }
    let all = sqlx::query_scalar!(
        r#"
        SELECT relname::TEXT AS "name!" FROM pg_class
        WHERE relnamespace = 'public'::REGNAMESPACE AND relkind IN ('r', 'p') AND NOT relispartition
        "#
    )
    .fetch_all(pool)
    .await
    .unwrap();
    Known { owned, tied, all: all.into_iter().collect() }
}

/// What of a statement that changes rows Citus refuses. It plans each part by itself, and so all that a part is
/// handed on and what the parts are for, even where what changes is on the coordinator.
fn refused(text: &str, is_known: &dyn Fn(&str) -> bool) -> Vec<&'static str> {
    let is_clustered = tables(&one_line(text)).iter().any(|(_, table)| is_known(table));
    let mut refused = Vec::new();
    let mut handed_on = HashSet::new();
    for (name, part) in parts(text) {
        let named = tables(&part);
        let is_its = |table: &String| is_known(table) || handed_on.contains(table);
        if is_clustered && (name.is_empty() || named.iter().any(|(_, table)| is_its(table))) {
            let verbs: HashSet<_> = named.iter().map(|(verb, _)| *verb).collect();
            refused.extend(refused_of(&part, &verbs));
        }
        handed_on.insert(name);
    }
    refused
}

fn refused_of(text: &str, verbs: &HashSet<&str>) -> Vec<&'static str> {
    let is_volatile = |text: &str| VOLATILE.iter().any(|name| text.contains(name));
    let mut refused = Vec::new();
    if verbs.contains("update") || verbs.contains("delete") {
        if is_volatile(text) {
            refused.push("functions used in UPDATE queries must not be VOLATILE");
        }
        if adds_to_instants(text) || text.contains("OR is_owner_held(") {
            refused.push("STABLE functions cannot be called with column references");
        }
        for call in text.split("coalesce(").skip(1) {
            if call.split(')').next().is_some_and(|arguments| arguments.contains("now(")) {
                refused.push("non-IMMUTABLE functions are not allowed in COALESCE");
            }
        }
        for case in text.split("CASE ").skip(1) {
            if case.split(" END").next().is_some_and(|case| case.contains("now()")) {
                refused.push("non-IMMUTABLE functions are not allowed in CASE");
            }
        }
    } else if !verbs.contains("insert") && text.contains("nextval(") {
        refused.push("sequences cannot be used in router queries");
    }
    if verbs.iter().any(|verb| *verb != "read")
        && let Some((_, told)) = text.rsplit_once(" RETURNING ")
        && (told.contains("now()") || is_volatile(told))
    {
        refused.push("non-IMMUTABLE functions are not allowed in the RETURNING clause");
    }
    if verbs.contains("insert") {
        if let Some((_, update)) = text.split_once("DO UPDATE")
            && (update.contains("now()") || is_volatile(update))
        {
            refused.push("functions used in DO UPDATE SET must be IMMUTABLE");
        }
        if text.contains(") VALUES (") && text.contains("SELECT ") {
            refused.push("subqueries are not supported within INSERT queries");
        }
        if text.contains("ON CONFLICT ON CONSTRAINT") {
            refused.push("each part of a table has its constraints under names of its own");
        }
    }
    refused
}

/// Whether a span is added to or taken from an instant that stands in a column: the answer depends on the time
/// zone. An instant taken from another one does not.
fn adds_to_instants(text: &str) -> bool {
    let from_now = text.split("now()").skip(1).any(|rest| {
        let added = rest.trim_start().strip_prefix(['+', '-']).map(str::trim_start);
        added.is_some_and(|added| !added.starts_with('$') && !added.starts_with("INTERVAL '"))
    });
    from_now || ["_at + $", "_at + INTERVAL", "_at - INTERVAL"].iter().any(|sum| text.contains(sum))
}

/// Checks a statement that is put together against all of this.
pub(super) fn check(text: &str, known: &Known) {
    check_joins(text, known);
    check_changes(text, known);
    check_locks(text, known);
    check_reach(text, known);
}

fn check_joins(text: &str, known: &Known) {
    let named: BTreeSet<_> = tables(text).into_iter().map(|(_, table)| table).collect();
    let is_spread = named.iter().any(|table| known.owned.contains(table));
    let beside: Vec<_> = named
        .iter()
        .filter(|table| known.all.contains(*table) && !known.owned.contains(*table))
        .filter(|table| *table != QUEUE && !COPIED.contains(&table.as_str()))
        .collect();
    assert!(!is_spread || beside.is_empty(), "{beside:?} in {text}");
    assert!(!is_spread || !text.contains("RECURSIVE"), "each node would go on by itself: {text}");
    let mut words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let of_a_node = words.find(|word| OF_A_NODE.contains(word));
    assert!(!is_spread || of_a_node.is_none(), "{of_a_node:?} in {text}");
    // The queue hands on, in a part of its own, or is handed what was found.
    let is_handed = text.contains("WITH ")
        || text.contains("EXCEPT")
        || text.contains("ARRAY(SELECT session_id FROM session_queue");
    let is_joined = text.contains("JOIN session_queue") || text.contains("JOIN sessions s");
    if is_spread && named.contains(QUEUE) {
        assert!(is_handed && !is_joined, "the queue is on one node alone: {text}");
    }
}

fn check_changes(text: &str, known: &Known) {
    let is_known = |table: &str| {
        known.owned.contains(table) || known.tied.contains(table) || COPIED.contains(&table)
    };
    assert_eq!(refused(text, &is_known), Vec::<&str>::new(), "{text}");
}

/// A row is locked by the node that has it.
fn check_locks(text: &str, known: &Known) {
    let is_spread = tables(text).iter().any(|(_, table)| known.owned.contains(table));
    if is_spread && LOCKS.iter().any(|lock| text.contains(lock)) {
        assert!(text.contains("owner_id = $"), "{text}");
    }
}

/// What is read of all owners is one table: nothing tells which rows of another one lie beside its rows.
fn check_reach(text: &str, known: &Known) {
    let queue = std::iter::once(QUEUE.to_owned());
    let owned = known.owned.iter().cloned().chain(queue).collect();
    if missing(text, &owned).is_empty() {
        return;
    }
    let named: BTreeSet<_> = tables(text).into_iter().map(|(_, table)| table).collect();
    let spread: Vec<_> = named.iter().filter(|table| known.owned.contains(*table)).collect();
    assert!(spread.len() <= 1, "{spread:?} in {text}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn no_statement_joins_what_is_spread_with_what_is_not(pool: PgPool) {
    let known = known(&pool).await;
    clustered().for_each(|text| check_joins(&text, &known));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn no_statement_changes_rows_as_a_cluster_refuses(pool: PgPool) {
    let known = known(&pool).await;
    clustered().for_each(|text| check_changes(&text, &known));
}

#[test]
fn what_a_cluster_refuses_is_recognised() {
    let is_known = |table: &str| table == "t";
    for (text, is_refused) in [
        ("UPDATE t SET a = now() + $1 WHERE owner_id = $2", false),
        ("UPDATE t SET a = now() + b WHERE owner_id = $2", true),
        ("UPDATE t SET a = nextval('s') WHERE owner_id = $2", true),
        ("UPDATE other SET a = nextval('s') WHERE owner_id = $2", false),
        ("UPDATE t SET a = coalesce(a, now()) WHERE owner_id = $2", true),
        ("UPDATE t SET a_at = a_at - INTERVAL '1 day' WHERE owner_id = $2", true),
        ("UPDATE t SET a = b WHERE a_at - b_at < INTERVAL '1 day'", false),
        ("UPDATE t SET a = 1 WHERE owner_id = $2 RETURNING now()", true),
        ("INSERT INTO t (a) VALUES ($1) RETURNING gen_random_uuid()", true),
        ("WITH w AS (SELECT nextval('s') AS n FROM q) UPDATE t SET a = n FROM w", false),
        ("WITH w AS (SELECT nextval('s') AS n FROM t) UPDATE q SET a = n FROM w", true),
        ("WITH w AS (UPDATE t SET a = 1), v AS (UPDATE q SET a = nextval('s')) SELECT 1", false),
        (
            "WITH w AS (UPDATE t SET a = 1), v AS (UPDATE q SET a = nextval('s') FROM w) SELECT 1",
            true,
        ),
        ("WITH w AS (UPDATE t SET a = 1) UPDATE q SET a = nextval('s')", true),
        ("WITH w AS (UPDATE q SET a = nextval('s') RETURNING a) UPDATE t SET a = 1 FROM w", false),
        (
            "WITH w AS (UPDATE q SET b = 1), v AS (UPDATE q SET a = nextval('s') FROM w) SELECT 1",
            false,
        ),
        ("INSERT INTO t (a) SELECT gen_random_uuid() FROM t WHERE owner_id = $1", false),
        ("UPDATE t SET a = CASE WHEN b THEN now() END WHERE owner_id = $2", true),
        ("DELETE FROM t WHERE NOT $1 OR is_owner_held(owner_id)", true),
        ("INSERT INTO t (a) VALUES ($1, EXISTS (SELECT FROM t)) RETURNING a", true),
        ("INSERT INTO t (a) VALUES ($1, now()) RETURNING (SELECT 1)", true),
        ("INSERT INTO t (a) SELECT b FROM (VALUES ($1, now())) AS v (b, c) RETURNING a", false),
        ("INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = now()", true),
        ("SELECT FROM t WHERE a = $1 FOR UPDATE", false),
    ] {
        assert_eq!(!refused(text, &is_known).is_empty(), is_refused, "{text}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn rows_of_one_owner_alone_are_locked(pool: PgPool) {
    let known = known(&pool).await;
    clustered().for_each(|text| check_locks(&text, &known));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_read_of_all_owners_is_one_table(pool: PgPool) {
    let known = known(&pool).await;
    clustered().for_each(|text| check_reach(&text, &known));
}

/// Of the migrations that may find the tables spread. What a function does is not looked into.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn no_migration_changes_rows_as_a_cluster_refuses(pool: PgPool) {
    let known = known(&pool).await;
    for migration in MIGRATOR.iter().filter(|own| own.version > FIRST_RELEASE) {
        for statement in statements_of(migration.sql.as_str()) {
            if !statement.contains("$$") {
                check_changes(statement, &known);
            }
        }
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_schema_can_be_spread(pool: PgPool) {
    let schema = read(&mut pool.acquire().await.unwrap()).await.unwrap();
    plan(&schema).unwrap();
    assert!(!schema.references.iter().any(|key| key.table == QUEUE), "it is one node's");
    // No node can number the rows of all, nor keep rows of two nodes apart but by unique keys; and rows of an
    // owner lie beside each other where the owner is of one type.
    let bad = sqlx::query_scalar!(
        r#"
        SELECT a.attrelid::REGCLASS::TEXT || '.' || a.attname AS "name!"
        FROM pg_attribute a
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid::REGCLASS::TEXT = ANY ($1) AND a.attnum > 0
          AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval%'
               OR (a.attname = 'owner_id' AND a.atttypid <> 'UUID'::REGTYPE))
        UNION ALL
        SELECT conrelid::REGCLASS::TEXT || '.' || conname FROM pg_constraint
        WHERE conrelid::REGCLASS::TEXT = ANY ($1)
          AND (contype = 'x' OR condeferrable OR (contype = 'f' AND confdeltype IN ('n', 'd')))
        "#,
        &schema.tables,
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(bad, Vec::<String>::new());
}

/// The statement that ends a session tells of it; the triggers, which a cluster has not, pass it by.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_end_that_is_told_needs_no_trigger(pool: PgPool) {
    let functions = sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "count!" FROM pg_proc
        WHERE proname IN ('tell_webhooks', 'record_listing_run')
          AND prosrc LIKE '%told_end_at IS NOT DISTINCT FROM NEW.ended_at%'
        "#
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(functions, 2);
}

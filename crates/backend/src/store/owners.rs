//! Facts that let the tables of what owners own be spread by owner: over shards, or by an extension
//! that does it (Citus). Every key holds the owner, and every statement names it.

use std::collections::HashSet;

use sqlx::PgPool;

use super::distribution::{EVERYBODYS, list_tables};
use super::plans::{statement, statements};

/// Statements over all owners, the installation's own work: each entry has the parts of one and no other, and
/// with an exclamation mark what that one has not.
const OVER_ALL: [&str; 39] = [
    // Leases from before the clock was turned back, whosever the sessions are.
    "WHERE lease_until > now() + $1 AND (NOT $2::BOOLEAN OR is_owner_held(owner_id))",
    // Agents whose measurements the operator looks into, whosever they are.
    "WHERE agent_id = ANY($1) AND (NOT $2::BOOLEAN OR is_owner_held(owner_id))",
    // Another model of meanings: every document is read anew.
    "SET embedded_by = NULL, embed_attempts … !is_owner_held",
    "SET embedded_by = NULL, embed_attempts … AND is_owner_held(owner_id)",
    // Admins read the log of all, and who closed their account is nobody in it.
    "FROM owner_audit … WHERE entry_id >= $1 AND entry_id < $2 AND deed = ANY ($3)",
    "UPDATE owner_audit SET actor_id = NULL … !is_owner_held",
    "UPDATE owner_audit SET actor_id = NULL … AND is_owner_held(owner_id)",
    "UPDATE owner_audit SET subject_id = NULL … !is_owner_held",
    "UPDATE owner_audit SET subject_id = NULL … AND is_owner_held(owner_id)",
    // So do the facts that agents of others kept for them.
    "DELETE FROM teammate_memories WHERE user_id = $1 … !is_owner_held",
    "DELETE FROM teammate_memories WHERE user_id = $1 AND is_owner_held(owner_id)",
    // A listing is measured by what everybody ran.
    "SELECT owner_id, session_id, is_completed, took_ms, cost_micro_usd",
    "SELECT DISTINCT listing_id FROM listing_runs",
    "FROM listing_runs … WHERE listing_id = $1 AND owner_id > $2",
    // Those who have a copy are told of what becomes of the listing.
    "WHERE owner_id = ANY($1) AND listing_id = $2",
    // A session may be of any of those who share an agent with somebody.
    "SELECT owner_id, agent_id, started_by, is_test",
    // Keys are changed for one owner after the other.
    "SELECT DISTINCT owner_id FROM secrets",
    // The operator is told whether all of them are there.
    "SELECT DISTINCT key_id FROM secrets",
    // A worker takes whatever is due: from the queue, which one node has, or owner by owner of those
    // that were found.
    "FOR UPDATE OF q SKIP LOCKED … IN (SELECT r.session_id FROM running r)",
    "WHERE owner_id = ANY ($1) AND session_id = ANY ($2)",
    "FOR UPDATE OF q SKIP LOCKED … TRUE AS \"is_open!\"",
    "SELECT EXISTS (SELECT FROM free)",
    "FROM agents … WHERE deleted_at IS NOT NULL AND deleted_at < $1",
    "FROM test_sets … WHERE deleted_at IS NOT NULL AND deleted_at < $1",
    "WHERE next_run_at <= $1 AND (NOT $2::BOOLEAN",
    "WHERE next_attempt_at <= now() AND (NOT $2::BOOLEAN",
    "FROM webhook_deliveries … WHERE next_attempt_at IS NULL",
    "SELECT owner_id, document_id, embed_attempts",
    "SELECT owner_id, entry_id FROM owner_audit",
    "FROM test_runs … WHERE ended_at IS NULL AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))",
    // Whoever looks after lost sessions looks everywhere.
    "WHERE ended_at IS NULL AND (NOT $1::BOOLEAN … EXCEPT … SELECT owner_id, session_id FROM session_queue",
    "WHERE coalesce(lease_until, run_at) < now() - INTERVAL '1 minute' … EXCEPT",
    "FROM budget_reservations … (agent_id <> $2 OR session_id < $3)",
    "AS called (owner_id, session_id)",
    "WHERE waiting ->> 'for' = 'agents' AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))",
    // A new day begins for the guests of every network.
    "waiting -> 'shortfall' ->> 'scope' = 'guests' AND waiting_since < $2",
    "waiting -> 'shortfall' -> 'limit' ->> 'unit' = 'tokens' AS",
    // A partition waits for the last session in it.
    "FROM session_queue WHERE session_id < $1",
    // Numbers for the operator.
    "count(*) FILTER (WHERE due_at <= now() AND has_place) AS \"waiting!\"",
];

/// What may follow a table's name when it has no alias.
const KEYWORDS: [&str; 16] = [
    "WHERE",
    "SET",
    "JOIN",
    "ON",
    "USING",
    "ORDER",
    "GROUP",
    "LIMIT",
    "LEFT",
    "RETURNING",
    "FOR",
    "CROSS",
    ")",
    ",",
    "AND",
    "UNION",
];

/// The owner predicates that a statement should have and has not.
pub(super) fn missing(text: &str, owned: &HashSet<String>) -> Vec<String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ").replace(',', " , ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut missing = Vec::new();
    for (at, pair) in words.windows(2).enumerate() {
        let is_read = ["FROM", "JOIN", "UPDATE", "USING"].contains(&pair[0]);
        let is_lock = pair[0] == "UPDATE" && at > 0 && words[at - 1] == "FOR";
        if !is_read || is_lock || !owned.contains(pair[1]) {
            continue;
        }
        let alias = words.get(at + 2).filter(|word| !KEYWORDS.contains(word));
        let predicate = match alias {
            Some(&"AS") => format!("{}.owner_id = $", words[at + 3]),
            Some(alias) => format!("{alias}.owner_id = $"),
            None => "owner_id = $".to_owned(),
        };
        if !text.contains(&predicate) {
            missing.push(format!("{}: {predicate}", pair[1]));
        }
    }
    missing
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn each_statement_on_an_owned_table_names_the_owner(pool: PgPool) {
    let owned = list_tables(&mut pool.acquire().await.unwrap()).await.unwrap();
    assert!(owned.contains(&"sessions".to_owned()), "{owned:?}");
    let owned = owned.into_iter().collect();
    let over_all: HashSet<_> = OVER_ALL.iter().map(|parts| statement(parts)).collect();
    for text in &over_all {
        assert!(!missing(text, &owned).is_empty(), "its owner is named: {text}");
    }
    for (text, _) in statements() {
        if !over_all.contains(&text) {
            assert_eq!(missing(&text, &owned), Vec::<String>::new(), "{text}");
        }
    }
    let joined =
        "SELECT 1 FROM sessions s JOIN session_queue q USING (session_id) WHERE s.owner_id = $1";
    assert_eq!(missing(joined, &owned), ["session_queue: q.owner_id = $"]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn each_key_of_an_owned_table_holds_the_owner(pool: PgPool) {
    let owned = list_tables(&mut pool.acquire().await.unwrap()).await.unwrap();
    let keys = sqlx::query!(
        r#"
        SELECT i.indrelid::REGCLASS::TEXT AS "table!", i.indexrelid::REGCLASS::TEXT AS "key!"
        FROM pg_index i
        WHERE i.indisunique AND i.indrelid::REGCLASS::TEXT = ANY ($1)
          AND NOT EXISTS (
              SELECT FROM pg_attribute a
              WHERE a.attrelid = i.indrelid AND a.attname = 'owner_id' AND a.attnum = ANY (i.indkey)
          )
        UNION ALL
        SELECT k.conrelid::REGCLASS::TEXT, k.conname::TEXT
        FROM pg_constraint k
        WHERE k.contype = 'f' AND k.conrelid::REGCLASS::TEXT = ANY ($1)
          AND NOT EXISTS (
              SELECT FROM pg_attribute a
              WHERE a.attrelid = k.conrelid AND a.attname = 'owner_id' AND a.attnum = ANY (k.conkey)
          )
        "#,
        &owned,
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let keys: Vec<_> = keys.iter().map(|key| format!("{} {}", key.table, key.key)).collect();
    assert_eq!(keys, Vec::<String>::new());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn each_table_with_an_owner_is_an_owners_or_everybodys(pool: PgPool) {
    let owned = list_tables(&mut pool.acquire().await.unwrap()).await.unwrap();
    let known: Vec<_> = owned.iter().map(String::as_str).chain(EVERYBODYS).collect();
    let tables = sqlx::query_scalar!(
        r#"
        SELECT c.relname::TEXT AS "name!"
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'owner_id'
        WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition
        "#
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    for table in tables {
        assert!(known.contains(&table.as_str()), "whose is {table}?");
    }
}

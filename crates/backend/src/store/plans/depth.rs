//! A page at any depth costs what the first one costs.

use sqlx::{PgConnection, PgPool, Row as _};

use super::seed::{self, Seed};
use super::{buffers, plan, run, statement};

/// A list, its statement, and its arguments at the beginning and behind a number of rows.
struct List {
    parts: &'static str,
    first: String,
    deep: String,
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_page_costs_the_same_at_any_depth(pool: PgPool) {
    let seed = Seed::short_or_full();
    seed.sow(&pool).await;
    let owner = Seed::OWNER;
    let mut conn = pool.acquire().await.unwrap();
    let position = async |conn: &mut PgConnection, query: &str, depth: u32| -> String {
        run(conn, &format!("{query} OFFSET {depth} LIMIT 1")).await[0].get(0)
    };
    let session = position(
        &mut conn,
        &format!("SELECT session_id::TEXT FROM sessions WHERE owner_id = '{owner}' ORDER BY session_id DESC"),
        seed.sessions / 10 * 9,
    )
    .await;
    let agent = position(
        &mut conn,
        &format!(
            "SELECT format('%L, %L', updated_at, agent_id) FROM agents WHERE owner_id = '{owner}'
             ORDER BY updated_at DESC, agent_id DESC"
        ),
        seed.agents / 10 * 4,
    )
    .await;
    let last = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    let mut lists = vec![
        List {
            parts: "FROM agents … (updated_at, agent_id) < … !status = $6",
            first: format!("'{owner}', NULL, NULL, '{last}', 51"),
            deep: format!("'{owner}', {agent}, '{last}', 51"),
        },
        List {
            parts: "FROM agents … status = $6 … (updated_at, agent_id) <",
            first: format!("'{owner}', NULL, NULL, '{last}', 51, 'active'"),
            deep: format!("'{owner}', {agent}, '{last}', 51, 'active'"),
        },
        List {
            parts: "FROM sessions … session_id < $2 … !agent_id = $4",
            first: format!("'{owner}', '{last}', 51"),
            deep: format!("'{owner}', '{session}', 51"),
        },
        List {
            parts: "FROM sessions … session_id < $2 AND agent_id = $4",
            first: format!("'{owner}', '{last}', 51, '{owner}'"),
            deep: format!("'{owner}', '{session}', 51, '{owner}'"),
        },
    ];
    for (parts, rank, order) in [
        ("WHERE (-installs, lower(name)", "installs, ", "-installs, lower(name), listing_id"),
        ("WHERE (-trend, lower(name)", "trend, ", "-trend, lower(name), listing_id"),
        ("WHERE (-(CASE WHEN rating_count", "0, ", "lower(name), listing_id"),
        (
            "WHERE (-(extract(EPOCH",
            "(extract(EPOCH FROM created_at) * 1000000)::BIGINT, ",
            "created_at DESC",
        ),
        ("WHERE (lower(name), listing_id) >", "", "lower(name), listing_id"),
    ] {
        let keys = if rank.is_empty() { "%L, %L" } else { "%s, %L, %L" };
        let key = format!("format('{keys}', {rank} lower(name), listing_id)");
        let query = format!("SELECT {key} FROM listings ORDER BY {order}");
        let deep = position(&mut conn, &query, seed::LISTINGS / 10 * 9).await;
        let none = if rank.is_empty() { "" } else { "NULL, " };
        lists.push(List {
            parts,
            first: format!("{none} NULL, '00000000-0000-0000-0000-000000000000', 51"),
            deep: format!("{deep}, 51"),
        });
    }
    check_depth(&mut conn, &lists).await;
}

/// What an account has: each list's statement, the arguments before and behind its position, and what tells
/// the position of a row.
const OF_AN_ACCOUNT: [(&str, &str, &str, &str); 11] = [
    (
        "FROM reviews r … (r.helpful, r.review_id) < ($2, $3)",
        "'LISTING', 9223372036854775807, 'LAST', 51",
        "'LISTING', HERE, 51",
        "format('%s, %L', helpful, review_id) FROM reviews ORDER BY helpful DESC, review_id DESC",
    ),
    (
        "FROM reviews one … (one.helpful, one.review_id) < (s.helpful, s.review_id)",
        "'LISTING', '{4}', '{9223372036854775807}', '{LAST}', 51",
        "'LISTING', '{4}', HERE, 51",
        "format('%L, %L', ARRAY[helpful], ARRAY[review_id]) FROM reviews
         ORDER BY helpful DESC, review_id DESC",
    ),
    (
        "FROM reviews one … one.review_id < $3",
        "'LISTING', '{4}', 'LAST', 51",
        "'LISTING', '{4}', HERE, 51",
        "quote_literal(review_id) FROM reviews ORDER BY review_id DESC",
    ),
    (
        "FROM owner_audit … WHERE owner_id = $1 AND entry_id >= $2 AND entry_id < $3",
        "'OWNER', 'FIRST', 'LAST', '{agent_created}', 51",
        "'OWNER', 'FIRST', HERE, '{agent_created}', 51",
        "quote_literal(entry_id) FROM owner_audit WHERE owner_id = 'OWNER' ORDER BY entry_id DESC",
    ),
    (
        "FROM account_audit … WHERE account_id = $1 AND entry_id >= $2 AND entry_id < $3",
        "'OWNER', 'FIRST', 'LAST', '{signed_in}', 51",
        "'OWNER', 'FIRST', HERE, '{signed_in}', 51",
        "quote_literal(entry_id) FROM account_audit WHERE account_id = 'OWNER'
         ORDER BY entry_id DESC",
    ),
    (
        "FROM account_notices … WHERE reader_id = $1 AND notice_id < $2",
        "'OWNER', 'LAST', 51",
        "'OWNER', HERE, 51",
        "quote_literal(notice_id) FROM account_notices WHERE reader_id = 'OWNER'
         ORDER BY notice_id DESC",
    ),
    (
        "FROM webhook_deliveries … (created_at, delivery_id) <",
        "'OWNER', 'OWNER', NULL, 'LAST', 51",
        "'OWNER', 'OWNER', HERE, 51",
        "format('%L, %L', created_at, delivery_id) FROM webhook_deliveries
         WHERE owner_id = 'OWNER' ORDER BY created_at DESC, delivery_id DESC",
    ),
    (
        "FROM purchases p … p.buyer_id = $1 AND p.purchase_id < $2",
        "'OWNER', 'LAST', 51",
        "'OWNER', HERE, 51",
        "quote_literal(purchase_id) FROM purchases WHERE buyer_id = 'OWNER'
         ORDER BY purchase_id DESC",
    ),
    (
        "SELECT version, notes, created_at … FROM agent_versions … version < $3",
        "'OWNER', 'OWNER', 2147483647, 51",
        "'OWNER', 'OWNER', HERE, 51",
        "version::TEXT FROM agent_versions WHERE owner_id = 'OWNER' ORDER BY version DESC",
    ),
    (
        "FROM test_runs r … r.test_run_id < $3 … ORDER BY r.test_run_id DESC",
        "'OWNER', 'OWNER', 'LAST', 51, FALSE, FALSE",
        "'OWNER', 'OWNER', HERE, 51, FALSE, FALSE",
        "quote_literal(test_run_id) FROM test_runs WHERE owner_id = 'OWNER'
         ORDER BY test_run_id DESC",
    ),
    (
        "FROM agents … deleted_at IS NOT NULL … (deleted_at, agent_id) <",
        "'OWNER', NULL, 'LAST', 51",
        "'OWNER', HERE, 51",
        "format('%L, %L', deleted_at, agent_id) FROM agents
         WHERE owner_id = 'OWNER' AND deleted_at IS NOT NULL
         ORDER BY deleted_at DESC, agent_id DESC",
    ),
];

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_page_of_what_an_account_has_costs_the_same_at_any_depth(pool: PgPool) {
    let seed = Seed::short_or_full();
    seed.sow(&pool).await;
    seed.sow_accounts(&pool).await;
    let mut conn = pool.acquire().await.unwrap();
    let said = |text: &str| {
        text.replace("OWNER", Seed::OWNER)
            .replace("LISTING", seed::LISTING)
            .replace("FIRST", "00000000-0000-0000-0000-000000000000")
            .replace("LAST", "ffffffff-ffff-ffff-ffff-ffffffffffff")
    };
    let mut lists = Vec::new();
    for (parts, first, deep, place) in OF_AN_ACCOUNT {
        // Not where a list ends: there PostgreSQL rather reads all that is left, and sorts it.
        let rows = run(&mut conn, &format!("SELECT {}", said(place))).await;
        let here: String = rows[rows.len() / 3 * 2].get(0);
        lists.push(List { parts, first: said(first), deep: said(deep).replace("HERE", &here) });
    }
    check_depth(&mut conn, &lists).await;
    // Nor does a page read what is behind it, nor what others have.
    for list in &lists {
        let plan = plan(&mut conn, &statement(list.parts), &list.first, true).await;
        assert!(buffers(&plan) <= 400, "{} pages: {plan:#}", buffers(&plan));
    }
}

/// Each list costs the same behind many rows as at its beginning.
async fn check_depth(conn: &mut PgConnection, lists: &[List]) {
    for mode in ["force_generic_plan", "force_custom_plan"] {
        run(conn, &format!("SET plan_cache_mode = {mode}")).await;
        for list in lists {
            let text = statement(list.parts);
            let first = plan(conn, &text, &list.first, true).await;
            let deep = plan(conn, &text, &list.deep, true).await;
            assert_eq!(deep["Actual Rows"], 51, "{text}");
            let (first, deep) = (buffers(&first), buffers(&deep));
            assert!(2 * deep <= 3 * first, "{first} pages at first, {deep} deep down: {text}");
        }
    }
}

//! Facts about how PostgreSQL answers the statements of this folder: by an index, and a page at any
//! depth for the price of the first. `plans/budgets.tsv` says what each hot statement may cost.

mod built;
mod depth;
mod seed;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row as _, raw_sql};

use self::seed::Seed;

/// Parts of statements that mean a whole table.
const WHOLE: [&str; 2] = [
    // After the clock was turned back, and then alone.
    "WHERE lease_until > now() + $1",
    // Ends with the first.
    "EXISTS (SELECT 1 FROM listings)",
];

/// Every statement but those of tests, with the number of its parameters.
pub(super) fn statements() -> Vec<(String, usize)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = sources(&root.join("src"), &|path| {
        let is_within = path.components().any(|part| part.as_os_str() == "tests");
        is_within || path.ends_with("tests.rs") || path.ends_with("faults.rs")
    });
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("../../.sqlx")).unwrap() {
        let saved: Value =
            serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let text = saved["query"].as_str().unwrap();
        if !tests.contains(text) {
            let parameters = &saved["describe"]["parameters"]["Left"];
            found.push((text.to_owned(), parameters.as_array().map_or(0, Vec::len)));
        }
    }
    assert!(found.len() > 40, "the statements are found: {}", found.len());
    found
}

fn sources(folder: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path, is_wanted);
        } else if is_wanted(&path) {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

/// The one statement that has all these parts, and none that begins with an exclamation mark.
pub(super) fn statement(parts: &str) -> String {
    let has = |text: &str| {
        parts.split('…').map(str::trim).all(|part| match part.strip_prefix('!') {
            Some(absent) => !text.contains(absent),
            None => text.contains(part),
        })
    };
    let mut found: Vec<_> = statements().into_iter().filter(|(text, _)| has(text)).collect();
    assert_eq!(found.len(), 1, "{parts}");
    found.remove(0).0
}

async fn run(conn: &mut PgConnection, text: &str) -> Vec<sqlx::postgres::PgRow> {
    raw_sql(AssertSqlSafe(text.to_owned()))
        .fetch_all(conn)
        .await
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The plan of a statement; with `analyze`, after it was run with these arguments and undone.
async fn plan(conn: &mut PgConnection, text: &str, arguments: &str, analyze: bool) -> Value {
    run(conn, &format!("PREPARE it AS {text}")).await;
    let call = if arguments.is_empty() { "it".to_owned() } else { format!("it ({arguments})") };
    let mut plans = Vec::new();
    if analyze {
        // Of several runs the cheapest: while other tests make tables, PostgreSQL forgets what it knew
        // of its own and reads it again, which counts as the statement's.
        for _ in 0..3 {
            run(conn, "BEGIN").await;
            plans.push(explain(conn, "ANALYZE, BUFFERS, FORMAT JSON", &call).await);
            run(conn, "ROLLBACK").await;
        }
        plans.sort_by_key(buffers);
    } else {
        plans.push(explain(conn, "FORMAT JSON", &call).await);
    }
    run(conn, "DEALLOCATE it").await;
    plans.swap_remove(0)
}

async fn explain(conn: &mut PgConnection, options: &str, call: &str) -> Value {
    let rows = run(conn, &format!("EXPLAIN ({options}) EXECUTE {call}")).await;
    rows[0].get::<Value, _>(0)[0]["Plan"].take()
}

fn nodes<'a>(plan: &'a Value, found: &mut Vec<&'a Value>) {
    found.push(plan);
    for child in plan["Plans"].as_array().into_iter().flatten() {
        nodes(child, found);
    }
}

/// The pages that a plan touched.
fn buffers(plan: &Value) -> i64 {
    ["Shared Hit Blocks", "Shared Read Blocks"].iter().map(|key| plan[*key].as_i64().unwrap()).sum()
}

async fn large_tables(conn: &mut PgConnection) -> HashSet<String> {
    let large = "SELECT relname::TEXT FROM pg_class
                 WHERE relnamespace = 'public'::REGNAMESPACE AND relkind = 'r' AND reltuples >= 5000";
    run(conn, large).await.iter().map(|row| row.get(0)).collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn no_statement_reads_a_large_table_from_end_to_end(pool: PgPool) {
    let seed = Seed::short_or_full();
    seed.sow(&pool).await;
    seed.sow_notes(&pool).await;
    let mut conn = pool.acquire().await.unwrap();
    let large = large_tables(&mut conn).await;
    assert!(large.iter().any(|name| name.starts_with("sessions_")), "{large:?}");
    for noted in [
        "installs",
        "listing_runs",
        "sign_ins",
        "owner_audit",
        "account_audit",
        "metric_rollups",
        "cache_outbox",
    ] {
        assert!(large.contains(noted), "{noted} is small: {large:?}");
    }
    run(&mut conn, "SET plan_cache_mode = force_generic_plan").await;
    for (text, parameters) in statements() {
        let plan = plan(&mut conn, &text, &vec!["NULL"; parameters].join(", "), false).await;
        let mut all = Vec::new();
        nodes(&plan, &mut all);
        let is_meant = WHOLE.iter().any(|part| text.contains(part));
        for node in all.into_iter().filter(|_| !is_meant) {
            let table = node["Relation Name"].as_str().unwrap_or_default();
            let is_whole = node["Node Type"] == "Seq Scan" && large.contains(table);
            assert!(!is_whole, "{table} is read from end to end by {text}");
        }
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_hot_statement_stays_within_its_budget(pool: PgPool) {
    let seed = Seed::short_or_full();
    seed.sow(&pool).await;
    let (owner, middle) = (Seed::OWNER, seed.session_id(seed.sessions / 2));
    let mut conn = pool.acquire().await.unwrap();
    let mut seen = Vec::new();
    for line in include_str!("plans/budgets.tsv").lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').collect();
        let [name, parts, arguments, index, budget] = columns[..] else {
            panic!("five columns: {line}")
        };
        let arguments = arguments
            .replace("OWNER", owner)
            .replace("SESSION", &middle)
            .replace("AGENT", seed::QUIET)
            .replace("LAST", "ffffffff-ffff-ffff-ffff-ffffffffffff");
        let text = statement(parts);
        for mode in ["force_generic_plan", "force_custom_plan"] {
            run(&mut conn, &format!("SET plan_cache_mode = {mode}")).await;
            let plan = plan(&mut conn, &text, &arguments, true).await;
            let mut all = Vec::new();
            nodes(&plan, &mut all);
            let used = |node: &&Value| {
                let name = node["Index Name"].as_str().unwrap_or_default();
                index.split('|').any(|index| name.contains(index))
            };
            seen.push(format!("{name}\t{mode}\t{}\tof {budget}", buffers(&plan)));
            let plan_text = serde_json::to_string_pretty(&plan).unwrap();
            assert!(all.iter().any(used), "{name} does not use {index}: {plan_text}");
            let is_within = buffers(&plan) <= budget.parse().unwrap();
            assert!(is_within, "{} pages of {budget}: {name} {plan_text}", buffers(&plan));
        }
    }
    tracing::info!("{}", seen.join("\n"));
}

/// However many sessions wait behind an owner whose places are all taken, another's is found for the same.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_backlog_of_one_owner_costs_a_claim_little(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let queue = "
        INSERT INTO users (user_id, kind, display_name, created_at, updated_at)
        SELECT ('00000000-0000-7000-8000-00000000000' || n)::UUID, 'guest', 'Guest', now(), now()
        FROM generate_series(1, 2) n;

        INSERT INTO sessions (owner_id, session_id, agent_id, agent_name, agent_avatar, spec, goal,
                              state, created_at)
        SELECT user_id, '01900000-0000-7000-8000-000000000000', user_id, 'Agent', '{}',
               '{\"limits\": {}}', 'Goal', 'queued', now()
        FROM users WHERE user_id = '00000000-0000-7000-8000-000000000002';

        INSERT INTO session_queue (owner_id, session_id, agent_id, run_at, lease_until, worker,
                                   owner_slot, agent_slot)
        SELECT '00000000-0000-7000-8000-000000000001',
               ('01900000-0000-7000-8001-' || lpad(to_hex(n), 12, '0'))::UUID,
               ('00000000-0000-7000-8000-00000000000' || n % 4)::UUID,
               now() - INTERVAL '1 hour',
               CASE WHEN n <= 16 THEN now() + INTERVAL '1 hour' END,
               CASE WHEN n <= 16 THEN 'worker' END,
               CASE WHEN n <= 16 THEN n END,
               CASE WHEN n <= 16 THEN n / 4 + 1 END
        FROM generate_series(1, 10000) n;

        INSERT INTO session_queue (owner_id, session_id, agent_id, run_at)
        SELECT owner_id, session_id, agent_id, now() FROM sessions;

        ANALYZE;
    ";
    run(&mut conn, queue).await;
    let text = statement("SKIP LOCKED … UPDATE session_queue … UPDATE sessions s");
    let nobody = "'00000000-0000-0000-0000-000000000000'";
    let arguments = format!("16, 8, FALSE, TRUE, {nobody}, '{{}}', 'worker', '1 minute', 1");
    for mode in ["force_generic_plan", "force_custom_plan"] {
        run(&mut conn, &format!("SET plan_cache_mode = {mode}")).await;
        let plan = plan(&mut conn, &text, &arguments, true).await;
        assert_eq!(plan["Actual Rows"], 1, "{mode}: {plan:#}");
        let pages = buffers(&plan);
        assert!(pages <= 600, "{mode}: {pages} pages: {plan:#}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_lookup_opens_one_partition_and_a_list_the_newest_alone(pool: PgPool) {
    let seed = Seed::short_or_full();
    seed.sow(&pool).await;
    let (owner, middle) = (Seed::OWNER, seed.session_id(seed.sessions / 2));
    let mut conn = pool.acquire().await.unwrap();
    let listed = format!("'{owner}', '{{{middle}}}', '{middle}', '{middle}'");
    let lookups = [
        ("FROM sessions … waited_ms, is_test … session_id = $2", format!("'{owner}', '{middle}'")),
        ("FROM session_events … sequence > $3", format!("'{owner}', '{middle}', 0, 1000")),
        ("FROM sessions … AS \"called: Vec<Uuid>\"", listed.clone()),
        ("FROM session_events … AS call_id … AS tool … session_id = ANY ($2)", listed.clone()),
        ("SELECT waiting -> 'calls' AS calls … session_id = ANY ($2)", listed),
    ];
    for mode in ["force_generic_plan", "force_custom_plan"] {
        run(&mut conn, &format!("SET plan_cache_mode = {mode}")).await;
        for (parts, arguments) in &lookups {
            let plan = plan(&mut conn, &statement(parts), arguments, true).await;
            assert_eq!(opened(&plan).len(), 1, "{mode}: {plan:#}");
        }
        let parts = "FROM sessions … session_id < $2 … !agent_id = $4";
        let last = "'ffffffff-ffff-ffff-ffff-ffffffffffff'";
        let plan =
            plan(&mut conn, &statement(parts), &format!("'{owner}', {last}, 51"), true).await;
        let opened = opened(&plan);
        // The months to come are empty; the newest with sessions answers, those before stay closed.
        assert!(opened.iter().filter(|(_, rows)| *rows > 0).count() == 1, "{mode}: {opened:?}");
        assert!(opened.len() < seed::MONTHS + 1, "{mode}: {opened:?}");
    }
}

/// What is not over was begun of late: months from before the first of it stay closed.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_not_over_is_looked_for_where_it_is(pool: PgPool) {
    Seed::short_or_full().sow(&pool).await;
    let owner = Seed::OWNER;
    let mut conn = pool.acquire().await.unwrap();
    let looks = [
        ("bit_xor(hashtextextended(", format!("'{owner}'")),
        ("waiting -> 'shortfall' ->> 'scope' = ANY ($2)", format!("'{owner}', '{{agent}}'")),
    ];
    for mode in ["force_generic_plan", "force_custom_plan"] {
        run(&mut conn, &format!("SET plan_cache_mode = {mode}")).await;
        for (parts, arguments) in &looks {
            let plan = plan(&mut conn, &statement(parts), arguments, true).await;
            let months = opened(&plan).into_iter().map(|(name, _)| name);
            let months: Vec<_> = months.filter(|name| name.starts_with("sessions_")).collect();
            // The month that has it, the three that are made ahead, and what is later than those.
            assert!((1..=5).contains(&months.len()), "{mode}: {months:?}: {plan:#}");
        }
    }
}

/// The tables that a plan really read, with the rows that it took from each.
fn opened(plan: &Value) -> Vec<(String, i64)> {
    let mut all = Vec::new();
    nodes(plan, &mut all);
    let table = |node: &&Value| {
        let name = node["Relation Name"].as_str()?;
        let is_read = node["Actual Loops"].as_i64() > Some(0);
        is_read.then(|| (name.to_owned(), node["Actual Rows"].as_i64().unwrap_or(0)))
    };
    all.iter().filter_map(table).collect()
}

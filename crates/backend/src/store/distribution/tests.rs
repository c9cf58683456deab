//! Facts about the steps. What a cluster makes of them shows on one alone.

use sqlx::PgPool;

use super::*;

async fn schema(pool: &PgPool) -> Schema {
    read(&mut pool.acquire().await.unwrap()).await.unwrap()
}

fn statements(schema: &Schema) -> Vec<String> {
    plan(schema).unwrap().into_iter().map(|step| step.statement).collect()
}

fn place(statements: &[String], part: &str) -> usize {
    statements
        .iter()
        .position(|statement| statement.contains(part))
        .unwrap_or_else(|| panic!("{part} in {statements:?}"))
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn owners_tables_lie_beside_each_other(pool: PgPool) {
    let statements = statements(&schema(&pool).await);
    let spread = |table: &str| place(&statements, &format!("create_distributed_table('{table}'"));
    for table in ["sessions", "session_events", "budgets", "webhooks"] {
        assert!(statements[spread(table)].contains("'owner_id', colocate_with => 'agents'"));
    }
    assert!(!statements.iter().any(|statement| statement.contains("session_queue")));
    for (first, then) in [
        ("agents", "agent_memories"),
        ("agents", "knowledge_documents"),
        ("knowledge_documents", "knowledge_passages"),
        ("knowledge_passages", "knowledge_embeddings"),
        ("triggers", "trigger_messages"),
        ("webhooks", "webhook_deliveries"),
    ] {
        assert!(spread(first) < spread(then), "{first} before {then}: {statements:?}");
    }
    assert!(!is_possible(&mut pool.acquire().await.unwrap()).await.unwrap());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn people_are_copied_while_nothing_refers_to_them(pool: PgPool) {
    let statements = statements(&schema(&pool).await);
    let copied = place(&statements, "create_reference_table('users')");
    for (at, statement) in statements.iter().enumerate() {
        if statement.contains("DROP TRIGGER") || statement.contains("DROP CONSTRAINT") {
            assert!(at < copied, "{statement}");
        } else if statement.contains("create_distributed_table") {
            assert!(copied < at, "{statement}");
        } else if statement.contains("ADD CONSTRAINT") {
            assert!(place(&statements, "create_distributed_table('webhooks'") < at, "{statement}");
        }
    }
    place(&statements, "DROP TRIGGER sessions_tell_webhooks ON sessions");
    place(&statements, "create_distributed_function('is_owner_held(uuid)')");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn each_foreign_key_that_goes_comes_back(pool: PgPool) {
    let schema = schema(&pool).await;
    let mut gone = Vec::new();
    let mut back = Vec::new();
    for statement in statements(&schema) {
        let words: Vec<_> = statement.split_whitespace().map(str::to_owned).collect();
        match words.get(3..) {
            Some([verb, _, name, ..]) if verb == "DROP" => gone.push(name.clone()),
            Some([verb, _, name, ..]) if verb == "ADD" => back.push(name.clone()),
            _ => {}
        }
    }
    gone.sort();
    back.sort();
    assert_eq!(gone, back);
    assert!(gone.contains(&"sessions_owner_id_fkey".to_owned()), "{gone:?}");
    let whole = sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "count!" FROM pg_constraint
        WHERE contype = 'f' AND conname = ANY ($1)
          AND pg_get_constraintdef(oid)
              = 'FOREIGN KEY (owner_id) REFERENCES users(user_id) ON DELETE CASCADE'
          AND conparentid = 0
        "#,
        &gone,
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(whole, i64::try_from(gone.len()).unwrap());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_run_goes_on_where_the_one_before_was_cut_off(pool: PgPool) {
    let mut schema = schema(&pool).await;
    let all = statements(&schema).len();
    schema.triggers.clear();
    schema.references.retain(|key| key.other != "users");
    schema.known.insert("users".to_owned(), Kind::Copied);
    schema.known.insert("agents".to_owned(), Kind::Spread);
    // Citus took it in on its own account, with what is tied to it.
    schema.known.insert("budgets".to_owned(), Kind::Here);
    let rest = statements(&schema);
    assert!(rest.len() < all);
    assert!(!rest.iter().any(|statement| statement.contains("create_reference_table('users')")));
    assert!(!rest.iter().any(|statement| statement.contains("_table('agents'")));
    place(&rest, "create_distributed_table('budgets'");
    place(&rest, "ALTER TABLE agents ADD CONSTRAINT agents_owner_id_fkey");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_spread_is_left_alone(pool: PgPool) {
    let mut schema = schema(&pool).await;
    schema.triggers.clear();
    for table in schema.tables.clone() {
        schema.known.insert(table, Kind::Spread);
    }
    for table in ["users", "bucket_states"] {
        schema.known.insert(table.to_owned(), Kind::Copied);
    }
    assert_eq!(plan(&schema).unwrap(), []);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn rows_that_nobody_reads_any_more_go_last(pool: PgPool) {
    let rows = "INSERT INTO users (user_id, kind, display_name, created_at, updated_at)
                VALUES ('00000000-0000-4000-8000-000000000001', 'guest', 'Guest', now(), now());
                INSERT INTO session_events (owner_id, session_id, sequence, at, kind, body)
                VALUES ('00000000-0000-4000-8000-000000000001',
                        '01940000-0000-7000-8000-000000000001', 1, now(), 'done', '{}')";
    raw_sql(rows).execute(&pool).await.unwrap();
    let mut schema = schema(&pool).await;
    assert_eq!(schema.filled, ["session_events", "users"]);
    schema.filled.push("session_queue".to_owned());
    let statements = statements(&schema);
    let is_before = |statement: &String| {
        ["_reference_table(", "_distributed_table(", "ADD CONSTRAINT"]
            .iter()
            .any(|part| statement.contains(part))
    };
    let last = statements.iter().rposition(is_before).unwrap();
    for table in ["session_events", "users"] {
        let part = format!("truncate_local_data_after_distributing_table('{table}')");
        assert!(last < place(&statements, &part), "{table}: {statements:?}");
    }
    let gone = statements.iter().filter(|statement| statement.contains("truncate_local"));
    assert_eq!(gone.count(), 2, "those of the queue are read here");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_stands_in_the_way_is_named(pool: PgPool) {
    let there = schema(&pool).await;
    let mut schema = there.clone();
    schema.triggers.push(("budgets".to_owned(), "budgets_count".to_owned()));
    assert!(plan(&schema).unwrap_err().contains("budgets_count"));
    let mut schema = there.clone();
    schema.references.push(Reference {
        table: "reviews".to_owned(),
        name: "reviews_session_id_fkey".to_owned(),
        other: "sessions".to_owned(),
    });
    assert!(plan(&schema).unwrap_err().contains("reviews_session_id_fkey"));
    let mut schema = there;
    schema.references.push(Reference {
        table: "schedules".to_owned(),
        name: "schedules_listing_id_fkey".to_owned(),
        other: "listings".to_owned(),
    });
    assert!(plan(&schema).unwrap_err().contains("schedules_listing_id_fkey"));
}

//! Telling what texts mean is paid for: it counts, and ends where a budget does.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use resonant_domain::budget::BudgetLimits;
use serde_json::{Value, json};

use super::*;
use crate::budgets;

/// An endpoint for which all texts mean the same, and each takes 100 tokens. And how many it was sent.
fn endpoint() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    drop(std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            let texts = loop {
                let read = stream.read(&mut piece).unwrap();
                assert!(read > 0, "it hangs up");
                request.extend_from_slice(&piece[..read]);
                let request = String::from_utf8_lossy(&request);
                let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                if let Ok(body) = serde_json::from_str::<Value>(body) {
                    break body["input"].as_array().unwrap().len();
                }
            };
            count.fetch_add(texts, Ordering::SeqCst);
            let data = vec![json!({ "embedding": [1] }); texts];
            let answer = json!({ "data": data, "usage": { "prompt_tokens": 100 * texts } });
            let answer = answer.to_string();
            let length = answer.len();
            let head = format!("content-length: {length}\r\nconnection: close");
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n{answer}").unwrap();
        }
    }));
    (url, sent)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn meanings_count_and_are_told_as_far_as_a_budget_reaches(pool: PgPool) {
    // As with pgvector: all passages are alike.
    let statement = "CREATE OR REPLACE FUNCTION meaning_likeness(one REAL[], other REAL[]) RETURNS REAL \
                     LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 1::REAL'";
    sqlx::raw_sql(statement).execute(&pool).await.unwrap();
    let (url, sent) = endpoint();
    let mut settings = sample::settings();
    settings.models.embeddings = Some(EmbeddingSettings {
        base_url: url.parse().unwrap(),
        api_key: None,
        model: "meanings".to_owned(),
        price: 10_000_000,
    });
    let backend = Backend::for_tests_with(pool.clone(), &settings);
    let ctx = sample::guest(&backend).await.unwrap();
    let system = backend.system();
    let agent = reader(&ctx).await;
    let used = async || {
        let budget = budgets::get(&ctx, None).await.unwrap();
        (sent.load(Ordering::SeqCst), budget.used_tokens, budget.used_micro_usd)
    };
    let most = async |max_tokens| {
        let limits = BudgetLimits { max_tokens, max_micro_usd: None };
        budgets::set(&ctx, None, limits).await.unwrap();
    };
    add(&ctx, agent, document("Handbook.md", HANDBOOK)).await.unwrap();
    assert!(read_next(&system).await.unwrap());
    assert_eq!(used().await, (4, 400, 4_000));
    assert_eq!(found(&ctx, agent, "zebras").await.len(), 4, "by their meaning");
    assert_eq!(used().await, (5, 500, 5_000));

    most(Some(500)).await;
    assert_eq!(found(&ctx, agent, "zebras").await, [], "words alone find");
    assert_eq!(found(&ctx, agent, "taxis").await.len(), 1);
    let mut text = String::new();
    for part in 1..=70 {
        text.push_str("# Part ");
        text.push_str(&part.to_string());
        text.push_str("\n\nWhat it says.\n\n");
    }
    let long = add(&ctx, agent, document("Parts.md", &text)).await.unwrap();
    let passages = usize::try_from(long.passages).unwrap();
    assert!(passages > resonant_runtime::models::TEXTS_MAX);
    assert!(read_next(&system).await.unwrap(), "it is looked at, and waits");
    assert!(!read_next(&system).await.unwrap(), "for a while");
    assert_eq!(used().await, (5, 500, 5_000));

    // What was read before a budget was used up is not paid twice.
    let again = async || {
        let due = "UPDATE knowledge_documents SET embed_at = NULL";
        sqlx::raw_sql(due).execute(&pool).await.unwrap();
        assert!(read_next(&system).await.unwrap());
    };
    most(Some(500 + 64 * 100)).await;
    again().await;
    assert_eq!(used().await, (5 + 64, 6_900, 69_000));
    most(None).await;
    again().await;
    assert_eq!(used().await.0, 5 + passages);
    let due = "UPDATE knowledge_documents SET embed_at = NULL";
    sqlx::raw_sql(due).execute(&pool).await.unwrap();
    assert!(!read_next(&system).await.unwrap(), "all is read");
}

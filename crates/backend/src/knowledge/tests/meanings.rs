//! Telling what texts mean is paid for: it counts, and ends where a budget does.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use resonant_domain::budget::BudgetLimits;
use serde_json::{Value, json};

use super::*;
use crate::budgets;

/// An endpoint that does this with whoever connects.
fn serve(answer: impl Fn(&mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            answer(&mut stream);
        }
    }));
    url
}

/// Reads a request. Answers how many texts it holds.
fn read_texts(stream: &mut TcpStream) -> usize {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "it hangs up");
        request.extend_from_slice(&piece[..read]);
        let request = String::from_utf8_lossy(&request);
        let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        if let Ok(body) = serde_json::from_str::<Value>(body) {
            return body["input"].as_array().unwrap().len();
        }
    }
}

/// An endpoint for which all texts mean the same, and each takes 100 tokens. And how many it was sent.
fn endpoint() -> (String, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let url = serve(move |stream| {
        let texts = read_texts(stream);
        count.fetch_add(texts, Ordering::SeqCst);
        let data = vec![json!({ "embedding": [1] }); texts];
        let answer = json!({ "data": data, "usage": { "prompt_tokens": 100 * texts } });
        let answer = answer.to_string();
        let length = answer.len();
        let head = format!("content-length: {length}\r\nconnection: close");
        write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n{answer}").unwrap();
    });
    (url, sent)
}

/// An installation with this endpoint, and as with pgvector: all passages are alike.
async fn with_endpoint(pool: &PgPool, url: &str) -> Backend {
    let statement = "CREATE OR REPLACE FUNCTION meaning_likeness(one REAL[], other REAL[]) RETURNS REAL \
                     LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 1::REAL'";
    sqlx::raw_sql(statement).execute(pool).await.unwrap();
    let mut settings = sample::settings();
    settings.models.embeddings = Some(EmbeddingSettings {
        base_url: url.parse().unwrap(),
        api_key: None,
        model: "meanings".to_owned(),
        price: 10_000_000,
    });
    Backend::for_tests_with(pool.clone(), &settings)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn meanings_count_and_are_told_as_far_as_a_budget_reaches(pool: PgPool) {
    let (url, sent) = endpoint();
    let backend = with_endpoint(&pool, &url).await;
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

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_was_asked_for_is_paid_though_it_fails_and_a_refusal_is_not(pool: PgPool) {
    for (answer, is_paid) in [
        ("", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno", true),
        ("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", false),
    ] {
        let url = serve(move |stream| {
            read_texts(stream);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let backend = with_endpoint(&pool, &url).await;
        let ctx = sample::guest(&backend).await.unwrap();
        let agent = reader(&ctx).await;
        add(&ctx, agent, document("Handbook.md", HANDBOOK)).await.unwrap();
        assert_eq!(found(&ctx, agent, "taxis").await.len(), 1, "words alone find");
        let most = backend.embedder().unwrap().most(&["taxis".to_owned()]);
        let expected = if is_paid { most.total_tokens() } else { 0 };
        let budget = budgets::get(&ctx, None).await.unwrap();
        assert_eq!(budget.used_tokens, expected, "{answer:?}");
        assert!(read_next(&backend.system()).await.is_err(), "the document is read another time");
        let used = budgets::get(&ctx, None).await.unwrap().used_tokens;
        assert_eq!(used > expected, is_paid, "{answer:?}");
    }
}

//! Results of tools that are too long to be shown with their session.

use resonant_backend::fresh_database;

use crate::support::{TestApp, Visitor};

const END: &str = "the end of it";

/// Makes all that tools have answered so far long.
async fn lengthen(app: &TestApp) {
    let statement = format!(
        "UPDATE session_events
         SET body = jsonb_set(body, '{{content}}', to_jsonb(repeat('x', 300000) || '{END}'))
         WHERE kind = 'tool_result'"
    );
    fresh_database::execute(&app.database_url(), &statement).await;
}

#[tokio::test]
async fn a_long_result_is_read_whole_where_its_session_is_read() {
    let app = TestApp::builder().workers(1).start().await;
    let (ada, ben) = (app.member("ada").await, app.member("ben").await);
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "What is 12 * 7?").await;
    app.finish(&ada, &session).await;
    lengthen(&app).await;

    let share = app.post("/api/fn/sessions/share_session").by(&ada);
    let share = share.header("accept", "application/json").form(&format!("id={}", session.id));
    let token = share.await.value();
    let (own, shared) =
        (format!("/sessions/{}", session.id), format!("/shared/{}", token.as_str().unwrap()));
    let mut event = String::new();
    for (page, reader) in [(&own, &ada), (&shared, &Visitor::ANONYMOUS)] {
        let shown = app.get(page).by(reader).header("accept", "text/html").await;
        let text = shown.text();
        assert_eq!(shown.status, 200, "{page}: {text}");
        assert!(text.contains("300,013 characters") && !text.contains(END), "{page}: {text}");
        let (_, link) = text.split_once(&format!("href=\"{page}/results/")).unwrap();
        event = link[..link.find('"').unwrap()].to_owned();

        let whole = app.get(&format!("{page}/results/{event}")).by(reader).await;
        assert_eq!(whole.status, 200, "{page}: {whole:?}");
        assert_eq!(whole.header("content-type"), "text/plain; charset=utf-8", "{page}");
        assert_eq!(whole.header("x-content-type-options"), "nosniff", "{page}");
        assert_eq!(whole.header("cache-control"), "no-store", "{page}");
        assert_eq!(whole.body.len(), 300_000 + END.len(), "{page}");
        assert!(whole.text().ends_with(END), "{page}");
    }
    // The log and the recording say it too.
    for page in [format!("{own}?view=raw"), format!("{own}/replay")] {
        let shown = app.get(&page).by(&ada).header("accept", "text/html").await.text();
        assert!(!shown.contains(END) && shown.contains("300013 characters"), "{page}: {shown}");
    }

    let result = format!("{own}/results/{event}");
    assert_eq!(app.get(&result).by(&ben).await.status, 404);
    assert_eq!(app.get(&result).await.status, 401);
    for nothing in ["1", "99999", "-1", "x"] {
        for page in [&own, &shared] {
            let answer = app.get(&format!("{page}/results/{nothing}")).by(&ada).await;
            assert_eq!(answer.status, 404, "{page} {nothing}: {answer:?}");
        }
    }
    assert_eq!(app.get(&format!("/sessions/x/results/{event}")).by(&ada).await.status, 404);
    assert_eq!(app.get(&format!("/shared/x/results/{event}")).await.status, 404);
    app.end().await;
}

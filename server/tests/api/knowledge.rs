//! What an agent keeps: documents and facts.

use http::Method;
use serde_json::json;

use resonant_backend::{Actor, RequestId, knowledge};

use crate::support::{Meanings, TestApp, Visitor, read_documents_now};

#[tokio::test]
async fn a_document_is_added_found_and_taken_away() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Librarian").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let text = "# Leave\n\nEmployees get 30 days of paid leave a year.";
    let new = json!({ "title": "Handbook.md", "text": text });
    let made = app.post(&format!("{path}/knowledge")).by(&ada).json(&new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.value()["id"].as_str().unwrap().to_owned();
    let place = format!("{path}/knowledge/{id}");
    assert_eq!(made.header("location"), place);
    assert_eq!(
        (&made.value()["format"], &made.value()["passages"]),
        (&json!("markdown"), &json!(1))
    );

    let found = app.get(&format!("{path}/passages?query=days+of+leave")).by(&ada).await.value();
    let passage = &found["passages"][0];
    assert_eq!(passage["heading"], "Leave");
    let page = format!("/studio/agents/{}/knowledge/{id}", agent.id);
    assert_eq!(passage["url"], format!("{page}?passage=1#passage-1"));
    assert_eq!((&passage["document_id"], &passage["position"]), (&json!(id), &json!(1)));
    // The address leads there, for who may know.
    let read = app.get(&format!("{page}?passage=1")).by(&ada).header("accept", "text/html").await;
    assert_eq!(read.status, 200, "{read:?}");
    assert!(read.text().contains("id=\"passage-1\"") && read.text().contains("30 days"));
    let bob = app.guest().await;
    for caller in [&bob, &Visitor::ANONYMOUS] {
        let read = app.get(&page).by(caller).header("accept", "text/html").await;
        assert!(!read.text().contains("30 days"), "{read:?}");
    }
    let none = app.get(&format!("{path}/passages?query=zebras")).by(&ada).await.value();
    assert_eq!(none, json!({ "passages": [] }));

    let gone = app.call(Method::DELETE, &place).by(&ada).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_eq!(app.call(Method::DELETE, &place).by(&ada).await.status, 404);
    let list = app.get(&format!("{path}/knowledge")).by(&ada).await.value();
    assert_eq!(list["documents"], json!([]));
    app.end().await;
}

#[tokio::test]
async fn each_broken_field_of_a_document_is_named() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Librarian").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    for (body, field) in [
        (json!({ "title": "", "text": "x" }), "title"),
        (json!({ "title": "a", "text": "" }), "text"),
        (json!({ "title": "a", "text": "%PDF-1.7" }), "text"),
        (json!({ "title": "a", "text": "x".repeat(600_000) }), "text"),
        (json!({ "title": "a", "text": "x", "format": "docx" }), "format"),
        (json!({ "title": "a", "text": "no base64!", "format": "pdf" }), "text"),
        (json!({ "title": "a.pdf", "text": "JVBERi0xLjcK" }), "text"),
        (json!({ "title": "a" }), "text"),
        (json!({ "title": "a", "text": "x", "url": "http://a.b" }), "url"),
    ] {
        let answer = app.post(&format!("{path}/knowledge")).by(&ada).json(&body).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]), "{field}");
    }
    for (query, field) in [("", "query"), ("?query=", "query"), ("?query=a&most=0", "most")] {
        let answer = app.get(&format!("{path}/passages{query}")).by(&ada).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]), "{query}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_fact_is_remembered_and_forgotten() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Butler").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let tools = json!({ "tools": [{ "name": "remember" }] });
    app.call(Method::PATCH, &path).by(&ada).json(&tools).await;
    let session = app.session(&ada, &agent, "Remember that the tea is green").await;
    app.finish(&ada, &session).await;
    let facts = app.get(&format!("{path}/memories")).by(&ada).await.value();
    assert_eq!(facts["memories"][0]["key"], "tea", "{facts}");
    let id = facts["memories"][0]["id"].as_str().unwrap();
    let gone = app.call(Method::DELETE, &format!("{path}/memories/{id}")).by(&ada).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    let facts = app.get(&format!("{path}/memories")).by(&ada).await.value();
    assert_eq!(facts["memories"], json!([]));
    app.end().await;
}

#[tokio::test]
async fn what_an_agent_keeps_is_its_owners() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Librarian").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let new = json!({ "title": "Handbook", "text": "The leave of librarians is 30 days." });
    let made = app.post(&format!("{path}/knowledge")).by(&ada).json(&new).await;
    let id = made.value()["id"].as_str().unwrap().to_owned();
    let nobodys = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (caller, expected) in
        [(app.guest().await, 404), (app.member("bob").await, 404), (Visitor::ANONYMOUS, 401)]
    {
        for place in ["knowledge", "passages?query=leave", "memories"] {
            let answer = app.get(&format!("{path}/{place}")).by(&caller).await;
            assert_eq!(answer.problem(), (expected, vec![]), "{place}");
            assert!(!answer.text().contains("librarians"), "{answer:?}");
        }
        let answer = app.post(&format!("{path}/knowledge")).by(&caller).json(&new).await;
        assert_eq!(answer.problem(), (expected, vec![]));
        for place in [format!("knowledge/{id}"), format!("memories/{nobodys}")] {
            let answer = app.call(Method::DELETE, &format!("{path}/{place}")).by(&caller).await;
            assert_eq!(answer.problem(), (expected, vec![]), "{place}");
        }
    }
    let list = app.get(&format!("{path}/knowledge")).by(&ada).await.value();
    assert_eq!(list["documents"][0]["id"], id.as_str(), "nobody else changed it");
    app.end().await;
}

/// Where PostgreSQL has pgvector a passage is found by what it means, elsewhere by its words alone.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "./dev test peers tells that it has pgvector")]
async fn a_passage_is_found_by_its_meaning_where_that_can_be_compared() {
    let meanings = Meanings::start().await;
    let app = TestApp::builder().meanings(meanings.url()).start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Librarian").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let text = "# Absence\n\nEmployees get 30 days of paid leave a year.\n\n# Trips\n\nTrains and taxis are \
                booked by the office.\n\n# Kitchen\n\nBeverages are free of charge.";
    let new = json!({ "title": "Handbook.md", "text": text });
    app.post(&format!("{path}/knowledge")).by(&ada).json(&new).await;
    let search = async |query: &str| {
        let found = app.get(&format!("{path}/passages?query={query}")).by(&ada).await.value();
        let found = found["passages"].as_array().unwrap().clone();
        found.iter().map(|it| it["heading"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(search("vacation").await, [""; 0], "it is not read yet");
    let system = app.backend.ctx(Actor::System, RequestId::new("test"));
    meanings.be_ill(true);
    let can_compare = knowledge::read_next(&system).await.is_err();
    meanings.be_ill(false);
    // It is tried again later: as if that time had come.
    read_documents_now(&app.database_url()).await;
    assert_eq!(knowledge::read_next(&system).await.unwrap(), can_compare);
    assert!(!knowledge::read_next(&system).await.unwrap());
    if !can_compare {
        assert!(std::env::var("RESONANT_HAS_VECTORS").is_err(), "meanings can be compared");
        assert_eq!(search("vacation").await, [""; 0]);
        app.end().await;
        return;
    }
    assert_eq!(search("vacation").await, ["Absence"]);
    assert_eq!(search("tea").await, ["Kitchen"]);
    // By word and by meaning: what both find stands before what one of them finds.
    assert_eq!(search("journey+of+employees+by+train").await, ["Trips", "Absence"]);
    assert_eq!(search("zebras").await, [""; 0]);
    // Words are enough while the model does not answer.
    meanings.be_ill(true);
    assert_eq!(search("beverages").await, ["Kitchen"]);
    assert_eq!(search("vacation").await, [""; 0]);
    app.end().await;
}

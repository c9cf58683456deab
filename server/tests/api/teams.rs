//! Teams over HTTP: from a team to a session that a teammate starts.

use http::Method;
use serde_json::{Value, json};

use super::keys;
use crate::support::{TestApp, Visitor, lose_replies};

/// A team of the visitor.
pub(super) async fn team(app: &TestApp, owner: &Visitor) {
    let new = json!({ "name": "The lab", "slug": "lab" });
    let made = app.post("/api/v1/teams").by(owner).json(&new).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("location"), "/api/v1/teams/lab");
    assert_eq!(made.value()["role"], "owner");
}

/// Brings somebody in by a link.
pub(super) async fn join(app: &TestApp, owner: &Visitor, who: &Visitor, role: &str) {
    let invitations = "/api/v1/teams/lab/invitations";
    let made = app.post(invitations).by(owner).json(&json!({ "role": role })).await;
    assert_eq!(made.status, 201, "{made:?}");
    let token = made.value()["token"].clone();
    let body = json!({ "token": token });
    let joined = app.post("/api/v1/team-invitations/accept").by(who).json(&body).await;
    assert_eq!((joined.status, &joined.value()["role"]), (200, &json!(role)), "{joined:?}");
    let again = app.post("/api/v1/team-invitations/accept").by(who).json(&body).await;
    assert_eq!(again.status, 404, "{again:?}");
}

#[tokio::test]
async fn a_teammate_runs_a_shared_agent_until_they_are_out() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let agent = app.agent(&ada, "Reckoner").await;
    team(&app, &ada).await;
    join(&app, &ada, &bob, "viewer").await;
    let agent_path = format!("/api/v1/agents/{}", agent.id);
    assert_eq!(app.get(&agent_path).by(&bob).await.status, 404);
    let share = format!("/api/v1/teams/lab/agents/{}", agent.id);
    assert_eq!(app.call(Method::PUT, &share).by(&bob).await.status, 404);
    assert_eq!(app.call(Method::PUT, &share).by(&ada).await.status, 204);

    let shared = app.get("/api/v1/agents/shared").by(&bob).await.value();
    assert_eq!(shared["agents"][0]["name"], "Reckoner");
    assert_eq!(shared["agents"][0]["owner_name"], "ada");
    assert_eq!(app.get(&agent_path).by(&bob).await.status, 200);
    let execute = format!("{agent_path}/execute");
    let refused = app.post(&execute).by(&bob).json(&json!({ "goal": "1 + 1" })).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let detail = refused.value()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("does not let you start sessions"), "{detail}");

    let members = app.get("/api/v1/teams/lab/members").by(&ada).await.value();
    let id = members["members"][1]["user_id"].as_str().unwrap().to_owned();
    let member = format!("/api/v1/teams/lab/members/{id}");
    let role = json!({ "role": "runner" });
    assert_eq!(app.call(Method::PATCH, &member).by(&ada).json(&role).await.status, 204);
    let started = app.post(&execute).by(&bob).json(&json!({ "goal": "1 + 1" })).await;
    assert_eq!(started.status, 202, "{started:?}");
    let session: Value = started.value();
    assert_eq!(session["started_by"], id.as_str());
    assert_eq!(session["owner_id"], json!(agent.owner_id));
    let session_path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
    for path in [&session_path, &format!("{session_path}?fields=id,state")] {
        assert_eq!(app.get(path).by(&bob).await.status, 200, "{path}");
    }
    let own = app.get("/api/v1/sessions").by(&bob).await.value();
    assert_eq!(own["sessions"], json!([]));
    let of_agent = format!("/api/v1/sessions?agent_id={}", agent.id);
    let listed = app.get(&of_agent).by(&bob).await.value();
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1);

    assert_eq!(app.call(Method::DELETE, &member).by(&ada).await.status, 204);
    for path in [&agent_path, &session_path, &"/api/v1/teams/lab".to_owned()] {
        assert_eq!(app.get(path).by(&bob).await.status, 404, "{path}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_batch_answers_what_a_single_read_answers() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let shared = app.agent(&ada, "Shared").await.id;
    let (other, own) = (app.agent(&ada, "Other").await.id, app.agent(&bob, "Own").await.id);
    team(&app, &ada).await;
    join(&app, &ada, &bob, "runner").await;
    let share = format!("/api/v1/teams/lab/agents/{shared}");
    assert_eq!(app.call(Method::PUT, &share).by(&ada).await.status, 204);
    let execute = format!("/api/v1/agents/{shared}/execute");
    let started = app.post(&execute).by(&bob).json(&json!({ "goal": "1 + 1" })).await;
    assert_eq!(started.status, 202, "{started:?}");
    let batch = async |query: &str| {
        let call = app.post(&format!("/api/v1/agents/batch{query}")).by(&bob);
        call.json(&json!({ "ids": [shared, own, other] })).await.value()
    };
    for query in ["", "?fields=id,name", "?include=sessions"] {
        let found = batch(query).await;
        assert_eq!(found["missing"], json!([other]), "{query}: {found}");
        for (place, id) in [shared, own].iter().enumerate() {
            let one = app.get(&format!("/api/v1/agents/{id}{query}")).by(&bob).await.value();
            assert_eq!(found["agents"][place], one, "{query}");
        }
    }
    let found = batch("?include=sessions").await;
    assert_eq!(found["agents"][0]["sessions"][0]["goal"], "1 + 1", "{found}");
    // As the list of sessions tells them, and none that the owner started.
    let mine = app.post(&execute).by(&ada).json(&json!({ "goal": "2 + 2" })).await;
    assert_eq!(mine.status, 202, "{mine:?}");
    let of_shared = format!("/api/v1/sessions?agent_id={shared}");
    let listed = app.get(&of_shared).by(&bob).await.value();
    let found = batch("?include=sessions").await;
    assert_eq!(found["agents"][0]["sessions"], listed["sessions"], "{found}");
    assert_eq!(found["agents"][1]["sessions"], json!([]), "{found}");
    assert_eq!(app.call(Method::DELETE, &share).by(&ada).await.status, 204);
    assert_eq!(batch("").await["missing"], json!([shared, other]));
    app.end().await;
}

#[tokio::test]
async fn a_key_needs_the_scope_of_teams() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    team(&app, &ada).await;
    for (scope, reads, writes) in
        [("agents:write", 403, 403), ("teams:read", 200, 403), ("teams:write", 403, 200)]
    {
        let key = keys::make(&app, &ada, &[scope]).await;
        let read = keys::with(app.get("/api/v1/teams/lab"), &key).await;
        assert_eq!(read.status, reads, "{scope}: {read:?}");
        let name = json!({ "name": "Lab" });
        let write = keys::with(app.call(Method::PATCH, "/api/v1/teams/lab"), &key);
        let write = write.json(&name).await;
        assert_eq!(write.status, writes, "{scope}: {write:?}");
    }
    app.end().await;
}

#[tokio::test]
async fn an_invitation_that_is_gone_is_not_made_again_when_the_answer_was_lost() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    team(&app, &ada).await;
    let new = json!({ "role": "editor", "email": "bob@example.org" });
    let path = "/api/v1/teams/lab/invitations";
    let ask = || app.post(path).by(&ada).header("idempotency-key", "one").json(&new);
    let first = ask().await;
    assert_eq!(first.status, 201, "{first:?}");
    let open = app.get(path).by(&ada).await.value();
    let id = open["invitations"][0]["id"].as_str().unwrap();
    let gone = app.call(Method::DELETE, &format!("{path}/{id}")).by(&ada).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    lose_replies(&app.database_url()).await;
    let again = ask().await;
    assert_eq!((again.status, again.value()), (201, first.value()));
    assert_eq!(app.get(path).by(&ada).await.value()["invitations"], json!([]));
    assert_eq!(
        app.get("/api/v1/team-invitations").by(&bob).await.value()["invitations"],
        json!([])
    );
    app.end().await;
}

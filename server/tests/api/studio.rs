//! What people do in the studio beside agents and sessions themselves, done by programs: inputs of steps,
//! links, the trash, editions, numbers, usage.

use http::Method;
use resonant_domain::AgentId;
use serde_json::{Value, json};

use super::keys;
use super::teams::{join, team};
use crate::support::{Answer, TestApp, Visitor};

/// What the owner gets, then viewer, runner, editor and admin of a team with which the agent is shared, a
/// stranger, a guest, and nobody known. A key of the owner without the scope always gets 403.
type Outcome = [u16; 8];

const READ: Outcome = [200, 200, 200, 200, 200, 404, 404, 401];
const EDIT: Outcome = [200, 403, 403, 200, 200, 404, 404, 401];
/// Of the owner alone.
const OWN: Outcome = [200, 403, 403, 403, 403, 404, 404, 401];
/// Of whoever asks.
const EACH: Outcome = [200, 200, 200, 200, 200, 200, 200, 401];
/// There is no such thing, for whoever is known.
const NOWHERE: Outcome = [404, 404, 404, 404, 404, 404, 404, 401];

#[tokio::test]
async fn each_route_knows_its_callers() {
    let mut app = TestApp::start().await;
    let ada = app.member("ada").await;
    let agent = app.published_agent(&ada, "Reckoner").await;
    team(&app, &ada).await;
    let mut callers = vec![("owner", ada.clone())];
    for role in ["viewer", "runner", "editor", "admin"] {
        let teammate = app.member(role).await;
        join(&app, &ada, &teammate, role).await;
        callers.push((role, teammate));
    }
    callers.push(("stranger", app.member("stranger").await));
    callers.push(("guest", app.guest().await));
    callers.push(("nobody", Visitor::ANONYMOUS));
    let shared = format!("/api/v1/teams/lab/agents/{}", agent.id);
    assert_eq!(app.call(Method::PUT, &shared).by(&ada).await.status, 204);
    // What its owner starts stays the owner's: a teammate has started this one.
    app.start_workers(1);
    let runner = &callers[2].1;
    let session = app.session(runner, &agent, "What is 1 + 1?").await;
    app.finish(runner, &session).await;
    app.stop_workers().await;

    let own = format!("/api/v1/agents/{}", agent.id);
    let basics = json!({ "name": "Basics", "cases": [{ "goal": "1 + 1" }] });
    let made = app.post(&format!("{own}/test-sets")).by(&ada).json(&basics).await;
    let test_set = made.header("location").to_owned();
    let session = format!("/api/v1/sessions/{}", session.id);
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let goal = |edition: &str| Some(json!({ "goal": "1 + 1", "edition": edition }));
    let sum = json!({ "arguments": { "expression": "1 + 1" } });
    let resume = json!({ "ids": [agent.id], "action": "resume" });
    let invitation = json!({ "team": "den" });
    let table: [(&Method, String, Option<Value>, Outcome); _] = [
        (&get, format!("{session}/steps/1/input"), None, READ),
        (&post, format!("{session}/steps/1/retry"), None, [202, 403, 202, 202, 202, 404, 404, 401]),
        (&put, format!("{session}/share"), None, OWN),
        (&get, format!("{session}/share"), None, OWN),
        (&delete, format!("{session}/share"), None, [204, 403, 403, 403, 403, 404, 404, 401]),
        (&get, format!("{own}/diff?before=1&after=draft"), None, READ),
        (&get, format!("{own}/numbers"), None, READ),
        (&get, format!("{own}/test-sets/trash"), None, READ),
        (&post, format!("{test_set}/restore"), None, EDIT),
        (&post, format!("{own}/tools/calculator/try"), Some(sum), EDIT),
        (&post, format!("{own}/execute"), goal("1"), [202, 403, 202, 202, 202, 404, 404, 401]),
        (&post, format!("{own}/execute"), goal("draft"), [202, 403, 403, 202, 202, 404, 404, 401]),
        (&get, "/api/v1/usage".into(), None, EACH),
        (&get, format!("/api/v1/usage?agent_id={}", agent.id), None, OWN),
        (&get, "/api/v1/agents/trash".into(), None, EACH),
        (&post, "/api/v1/agents/changes".into(), Some(resume), EACH),
        (&post, "/api/v1/agents/proposals".into(), Some(json!({ "wish": "Read pages" })), EACH),
        (&post, "/api/v1/team-invitations/decline".into(), Some(invitation), NOWHERE),
        (&post, format!("{own}/restore"), None, OWN),
        // It is not in the trash.
        (&delete, format!("/api/v1/agents/trash/{}", agent.id), None, NOWHERE),
    ];
    let scopeless = keys::make(&app, &ada, &["audit:read"]).await;
    for (method, path, body, outcome) in table {
        let call = |caller: &Visitor| {
            let call = app.call(method.clone(), &path).by(caller);
            if let Some(body) = &body { call.json(body) } else { call }
        };
        // The owner comes last: what goes must not be hidden from the others.
        for ((name, caller), expected) in callers.iter().zip(outcome).rev() {
            let answer = call(caller).await;
            assert_eq!(answer.status, expected, "{method} {path} by {name}: {answer:?}");
            if expected >= 400 {
                assert_eq!(answer.problem(), (expected, vec![]), "{method} {path} by {name}");
            }
        }
        let refused = keys::with(call(&Visitor::ANONYMOUS), &scopeless).await;
        assert_eq!(refused.problem(), (403, vec![]), "{method} {path} by a key");
    }
    app.end().await;
}

/// A session of the visitor that has come to its end.
async fn ended(app: &mut TestApp, ada: &Visitor) -> String {
    let agent = app.agent(ada, "Reckoner").await;
    app.start_workers(1);
    let session = app.session(ada, &agent, "What is 12 * 7?").await;
    app.finish(ada, &session).await;
    app.stop_workers().await;
    format!("/api/v1/sessions/{}", session.id)
}

#[tokio::test]
async fn a_step_is_read_as_it_was_given_and_tried_anew() {
    let mut app = TestApp::start().await;
    let ada = app.member("ada").await;
    let session = ended(&mut app, &ada).await;
    let path = format!("{session}/steps/1/input");
    let input = app.get(&path).by(&ada).await.value();
    assert_eq!((&input["step"], &input["attempt"]), (&json!(1), &json!(1)), "{input}");
    let goal = json!({ "kind": "goal", "text": "What is 12 * 7?" });
    assert_eq!(input["messages"], json!([goal]), "{input}");
    assert_eq!(input["tools"][0]["name"], "calculator");
    assert!(input["system"].is_string(), "{input}");
    // Who may not read the agent reads what the session itself tells.
    let key = keys::make(&app, &ada, &["sessions:read"]).await;
    let bare = keys::with(app.get(&path), &key).await.value();
    assert_eq!((&bare["system"], &bare["tools"]), (&Value::Null, &json!([])));
    assert_eq!(bare["messages"], input["messages"]);
    let part = app.get(&format!("{path}?fields=model,step")).by(&ada).await.value();
    assert_eq!(part, json!({ "model": input["model"], "step": 1 }));
    for step in ["99", "0", "-1", "first"] {
        let none = app.get(&format!("{session}/steps/{step}/input")).by(&ada).await;
        assert_eq!(none.problem(), (404, vec![]), "{step}");
    }

    let anew = app.post(&format!("{session}/steps/2/retry")).by(&ada).await;
    assert_eq!(anew.status, 202, "{anew:?}");
    let anew_told = anew.value();
    let parent = &anew_told["parent"];
    let shared = (session.rsplit('/').next().unwrap(), 1);
    assert_eq!((parent["session_id"].as_str().unwrap(), parent["step"].as_i64().unwrap()), shared);
    let other = app.get(anew.header("location")).by(&ada).await.value();
    assert_eq!((&other["id"], &other["goal"]), (&anew_told["id"], &json!("What is 12 * 7?")));
    let never = app.post(&format!("{session}/steps/99/retry")).by(&ada).await;
    assert_eq!(never.problem(), (400, vec!["step".to_owned()]));
    app.end().await;
}

#[tokio::test]
async fn a_link_leads_anyone_to_a_session_until_it_is_taken_back() {
    let mut app = TestApp::start().await;
    let ada = app.member("ada").await;
    let session = ended(&mut app, &ada).await;
    let share = format!("{session}/share");
    let asked = async |method: Method| app.call(method, &share).by(&ada).await;
    assert_eq!(asked(Method::GET).await.problem(), (404, vec![]));
    let link = asked(Method::PUT).await.value();
    let token = link["token"].as_str().unwrap();
    assert_eq!(link["url"], format!("http://resonant.test/shared/{token}"));
    for method in [Method::PUT, Method::GET] {
        assert_eq!(asked(method).await.value(), link, "there is one link");
    }

    let shared = format!("/api/v1/shared/{token}");
    let input = format!("{shared}/steps/1/input");
    let read = app.get(&shared).await.value();
    assert_eq!(read["session"]["goal"], "What is 12 * 7?");
    let nobody = "00000000-0000-0000-0000-000000000000";
    assert_eq!(read["session"]["owner_id"], nobody, "whose it is stays hidden");
    assert_eq!(read["events"].as_array().unwrap().last().unwrap()["type"], "done");
    let given = app.get(&input).await.value();
    assert_eq!((&given["messages"][0]["kind"], &given["system"]), (&json!("goal"), &Value::Null));
    assert_eq!(app.get(&format!("{shared}/steps/99/input")).await.problem(), (404, vec![]));

    assert_eq!(asked(Method::DELETE).await.status, 204);
    assert_eq!(asked(Method::DELETE).await.status, 204, "it is not there, as is wanted");
    assert_eq!(asked(Method::GET).await.problem(), (404, vec![]));
    for path in [&shared, &input, &"/api/v1/shared/x".to_owned()] {
        assert_eq!(app.get(path).await.problem(), (404, vec![]), "{path}");
    }
    app.end().await;
}

#[tokio::test]
async fn what_was_deleted_is_listed_and_comes_back() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let own = format!("/api/v1/agents/{}", agent.id);
    let set = json!({ "name": "Basics", "cases": [{ "goal": "1 + 1" }] });
    let set = app.post(&format!("{own}/test-sets")).by(&ada).json(&set).await;
    let place = set.header("location").to_owned();
    let delete = async |path: &str| app.call(Method::DELETE, path).by(&ada).await.status;
    assert_eq!(delete(&place).await, 204);
    let trash = app.get(&format!("{own}/test-sets/trash")).by(&ada).await.value();
    assert_eq!(trash["test_sets"][0]["set"]["id"], set.value()["id"]);
    assert!(trash["test_sets"][0]["deleted_at"].is_string(), "{trash}");
    let back = app.post(&format!("{place}/restore")).by(&ada).await;
    assert_eq!((back.status, &back.value()["cases"]), (200, &set.value()["cases"]));
    let read = app.get(&place).by(&ada).await;
    assert_eq!(read.header("etag"), back.header("etag"));

    let restore = async || app.post(&format!("{own}/restore")).by(&ada).await;
    assert_eq!(delete(&own).await, 204);
    let trash = app.get("/api/v1/agents/trash").by(&ada).await.value();
    assert_eq!(trash["agents"][0]["id"], json!(agent.id));
    assert_eq!(trash["has_more"], json!(false));
    let back = restore().await;
    assert_eq!(back.status, 200, "{back:?}");
    assert_eq!(back.header("etag"), app.get(&own).by(&ada).await.header("etag"));
    assert_eq!(restore().await.value(), back.value(), "it is back already");
    let trash = app.get("/api/v1/agents/trash").by(&ada).await.value();
    assert_eq!(trash["agents"], json!([]));

    assert_eq!(delete(&own).await, 204);
    let erased = format!("/api/v1/agents/trash/{}", agent.id);
    assert_eq!(delete(&erased).await, 204);
    assert_eq!(delete(&erased).await, 404);
    assert_eq!(restore().await.problem(), (404, vec![]));
    app.end().await;
}

#[tokio::test]
async fn many_agents_are_changed_at_once_and_once() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.guest().await, app.guest().await);
    let [one, other, his] = [
        app.agent(&ada, "One").await,
        app.agent(&ada, "Other").await,
        app.agent(&bob, "His").await,
    ];
    let change = async |action: &str, key: &str| -> Answer {
        let body = json!({ "ids": [one.id, other.id, his.id], "action": action });
        app.post("/api/v1/agents/changes").by(&ada).header("idempotency-key", key).json(&body).await
    };
    let paused = change("pause", "a").await;
    let changed = paused.value()["changed"].as_array().unwrap().len();
    assert_eq!((paused.status, changed), (200, 2), "{paused:?}");
    let again = change("pause", "a").await;
    assert_eq!((again.header("idempotency-replayed"), again.value()), ("true", paused.value()));
    assert_eq!(change("pause", "b").await.value()["changed"], json!([]));
    let status = async |id: AgentId, who: &Visitor| {
        app.get(&format!("/api/v1/agents/{id}")).by(who).await.value()["status"].clone()
    };
    assert_eq!(status(one.id, &ada).await, "paused");
    assert_eq!(status(his.id, &bob).await, "active");

    let nobody = json!([]);
    for (ids, action, field) in [
        (&nobody, "pause", "ids"),
        (&json!(["x"]), "pause", "ids[0]"),
        (&json!([one.id]), "eat", "action"),
    ] {
        let body = json!({ "ids": ids, "action": action });
        let answer = app.post("/api/v1/agents/changes").by(&ada).json(&body).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]), "{body}");
    }
    app.end().await;
}

#[tokio::test]
async fn editions_are_compared_and_run() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.published_agent(&ada, "Reckoner").await;
    let own = format!("/api/v1/agents/{}", agent.id);
    let changes = json!({ "system_prompt": "Reckon well.", "name": "Better" });
    app.call(Method::PATCH, &own).by(&ada).json(&changes).await;
    let diff = app.get(&format!("{own}/diff?before=1")).by(&ada).await.value();
    let name = json!([{ "field": "name", "before": "Reckoner", "after": "Better" }]);
    assert_eq!(diff["fields"], name);
    let mut pieces = diff["prompt"].as_array().unwrap().iter();
    assert!(pieces.any(|piece| piece["kind"] == "added"), "{diff}");
    let same = app.get(&format!("{own}/diff?before=1&after=1")).by(&ada).await.value();
    assert_eq!(same, json!({ "fields": [], "prompt": [] }));
    for (query, problem) in [
        ("", (400, vec!["before".to_owned()])),
        ("?before=x", (400, vec!["before".to_owned()])),
        ("?before=1&after=0", (400, vec!["after".to_owned()])),
        ("?before=7", (404, vec![])),
    ] {
        let answer = app.get(&format!("{own}/diff{query}")).by(&ada).await;
        assert_eq!(answer.problem(), problem, "{query}");
    }

    let run = async |edition: &Value| {
        let body = json!({ "goal": "What is 1 + 1?", "edition": edition });
        app.post(&format!("{own}/execute")).by(&ada).json(&body).await
    };
    for (edition, version, name) in [
        (json!("1"), json!(1), "Reckoner"),
        (Value::Null, json!(1), "Reckoner"),
        (json!("draft"), Value::Null, "Better"),
    ] {
        let session = run(&edition).await.value();
        let ran = (&session["agent_version"], session["agent_name"].as_str().unwrap());
        assert_eq!(ran, (&version, name), "{edition}");
    }
    assert_eq!(run(&json!("7")).await.problem(), (404, vec![]));
    assert_eq!(run(&json!("newest")).await.problem(), (400, vec!["edition".to_owned()]));
    app.end().await;
}

#[tokio::test]
async fn what_agents_used_and_did_is_told() {
    let mut app = TestApp::start().await;
    let ada = app.member("ada").await;
    let session = ended(&mut app, &ada).await;
    let session = app.get(&session).by(&ada).await.value();
    let agent = session["agent_id"].as_str().unwrap();
    let used = app.get(&format!("/api/v1/usage?agent_id={agent}")).by(&ada).await.value();
    let of_agent = &used["agents"][0];
    assert_eq!((&of_agent["agent_id"], &of_agent["name"]), (&json!(agent), &json!("Reckoner")));
    let tokens = used["days"][0]["tokens"].as_u64().unwrap();
    assert!(tokens > 0, "{used}");
    assert!(used["all"]["budget"]["used_tokens"].is_u64(), "{used}");
    let days = app.get("/api/v1/usage?fields=days").by(&ada).await.value();
    assert_eq!(days, json!({ "days": used["days"] }));

    let numbers = app.get(&format!("/api/v1/agents/{agent}/numbers")).by(&ada).await.value();
    let drafts = &numbers["versions"][0];
    assert_eq!((&drafts["version"], &drafts["completed"]), (&Value::Null, &json!(1)), "{numbers}");
    assert_eq!(numbers["days"][0]["completed"], json!(1), "{numbers}");
    for (query, field) in [("agent_id=7", "agent_id"), ("period=1h", "period")] {
        let answer = app.get(&format!("/api/v1/usage?{query}")).by(&ada).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]));
    }
    app.end().await;
}

#[tokio::test]
async fn a_tool_is_tried_and_a_draft_proposed() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let call = async |tool: &str, body: Value| {
        let path = format!("/api/v1/agents/{}/tools/{tool}/try", agent.id);
        app.post(&path).by(&ada).json(&body).await
    };
    let sum = json!({ "arguments": { "expression": "12 * 7" } });
    let told = call("calculator", sum.clone()).await.value();
    assert_eq!((&told["is_ok"], &told["name"]), (&json!(true), &json!("calculator")));
    assert!(told["content"].as_str().unwrap().contains("84"), "{told}");
    let failed = call("calculator", json!({})).await;
    assert_eq!((failed.status, &failed.value()["is_ok"]), (200, &json!(false)), "{failed:?}");
    assert_eq!(call("no_such_tool", sum).await.problem(), (404, vec![]));
    let wrong = call("calculator", json!({ "arguments": "12 * 7" })).await;
    assert_eq!(wrong.problem(), (400, vec!["arguments".to_owned()]));

    let propose = async |wish: &str| {
        app.post("/api/v1/agents/proposals").by(&ada).json(&json!({ "wish": wish })).await
    };
    let proposal = propose("Summarise web pages").await.value();
    assert_eq!(proposal["model"], Value::Null, "there is no model: rules propose");
    let made = app.post("/api/v1/agents").by(&ada).json(&proposal["spec"]).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(propose(" ").await.problem(), (400, vec!["wish".to_owned()]));
    app.end().await;
}

#[tokio::test]
async fn an_invitation_is_declined_once() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    team(&app, &ada).await;
    let new = json!({ "role": "editor", "email": "bob@example.org" });
    let invited = app.post("/api/v1/teams/lab/invitations").by(&ada).json(&new).await;
    assert_eq!(invited.status, 201, "{invited:?}");
    let decline = async || {
        let body = json!({ "team": "lab" });
        app.post("/api/v1/team-invitations/decline").by(&bob).json(&body).await
    };
    assert_eq!(decline().await.status, 204);
    assert_eq!(decline().await.problem(), (404, vec![]));
    let open = app.get("/api/v1/team-invitations").by(&bob).await.value();
    assert_eq!(open["invitations"], json!([]));
    app.end().await;
}

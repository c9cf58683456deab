//! Many agents at once, and some fields of each.

use resonant_domain::agent::Agent;
use resonant_domain::agent_version::AgentVersion;
use resonant_domain::fields::Choosable as _;
use resonant_domain::schedule::Schedule;
use resonant_domain::test_set::{TestRun, TestSet};
use serde_json::{Value, json};

use super::preconditions::made;
use crate::support::TestApp;

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[tokio::test]
async fn both_ways_to_ask_for_many_answer_alike() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let bob = app.guest().await;
    let foreign = app.agent(&bob, "Foreign").await.id.to_string();
    let mut ids = vec![foreign, NOBODY.to_owned()];
    for name in ["One", "Two", "Three"] {
        ids.insert(0, app.agent(&ada, name).await.id.to_string());
    }
    let post = || app.post("/api/v1/agents/batch?fields=name").by(&ada);
    let by_post = post().json(&json!({ "ids": ids })).await;
    let path = format!("/api/v1/agents?fields=name&ids={}", ids.join(","));
    let by_get = app.get(&path).by(&ada).await;
    let names = ["Three", "Two", "One"].map(|name| json!({ "name": name }));
    let expected = json!({ "agents": names, "missing": ids[3..] });
    assert_eq!(by_post.value(), expected);
    assert_eq!(by_get.value(), expected);
    // What makes a page of a list does nothing beside ids.
    let beside = app.get(&format!("{path}&limit=1&status=archived&order_by=created_at")).by(&ada);
    assert_eq!(beside.await.value(), expected);
    // Without a choice each is whole.
    let whole = app.get(&format!("/api/v1/agents?ids={}", ids[0])).by(&ada).await.value();
    let one = app.get(&format!("/api/v1/agents/{}", ids[0])).by(&ada).await.value();
    assert_eq!(whole["agents"][0], one);
    app.end().await;
}

#[tokio::test]
async fn a_bad_id_is_named_by_its_place() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let id = app.agent(&ada, "Reckoner").await.id.to_string();
    let many: Vec<_> = (0..101).map(|number| format!("{number:032x}")).collect();
    for (ids, fields) in [
        (json!([]), vec!["ids"]),
        (json!([id, "x", NOBODY, "agent_4"]), vec!["ids[1]", "ids[3]"]),
        (json!([id, NOBODY, id.to_uppercase()]), vec!["ids[2]"]),
        (json!([id, 7]), vec!["ids[1]"]),
        (json!("x"), vec!["ids"]),
        (json!(many), vec!["ids"]),
    ] {
        let answer = app.post("/api/v1/agents/batch").by(&ada).json(&json!({ "ids": ids })).await;
        let fields = fields.into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(answer.problem(), (400, fields), "{ids}");
    }
    let hundred = json!({ "ids": many[..100] });
    let answer = app.post("/api/v1/agents/batch").by(&ada).json(&hundred).await.value();
    assert_eq!(answer["missing"].as_array().unwrap().len(), 100);
    app.end().await;
}

#[tokio::test]
async fn every_read_shows_the_fields_that_are_asked_for() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let ada = app.guest().await;
    let agent = app.published_agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "What is 1 + 1?").await;
    let (agent, session) = (agent.id, session.id);
    let own = format!("/api/v1/agents/{agent}");
    let basics = json!({ "name": "Basics", "cases": [{ "goal": "1 + 1" }] });
    let set = made(&app, &ada, &format!("{own}/test-sets"), &basics).await;
    let set = set.header("location");
    let run = made(&app, &ada, &format!("{set}/runs"), &json!({})).await;
    let run = run.header("location");
    let daily = json!({ "agent_id": agent, "cron": "0 7 * * *", "goal": "Go", "context": "today" });
    let schedule = made(&app, &ada, "/api/v1/schedules", &daily).await;
    let schedule = schedule.header("location");
    let get = async |path: &str| app.get(path).by(&ada).await.value();
    let names = |value: &Value| {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort_unstable();
        names.join(",")
    };
    let listings = get("/api/v1/listings?limit=1&fields=slug").await;
    let slug = listings["listings"][0]["slug"].as_str().unwrap();
    assert_eq!(names(&listings["listings"][0]), "slug");

    for (path, list, expected) in [
        (format!("/api/v1/agents/{agent}?fields=status,name"), "", "name,status"),
        ("/api/v1/agents?fields=tools,id".to_owned(), "agents", "id,tools"),
        ("/api/v1/agents?fields=id&include=sessions".to_owned(), "agents", "id,sessions"),
        (format!("/api/v1/agents/{agent}?fields=id&include=sessions"), "", "id,sessions"),
        (format!("/api/v1/sessions/{session}?fields=state,context"), "", "context,state"),
        (format!("/api/v1/sessions/{session}?fields=id&include=events"), "", "events,has_more,id"),
        ("/api/v1/sessions?fields=id,limits".to_owned(), "sessions", "id,limits"),
        (format!("/api/v1/listings/{slug}?fields=agent"), "", "agent"),
        ("/api/v1/tools?fields=name".to_owned(), "tools", "name"),
        (format!("{own}/versions?fields=version"), "versions", "version"),
        (format!("{own}/versions/1?fields=notes,version"), "", "notes,version"),
        (format!("{own}/versions/1?fields=spec"), "", "spec"),
        (format!("{own}/test-sets?fields=name,cases"), "test_sets", "cases,name"),
        (format!("{own}/test-sets?fields=id,last_run"), "test_sets", "id,last_run"),
        (format!("{set}?fields=name"), "", "name"),
        (format!("{set}/runs?fields=id,passed"), "runs", "id,passed"),
        (format!("{run}?fields=cases,results"), "", "cases,results"),
        (format!("{run}?fields=id"), "", "id"),
        ("/api/v1/schedules?fields=cron,id".to_owned(), "schedules", "cron,id"),
        (format!("{schedule}?fields=context,variables"), "", "context"),
        ("/api/v1/budget?fields=used_tokens".to_owned(), "", "used_tokens"),
    ] {
        let value = get(&path).await;
        let thing = if list.is_empty() { &value } else { &value[list][0] };
        assert_eq!(names(thing), expected, "{path}");
    }
    let version = format!("{own}/versions/1");
    for (path, all) in [
        (own.as_str(), Agent::FIELDS),
        (version.as_str(), AgentVersion::FIELDS),
        (set, TestSet::FIELDS),
        (run, TestRun::FIELDS),
        (schedule, Schedule::FIELDS),
    ] {
        let whole = get(&format!("{path}?fields={}", all.join(","))).await;
        assert_eq!(whole, get(path).await, "{path}");
        assert_eq!(whole, get(&format!("{path}?fields=")).await, "{path}");
    }
    let unknown = app.get("/api/v1/agents?fields=nmae").by(&ada).await;
    assert!(unknown.text().contains("must be some of id, owner_id, status"), "{unknown:?}");
    let unknown = app.get("/api/v1/budget?fields=used").by(&ada).await;
    assert!(unknown.text().contains("must be some of "), "{unknown:?}");
    app.end().await;
}

#[tokio::test]
async fn the_guides_way_to_page_works() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    for number in 1..=3 {
        app.agent(&ada, &format!("Agent {number}")).await;
    }
    let names = async |query: &str| {
        let page = app.get(&format!("/api/v1/agents?{query}")).by(&ada).await.value();
        let agents = page["agents"].as_array().unwrap().iter();
        (agents.map(|a| a["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), page)
    };
    let (first, page) = names("limit=2&offset=0&order_by=created_at%20DESC").await;
    assert_eq!(first, ["Agent 3", "Agent 2"]);
    assert_eq!(page["has_more"], true);
    assert_eq!(names("limit=2&offset=2&order_by=created_at+DESC").await.0, ["Agent 1"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = names(&format!("limit=2&order_by=created_at%20DESC&cursor={cursor}")).await;
    assert_eq!(next.0, ["Agent 1"]);
    assert_eq!(next.1["has_more"], false);
    // A cursor leads on in its own order alone.
    let other = app.get(&format!("/api/v1/agents?order_by=created_at&cursor={cursor}")).by(&ada);
    assert_eq!(other.await.problem(), (400, vec!["cursor".to_owned()]));
    app.end().await;
}

#[tokio::test]
async fn agents_are_found_by_name_and_ordered_by_runs() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let mut agents = vec![];
    for name in ["Sea lion", "Otter", "Seal"] {
        agents.push(app.agent(&ada, name).await);
    }
    app.session(&ada, &agents[2], "What is 1 + 1?").await;
    let ask =
        async |query: &str| app.get(&format!("/api/v1/agents?fields=name&{query}")).by(&ada).await;
    let names = |page: &Value| {
        let agents = page["agents"].as_array().unwrap().iter();
        agents.map(|agent| agent["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (query, expected) in [
        ("name=SEA&order_by=name", vec!["Sea lion", "Seal"]),
        ("name=SEA&order_by=runs+DESC&include=sessions", vec!["Seal", "Sea lion"]),
        ("name=+otter+", vec!["Otter"]),
        ("name=whale", vec![]),
        ("order_by=name+DESC&offset=1", vec!["Sea lion", "Otter"]),
        ("order_by=runs+desc&status=active&limit=1", vec!["Seal"]),
    ] {
        let answer = ask(query).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        assert_eq!(names(&answer.value()), expected, "{query}");
    }
    let page = ask("name=sea&order_by=name&limit=1").await.value();
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = ask(&format!("name=sea&order_by=name&cursor={cursor}")).await.value();
    assert_eq!((names(&next), &next["has_more"]), (vec!["Seal".to_owned()], &json!(false)));
    for other in ["order_by=name", "name=sea&order_by=runs", "name=s&order_by=name"] {
        let refused = ask(&format!("{other}&cursor={cursor}")).await;
        assert_eq!(refused.problem(), (400, vec!["cursor".to_owned()]), "{other}");
    }
    app.end().await;
}

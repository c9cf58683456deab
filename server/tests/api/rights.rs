//! Who may do what, by table.

use http::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, Visitor};

/// What owner, stranger, another guest and someone anonymous get.
type Outcome = [u16; 4];

/// Owned things: a stranger may not know that they are there.
const OWNED: Outcome = [200, 404, 404, 401];
/// There is no such thing, for whoever is known.
const NOWHERE: Outcome = [404, 404, 404, 401];
/// Everybody alike.
const OPEN: Outcome = [200, 200, 200, 200];

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a row for each route")]
async fn each_route_knows_its_callers() {
    let app = TestApp::start().await;
    let content = app.backend.load_content().await.unwrap();
    assert!(content >= 24, "{content}");
    let owner = app.member("owner").await;
    let callers = [
        ("owner", owner.clone()),
        ("stranger", app.member("stranger").await),
        ("guest", app.guest().await),
        ("anonymous", Visitor::ANONYMOUS),
    ];
    let agent = app.agent(&owner, "Reckoner").await;
    let session = app.session(&owner, &agent, "What is 1 + 1?").await;
    let slug = {
        let page = app.get("/api/v1/listings?limit=1").await.value();
        page["listings"][0]["slug"].as_str().unwrap().to_owned()
    };

    let profile = "handle=owner-s&name=Owner";
    let saved = app.post("/api/fn/account/save_profile").by(&owner).form(profile).await;
    assert!(saved.status < 400, "{saved:?}");
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    let put = Method::PUT;
    let agent_path = format!("/api/v1/agents/{}", agent.id);
    let session_path = format!("/api/v1/sessions/{}", session.id);
    let review = Some(json!({ "stars": 5, "text": "Good" }));
    // All that a version needs.
    let whole = json!({ "description": "new", "system_prompt": "Reckon." });
    let secret =
        |name: &str| json!({ "name": name, "value": "a long value", "hosts": ["api.example.org"] });
    let made = app.post("/api/v1/secrets").by(&owner).json(&secret("KEY")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let table: [(&Method, String, Option<Value>, Outcome); _] = [
        (&get, "/api/v1/health".into(), None, OPEN),
        (&get, "/api/v1/health/ready".into(), None, OPEN),
        (&get, "/api/v1/tools".into(), None, OPEN),
        (&get, "/api/v1/listings".into(), None, OPEN),
        (&get, format!("/api/v1/listings/{slug}"), None, OPEN),
        (&post, format!("/api/v1/listings/{slug}/install"), None, [201, 201, 201, 401]),
        (&get, format!("/api/v1/listings/{slug}/reviews"), None, OPEN),
        (&get, format!("/api/v1/listings/{slug}/facts"), None, OPEN),
        (&get, "/api/v1/collections".into(), None, OPEN),
        (&get, "/api/v1/publishers/owner-s".into(), None, OPEN),
        // Nobody else has written anything about themselves.
        (&get, "/api/v1/publisher".into(), None, OWNED),
        (&get, "/api/v1/notices".into(), None, [200, 200, 200, 401]),
        (&post, "/api/v1/notices/read".into(), Some(json!({})), [204, 204, 204, 401]),
        (&get, "/api/v1/audit".into(), None, [200, 200, 200, 401]),
        (&get, "/api/v1/audit/installation".into(), None, NOWHERE),
        // Nobody has run it to the end.
        (&post, format!("/api/v1/listings/{slug}/reviews"), review, [409, 409, 409, 401]),
        (&get, "/api/v1/agents".into(), None, [200, 200, 200, 401]),
        (&post, "/api/v1/agents".into(), Some(json!({ "name": "New" })), [201, 201, 201, 401]),
        (&get, agent_path.clone(), None, OWNED),
        (&patch, agent_path.clone(), Some(whole), OWNED),
        (&post, format!("{agent_path}/versions"), Some(json!({})), [201, 404, 404, 401]),
        (&get, format!("{agent_path}/versions"), None, OWNED),
        (&get, format!("{agent_path}/versions/1"), None, OWNED),
        (&post, format!("{agent_path}/versions/1/restore"), None, OWNED),
        (&get, format!("{agent_path}/export"), None, OWNED),
        (
            &post,
            format!("{agent_path}/execute"),
            Some(json!({ "goal": "1 + 1" })),
            [202, 404, 404, 401],
        ),
        (&get, "/api/v1/sessions".into(), None, [200, 200, 200, 401]),
        (
            &post,
            "/api/v1/tools/openapi".into(),
            Some(json!({ "document": "{\"openapi\":\"3.1.0\",\"paths\":{}}" })),
            [200, 200, 200, 401],
        ),
        (&get, "/api/v1/secrets".into(), None, [200, 200, 200, 401]),
        (&post, "/api/v1/secrets".into(), Some(secret("NEW")), [201, 201, 201, 401]),
        (&patch, "/api/v1/secrets/KEY".into(), Some(json!({})), OWNED),
        (&delete, "/api/v1/secrets/KEY".into(), None, [204, 404, 404, 401]),
        (&get, format!("{session_path}?include=events"), None, OWNED),
        (&get, format!("{session_path}/export?format=md"), None, OWNED),
        (
            &post,
            format!("{session_path}/decisions"),
            Some(json!({ "waiting": 1, "kind": "answer" })),
            [409, 404, 404, 401],
        ),
        // It is under way, or has its answer.
        (&post, format!("{session_path}/retry"), None, [409, 404, 404, 401]),
        (
            &post,
            format!("{session_path}/messages"),
            Some(json!({ "text": "What is 2 + 2?" })),
            [202, 404, 404, 401],
        ),
        (&post, format!("{session_path}/fork"), Some(json!({})), [202, 404, 404, 401]),
        (
            &put,
            format!("{session_path}/pins"),
            Some(json!({ "message": 0, "is_pinned": true })),
            OWNED,
        ),
        (&get, "/api/v1/budget".into(), None, [200, 200, 200, 401]),
        (&put, format!("{agent_path}/budget"), Some(json!({ "max_tokens": 1_000_000 })), OWNED),
        (&post, format!("{session_path}/cancel"), None, OWNED),
        // Cancelled by the line before, so that the stream ends.
        (&get, format!("{session_path}/stream"), None, OWNED),
        (&delete, agent_path, None, [204, 404, 404, 401]),
    ];
    for (method, path, body, outcome) in table {
        // The owner comes last: deleting must not hide the thing from the others.
        for ((name, caller), expected) in callers.iter().zip(outcome).rev() {
            let mut call = app.call(method.clone(), &path).by(caller);
            if let Some(body) = &body {
                call = call.json(body);
            }
            let answer = call.await;
            assert_eq!(answer.status, expected, "{method} {path} by {name}: {answer:?}");
            if expected >= 400 {
                assert_eq!(answer.problem(), (expected, vec![]), "{method} {path} by {name}");
                assert!(!answer.text().contains("Reckoner"));
            }
        }
    }
    app.end().await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a row for each function")]
async fn each_function_of_a_page_knows_its_callers() {
    let app = TestApp::start().await;
    let owner = app.member("owner").await;
    let callers = [
        ("owner", owner.clone()),
        ("stranger", app.member("stranger").await),
        ("guest", app.guest().await),
        ("anonymous", Visitor::ANONYMOUS),
    ];
    let agent = app.published_agent(&owner, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let revision = app.get(&path).by(&owner).await.value()["revision"].clone();
    let session = app.session(&owner, &agent, "What is 1 + 1?").await;

    let (agent, session) = (format!("id={}", agent.id), format!("id={}", session.id));
    let bulk = agent.replace("id=", "ids[0]=");
    let file = r#"{"resonant_agent":1,"name":"Reader"}"#;
    let file = format!("{}&file={file}", agent.replace("id=", "agent="));
    let nobody = "00000000-0000-0000-0000-000000000000";
    // Everybody's own list, which may be empty.
    let own: Outcome = [200, 200, 200, 401];
    let table: [(&str, String, Outcome); _] = [
        ("studio/open_list", "query[sort]=name&from=0".into(), own),
        ("studio/read_list", "query[sort]=name&place[from_start]=0&limit=50".into(), own),
        ("studio/find_agent", "query[sort]=name&prefix=reck".into(), own),
        ("studio/search_agents", "text=reck".into(), own),
        ("studio/list_versions", agent.clone(), OWNED),
        ("studio/compare_editions", format!("{agent}&before=1&after=draft"), OWNED),
        ("studio/get_numbers", agent.clone(), OWNED),
        ("studio/get_knowledge", format!("{agent}&query=leave"), OWNED),
        ("studio/get_document", format!("{agent}&document={nobody}"), NOWHERE),
        ("studio/add_document", format!("{agent}&title=a&format=&text=b"), OWNED),
        // What is published already, with these notes, is done.
        ("studio/publish_version", format!("{agent}&revision={revision}&notes="), OWNED),
        ("studio/restore_version", format!("{agent}&version=1&revision={revision}"), OWNED),
        ("studio/weigh_draft", format!("{agent}&prompt=Read.&model=builtin"), OWNED),
        ("studio/get_bench", agent.clone(), OWNED),
        ("studio/save_test_set", format!("{agent}&set[name]=a&set[cases][0][goal]=b"), OWNED),
        ("studio/set_test_policy", format!("{agent}&requires_tests=false"), OWNED),
        ("studio/run_test_set", format!("{agent}&set={nobody}"), [404, 404, 404, 401]),
        ("studio/run_all_test_sets", agent.clone(), OWNED),
        ("studio/delete_test_set", format!("{agent}&set={nobody}"), [404, 404, 404, 401]),
        ("studio/restore_test_set", format!("{agent}&set={nobody}"), [404, 404, 404, 401]),
        ("studio/get_tools", agent.clone(), OWNED),
        ("studio/switch_tool", format!("{agent}&name=datetime&on=true"), OWNED),
        ("studio/set_approval", format!("{agent}&name=datetime&needed=true"), OWNED),
        ("studio/try_tool", format!("{agent}&name=datetime&arguments={{}}"), OWNED),
        (
            "studio/save_tool",
            format!(
                "{agent}&tool[name]=weather&tool[method]=GET&tool[url]=https://a.example.org/&\
                 tool[description]=Weather"
            ),
            OWNED,
        ),
        (
            "studio/import_openapi",
            format!("{agent}&document={{\"openapi\":\"3.1.0\",\"paths\":{{}}}}"),
            OWNED,
        ),
        ("studio/import_mcp", format!("{agent}&server=stdio:sh"), [400, 404, 404, 401]),
        ("studio/remove_tool", format!("{agent}&name=datetime"), OWNED),
        ("studio/restore_tool", format!("{agent}&grant={{\"name\":\"datetime\"}}"), OWNED),
        ("sessions/get_recording", session.clone(), OWNED),
        ("sessions/open_session", session.clone(), OWNED),
        ("sessions/glance_session", session.clone(), OWNED),
        ("studio/get_case_of", session.replace("id=", "session="), OWNED),
        ("studio/run_agent", format!("{agent}&run[goal]=Hello"), OWNED),
        ("studio/get_tools_page", agent.clone(), OWNED),
        ("teams/list_teams", String::new(), own),
        ("teams/list_shared", String::new(), own),
        ("teams/list_share_choices", agent.replace("id=", "agent="), own),
        // None of them is in a team.
        ("teams/get_team", "slug=lab".into(), NOWHERE),
        ("teams/rename_team", "slug=lab&name=Lab".into(), NOWHERE),
        ("teams/delete_team", "slug=lab".into(), NOWHERE),
        ("teams/invite", "slug=lab&role=viewer".into(), NOWHERE),
        ("teams/set_role", format!("slug=lab&user={nobody}&role=viewer"), NOWHERE),
        ("teams/remove_member", format!("slug=lab&user={nobody}"), NOWHERE),
        ("teams/get_offer", "team=lab".into(), NOWHERE),
        ("teams/decline_invitation", "team=lab".into(), NOWHERE),
        ("teams/share_agent", format!("team=lab&{}", agent.replace("id=", "agent=")), NOWHERE),
        ("sessions/pin_message", format!("{session}&message=0&is_pinned=true"), OWNED),
        ("sessions/share_session", session.clone(), OWNED),
        ("sessions/get_share", session.clone(), OWNED),
        ("sessions/unshare_session", session, OWNED),
        ("studio/check_file", file, OWNED),
        ("account/get_usage", agent.replace("id=", "agent="), OWNED),
        ("account/set_budget", format!("{}&tokens=9", agent.replace("id=", "agent=")), OWNED),
        // Another's agents are left out, as agents that are not there.
        ("studio/change_agents", format!("{bulk}&action=pause"), own),
        ("studio/change_agents", format!("{bulk}&action=delete"), own),
        ("studio/list_trash", String::new(), own),
        // Nothing of the agent is in the marketplace, or on its way.
        ("publishing/deprecate", format!("{agent}&is_deprecated=true"), NOWHERE),
        ("publishing/delete_version", format!("{agent}&version=1"), NOWHERE),
        ("publishing/show_session", format!("{agent}&session="), NOWHERE),
        ("marketplace/get_preview", agent.clone(), NOWHERE),
        ("account/list_notices", String::new(), own),
        ("account/get_usage", String::new(), own),
        ("audit/list_entries", String::new(), own),
        ("audit/list_entries", "of_all=true".into(), NOWHERE),
        ("account/read_notices", String::new(), own),
        ("account/get_profile", String::new(), own),
        // Nobody of them is a moderator.
        ("moderation/get_collections", String::new(), NOWHERE),
        ("moderation/save_collection", "title=Shelf".into(), NOWHERE),
        ("moderation/delete_collection", "slug=shelf".into(), NOWHERE),
        ("marketplace/mark_publisher", "handle=owner&is_verified=true".into(), NOWHERE),
        ("studio/delete_for_good", agent, OWNED),
    ];
    for (function, form, outcome) in table {
        // The owner comes last: deleting must not hide the thing from the others.
        for ((name, caller), expected) in callers.iter().zip(outcome).rev() {
            let call = app.post(&format!("/api/fn/{function}")).by(caller);
            let answer = call.header("accept", "application/json").form(&form).await;
            assert_eq!(answer.status, expected, "{function} by {name}: {answer:?}");
            if *name != "owner" {
                assert!(!answer.text().contains("Reckon"), "{function} by {name}: {answer:?}");
            }
        }
    }
    app.end().await;
}

#[tokio::test]
async fn a_shared_session_is_read_by_its_link_until_that_is_taken_back() {
    let app = TestApp::start().await;
    let owner = app.member("owner").await;
    let agent = app.agent(&owner, "Reckoner").await;
    let session = app.session(&owner, &agent, "What is 1 + 1?").await;
    let call = |function: &str, caller: &Visitor, form: &str| {
        app.post(&format!("/api/fn/sessions/{function}"))
            .by(caller)
            .header("accept", "application/json")
            .form(form)
    };
    let id = format!("id={}", session.id);
    let token = call("share_session", &owner, &id).await.value();
    let token = format!("token={}", token.as_str().unwrap());
    let callers = [Visitor::ANONYMOUS, app.guest().await, owner.clone()];
    for caller in &callers {
        let read = call("get_shared", caller, &token).await;
        assert_eq!(read.status, 200, "{read:?}");
        assert_eq!(read.value()["session"]["goal"], "What is 1 + 1?");
        let nobody = "00000000-0000-0000-0000-000000000000";
        assert_eq!(read.value()["session"]["owner_id"], nobody, "whose it is stays hidden");
    }
    assert_eq!(call("unshare_session", &owner, &id).await.status, 200);
    for caller in &callers {
        let read = call("get_shared", caller, &token).await;
        assert_eq!(read.status, 404, "{read:?}");
    }
    app.end().await;
}

#[tokio::test]
async fn lists_hold_the_callers_own_things_alone() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.guest().await, app.guest().await);
    let agent = app.agent(&ada, "Reckoner").await;
    app.session(&ada, &agent, "What is 1 + 1?").await;
    let agents = app.get("/api/v1/agents").by(&bob).await.value();
    assert_eq!(agents["agents"], json!([]));
    let path = format!("/api/v1/sessions?agent_id={}", agent.id);
    assert_eq!(app.get(&path).by(&bob).await.value()["sessions"], json!([]));
    app.end().await;
}

#[tokio::test]
async fn changes_of_agents_are_for_someone_who_is_known() {
    let app = TestApp::start().await;
    let answer = app.get("/api/v1/agents/stream").await;
    assert_eq!(answer.problem(), (401, vec![]));
    app.end().await;
}

#[tokio::test]
async fn a_link_that_was_never_made_leads_nowhere() {
    let app = TestApp::start().await;
    for token in ["x", "%2e%2e", &"A".repeat(2_000)] {
        let answer = app.get(&format!("/api/v1/shared/{token}/stream")).await;
        assert_eq!(answer.problem(), (404, vec![]), "{token}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_made_up_cookie_is_nobody() {
    let app = TestApp::start().await;
    for token in ["x", "", "' OR 1=1 --", &"A".repeat(43), &"A".repeat(5_000)] {
        let visitor = Visitor { token: Some(token.to_owned()) };
        assert_eq!(
            app.get("/api/v1/agents").by(&visitor).await.problem(),
            (401, vec![]),
            "{token}"
        );
    }
    app.end().await;
}

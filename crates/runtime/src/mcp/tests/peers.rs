//! The client against a server by the protocol's official SDK, over HTTP and as a command. `./dev test peers`
//! starts it, as `end2end/load/peers/mcp` has it.

use futures::{StreamExt as _, stream};
use resonant_domain::agent::{AgentSpec, ToolGrant};
use resonant_domain::grant::ToolSettings;
use resonant_domain::session::{SessionState, Usage};
use resonant_domain::session_event::{EventBody, ToolOutcome};
use resonant_domain::timeline::Timeline;

use super::*;
use crate::clock::SystemClock;
use crate::log::MemoryLog;
use crate::models::{
    CallRequest, FinishReason, Message, Model, ModelPiece, ModelRequest, Models, ReplyStream,
};
use crate::tools::{McpTool, Tool as _, ToolContext, Tools};
use crate::{Engine, Outcome, Run, Signals};

/// How the server is served: in event streams, in documents, and without sessions.
const WAYS: [&str; 3] = ["events", "json", "single"];

#[expect(clippy::disallowed_methods, reason = "./dev test peers tells where the server is")]
fn peer(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_unset| panic!("./dev test peers sets {variable}"))
}

fn url(way: &str) -> String {
    format!("{}/{way}", peer("RESONANT_MCP_PEER"))
}

fn commands() -> StdioServers {
    let command = peer("RESONANT_MCP_COMMAND");
    let mut words = command.split(' ').map(str::to_owned);
    let (name, program) = ("shelf".to_owned(), words.next().unwrap());
    StdioServers::new(vec![StdioCommand { name, program, arguments: words.collect() }])
}

fn refused(answer: Result<String, McpError>) -> String {
    match answer {
        Err(McpError::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

fn check_tools(tools: &[ServedTool]) {
    let greet = tools.iter().find(|tool| tool.name == "greet").unwrap();
    assert_eq!(greet.description, "Greets somebody.");
    assert_eq!(greet.input_schema["required"], json!(["name"]));
    assert!(tools.len() > 5, "{tools:?}");
}

fn check_book(told: &str) {
    let book: Value = serde_json::from_str(told).unwrap();
    assert_eq!(book, json!({ "title": "Emma", "pages": 42 }));
}

#[tokio::test]
#[ignore = "./dev test peers starts the server"]
async fn tools_are_listed_and_called_in_each_way() {
    let egress = Egress::public_allowing_private();
    for way in WAYS {
        let mut session = Session::open(&egress, server(&url(way))).await.unwrap();
        assert_eq!(session.title, "Shelf", "{way}");
        check_tools(&session.tools().await.unwrap());
        let greeted = session.call("greet", &json!({ "name": "Ada" }), &Value::Null).await;
        assert_eq!(greeted.unwrap(), "Good day, Ada", "{way}");
        check_book(&session.call("find", &json!({ "title": "Emma" }), &Value::Null).await.unwrap());
        let key = session.call("key", &json!({}), &Value::Null).await;
        assert_eq!(key.unwrap(), "Bearer k", "{way}");
        // It tells how far it is before it answers.
        let counted = session.call("count", &json!({ "to": 3 }), &Value::Null).await;
        assert_eq!(counted.unwrap(), "counted to 3", "{way}");
        for (tool, reason) in [("fail", "fail"), ("none", "Unknown tool"), ("greet", "name")] {
            let told = refused(session.call(tool, &json!({}), &Value::Null).await);
            assert!(told.contains(reason), "{way}: {told}");
        }
        // Whichever way it asks, there is nobody to answer.
        refused(session.call("ask", &json!({}), &Value::Null).await);
        let parted = session.call("part", &json!({}), &Value::Null).await;
        assert_eq!(parted.unwrap(), "here you are again", "{way}");
    }
}

#[tokio::test]
#[ignore = "./dev test peers starts the server"]
async fn a_call_that_is_left_ends_there_in_each_way() {
    let egress = Egress::public_allowing_private();
    for way in WAYS {
        let url = url(way);
        let name = json!({ "name": format!("over {way}") });
        let how = async |expected: &str| {
            let mut session = Session::open(&egress, server(&url)).await.unwrap();
            while session.call("waited", &name, &Value::Null).await.unwrap() != expected {}
        };
        let mut session = Session::open(&egress, server(&url)).await.unwrap();
        tokio::select! {
            answer = session.call("wait", &name, &Value::Null) => panic!("{way}: {answer:?}"),
            () = how("is at work") => {}
        }
        drop(session);
        tokio::time::timeout(Duration::from_secs(10), how("was cancelled")).await.expect(way);
    }
}

#[tokio::test]
#[ignore = "./dev test peers starts the server"]
async fn an_agent_calls_its_tools() {
    let settings = json!({
        "kind": "mcp", "server": url("events"), "tool": "find", "description": "Finds a book",
        "headers": { "authorization": "Bearer k" }, "timeout_seconds": 10,
    });
    let grant: ToolGrant =
        serde_json::from_value(json!({ "name": "find", "settings": settings })).unwrap();
    let ToolSettings::Mcp(written) = grant.settings.clone() else { panic!("{grant:?}") };
    let egress = Egress::public_allowing_private();
    let tool = McpTool::new(&grant, written, egress, StdioServers::default());
    let context = ToolContext::default();
    check_book(&tool.call(&json!({ "title": "Emma" }), &context).await.unwrap());
    let failed = tool.call(&json!({}), &context).await.unwrap_err();
    assert!(failed.to_string().contains("title"), "{failed}");
}

#[tokio::test]
#[ignore = "./dev test peers starts the server"]
async fn a_command_does_the_same() {
    const PATIENCE: Duration = Duration::from_secs(30);
    let commands = commands();
    let call = async |tool: &str, arguments: Value| {
        commands.call("shelf", tool, (&arguments, &Asking::default()), PATIENCE).await
    };
    let (title, tools) = commands.tools("shelf", PATIENCE).await.unwrap();
    assert_eq!(title, "Shelf");
    check_tools(&tools);
    let (greeted, found, counted) = tokio::join!(
        call("greet", json!({ "name": "Ada" })),
        call("find", json!({ "title": "Emma" })),
        call("count", json!({ "to": 3 })),
    );
    assert_eq!(greeted.unwrap(), "Good day, Ada");
    check_book(&found.unwrap());
    assert_eq!(counted.unwrap(), "counted to 3");
    assert_eq!(call("ping", json!({})).await.unwrap(), "you are there");
    assert_eq!(refused(call("ask", json!({})).await), "not offered here");
    assert!(refused(call("fail", json!({})).await).contains("fail"));

    let name = json!({ "name": "a while" });
    let asked = (&name, &Asking::default());
    let late = commands.call("shelf", "wait", asked, Duration::from_secs(1)).await;
    assert!(matches!(late, Err(McpError::Unanswered(_))), "{late:?}");
    assert_eq!(call("waited", name).await.unwrap(), "was cancelled");
}

/// Asks for these tools at once, and then says what they have answered.
struct Caller(Vec<CallRequest>);

impl Model for Caller {
    fn provider(&self) -> &'static str {
        "caller"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let told = request.messages.iter().filter_map(|message| match message {
            Message::Tool { content, .. } => Some(content.as_str()),
            _ => None,
        });
        let told: Vec<_> = told.collect();
        let finish = |calls, reason| ModelPiece::Finish { calls, usage: Usage::default(), reason };
        let pieces = if told.is_empty() {
            vec![Ok(finish(self.0.clone(), FinishReason::ToolCalls))]
        } else {
            let said = ModelPiece::Output(told.join("\n"));
            vec![Ok(said), Ok(finish(Vec::new(), FinishReason::Stop))]
        };
        stream::iter(pieces).boxed()
    }
}

/// A whole session of an agent that was given the tools as the server describes them: it calls them side by
/// side, in each way and of a command, and answers with what they say.
#[tokio::test]
#[ignore = "./dev test peers starts the server"]
async fn an_agent_works_through_a_session() {
    let egress = Egress::public_allowing_private();
    let mut listed = Session::open(&egress, server(&url("events"))).await.unwrap();
    let served = listed.tools().await.unwrap();
    drop(listed);
    let work = [
        ("find", url("events"), json!({ "title": "Emma" })),
        ("count", url("json"), json!({ "to": 3 })),
        ("part", url("single"), json!({})),
        ("fail", url("events"), json!({})),
        ("greet", "stdio:shelf".to_owned(), json!({ "name": "Ada" })),
    ];
    let (mut tools, mut calls) = (Vec::<ToolGrant>::new(), Vec::new());
    for (name, server, arguments) in work {
        let tool = served.iter().find(|tool| tool.name == name).unwrap();
        let settings = json!({
            "kind": "mcp", "server": server, "tool": name, "description": tool.description,
            "input_schema": tool.input_schema, "timeout_seconds": 20,
        });
        let grant = json!({ "name": name, "settings": settings });
        tools.push(serde_json::from_value(grant).unwrap());
        let (call_id, tool) = (String::new(), name.to_owned());
        calls.push(CallRequest { call_id, tool, arguments, provider_data: None });
    }
    let session = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "owner_id": "01890a5d-ac96-774b-bcce-b302099a8058",
        "agent_id": "01890a5d-ac96-774b-bcce-b302099a8059",
        "agent_name": "Reader",
        "agent_avatar": { "icon": "spark", "hue": 1 },
        "goal": "Find out",
        "context": null,
        "state": "running",
        "reason": null,
        "limits": { "max_steps": 4, "max_tokens": 100_000, "timeout_seconds": 60 },
        "usage": Usage::default(),
        "steps": 0,
        "model": null,
        "last_sequence": 0,
        "created_at": "2026-01-01T00:00:00Z",
        "started_at": null,
        "ended_at": null,
    });
    let agent = AgentSpec { name: "Reader".to_owned(), tools, ..AgentSpec::default() };
    let run = Run { session: serde_json::from_value(session).unwrap(), agent, history: Vec::new() };
    let models = Models::with_language_model(Arc::new(Caller(calls)), "caller");
    let tools = Tools::standard(egress).with_stdio(commands());
    let (engine, log) = (Engine::new(models, tools, Arc::new(SystemClock)), MemoryLog::default());
    let outcome = engine.run(run, &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Ended(SessionState::Completed));

    let results = log.events().into_iter().filter_map(|event| match event.body {
        EventBody::ToolResult { tool, outcome, content, .. } => Some((tool, (outcome, content))),
        _ => None,
    });
    let results: BTreeMap<_, _> = results.collect();
    let ok = |text: &str| (ToolOutcome::Ok, text.to_owned());
    assert_eq!(results["count"], ok("counted to 3"));
    assert_eq!(results["part"], ok("here you are again"));
    assert_eq!(results["greet"], ok("Good day, Ada"));
    check_book(&results["find"].1);
    let (failed, reason) = &results["fail"];
    assert!(*failed == ToolOutcome::Error && reason.contains("fail"), "{reason}");
    let answer = Timeline::from_events(log.events()).answer().unwrap().to_owned();
    assert!(answer.contains("counted to 3") && answer.contains("Good day, Ada"), "{answer}");
}

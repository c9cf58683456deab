//! Results that are too long to be shown whole: stored once, shown by their head, read on in.

use axum::Router;
use axum::routing::get;
use resonant_domain::session_event::RESULT_SHOWN_MAX_BYTES;

use super::*;
use crate::context::RESULT_SHOWN_MAX;
use crate::egress::Egress;

const READER: &str = "read_result";

/// A server that gives a text of 300 kB, whose last words tell a code.
async fn shelf() -> String {
    let text = format!("{}The code is 4711.", "One more line. ".repeat(20_000));
    let router = Router::new().route("/long", get(move || async move { text }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/long", listener.local_addr().unwrap());
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    url
}

fn granted(url: &str) -> ToolGrant {
    let settings = json!({ "kind": "http", "description": "Reads the shelf", "url": url });
    serde_json::from_value(json!({ "name": "shelf", "settings": settings })).unwrap()
}

fn with_all_tools(script: &Arc<Script>) -> Engine {
    let tools = Tools::standard(Egress::public_allowing_private());
    let model: Arc<dyn Model> = script.clone();
    let models = Models::with_language_model(model, "scripted");
    Engine::new(models, tools, Arc::new(FixedClock::new(start())))
}

/// What a tool answered last, as the model was shown it.
fn answered(request: &ModelRequest) -> &str {
    let Some(Message::Tool { content, .. }) = request.messages.last() else {
        panic!("{:?}", request.messages)
    };
    content
}

#[tokio::test]
async fn the_end_of_a_long_result_is_found_by_reading_on() {
    let find = json!({ "source": "call01001", "find": "the code is" });
    let script = Script::new(vec![
        vec![vec![calls(&[("shelf", json!({})), (READER, find.clone())])]],
        vec![vec![calls(&[(READER, find)])]],
        vec![answer("4711")],
    ]);
    let engine = with_all_tools(&script);
    let mut run = run_of(limits(), Vec::new(), Usage::default());
    run.agent.tools = vec![granted(&shelf().await)];
    let log = TestLog::default();
    let outcome = engine.run(run.clone(), &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, COMPLETED, "{}", log.reason());

    // Before there is anything to read on in, it is no tool.
    let requests = script.requests.lock().unwrap();
    let offers = |at: usize| requests[at].tools.iter().any(|tool| tool.name == READER);
    assert_eq!([offers(0), offers(1), offers(2)], [false, true, true]);
    let results: Vec<_> = log
        .events()
        .into_iter()
        .filter_map(|event| match event.body {
            EventBody::ToolResult { call_id, outcome, content, .. } => {
                Some((call_id, outcome, content))
            }
            _ => None,
        })
        .collect();
    let of = |id: &str| results.iter().find(|(call_id, ..)| call_id == id).unwrap();
    assert!(of("call01002").2.contains("was not granted the tool"), "{:?}", of("call01002"));

    // The whole stands in the log, once; the model is shown the head, and where the rest is.
    let (_, outcome, whole) = of("call01001");
    assert_eq!(*outcome, ToolOutcome::Ok);
    assert!(whole.len() > 300_000 && whole.contains("The code is 4711."));
    let shown = requests[1].messages.iter().find_map(|message| match message {
        Message::Tool { call_id, content, .. } if call_id == "call01001" => Some(content),
        _ => None,
    });
    let shown = shown.unwrap();
    assert!(shown.chars().count() < RESULT_SHOWN_MAX + 400 && !shown.contains("4711"));
    assert!(shown.contains("`call01001`") && shown.contains("`read_result` from `offset` 16000"));
    let read = answered(&requests[2]);
    assert!(read.contains("The code is 4711.") && read.contains("this is its end"), "{read}");
    assert!(read.len() < 1_000, "{read}");

    // Who looks at the session is told that it is longer.
    let timeline = log.timeline();
    let result = timeline.steps[0].calls[0].result.as_ref().unwrap();
    assert_eq!(result.whole, Some(whole.chars().count() as u64));
    assert!(result.content.len() < RESULT_SHOWN_MAX_BYTES && whole.starts_with(&result.content));

    // What the model was given is made anew as it was.
    let run = Run { history: log.events(), ..run };
    let anew = engine.anew(&run, 3).unwrap().request;
    assert_eq!((anew.messages, anew.tools.len()), (requests[2].messages.clone(), 2));
}

#[tokio::test]
async fn long_material_is_read_on_in_by_who_has_tools() {
    let material = format!("{}The code is 4711.", "One more line. ".repeat(2_000));
    let find = json!({ "source": "context_0", "find": "the code is" });
    for tools in [vec![ToolGrant::new("calculator")], Vec::new()] {
        let script =
            Script::new(vec![vec![vec![calls(&[(READER, find.clone())])]], vec![answer("4711")]]);
        let engine = with_all_tools(&script);
        let mut run = run_of(limits(), Vec::new(), Usage::default());
        run.session.context = Some(material.clone());
        let has_tools = !tools.is_empty();
        run.agent.tools = tools;
        let log = TestLog::default();
        let outcome = engine.run(run, &log, Signals::default()).await.unwrap();
        assert_eq!(outcome, COMPLETED, "{}", log.reason());
        let requests = script.requests.lock().unwrap();
        let is_offered = requests[0].tools.iter().any(|tool| tool.name == READER);
        assert_eq!(is_offered, has_tools, "some models know of no tools at all");
        let told = answered(&requests[1]);
        assert_eq!(told.contains("The code is 4711."), has_tools, "{told}");
    }
}

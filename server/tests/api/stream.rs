//! Event streams: nothing lost, nothing repeated, wherever the line breaks.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use http::Method;
use http_body_util::BodyExt as _;
use resonant_backend::fresh_database;
use resonant_domain::pin::Pins;
use resonant_domain::session::{Session, SessionState};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::timeline::Timeline;
use serde_json::json;
use tokio::time::timeout;

use crate::support::{SlowModel, TestApp, Visitor};

/// A frame as an `EventSource` reads it.
#[derive(Debug, Clone, PartialEq)]
enum Frame {
    Event { id: i64, event: Box<SessionEvent> },
    Pins(Vec<i64>),
    End,
    Other,
}

fn frames(text: &str) -> Vec<Frame> {
    text.split_terminator("\n\n")
        .map(|frame| {
            let field = |name: &str| {
                frame.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            match (field("id"), field("event"), field("data")) {
                (Some(id), None, Some(data)) => Frame::Event {
                    id: id.parse().unwrap(),
                    event: serde_json::from_str(data).unwrap(),
                },
                (None, Some("pins"), Some(data)) => {
                    Frame::Pins(serde_json::from_str::<Pins>(data).unwrap().pins)
                }
                (None, Some("end"), Some("{}")) => Frame::End,
                (None, None, None) => Frame::Other,
                _ => panic!("no such frame: {frame}"),
            }
        })
        .collect()
}

fn events(frames: &[Frame]) -> Vec<SessionEvent> {
    frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Event { id, event } => {
                assert_eq!(*id, event.sequence);
                Some(event.as_ref().clone())
            }
            Frame::Pins(_) | Frame::End | Frame::Other => None,
        })
        .collect()
}

/// The whole log, unjoined.
async fn log(app: &TestApp, visitor: &Visitor, session: &Session) -> Vec<SessionEvent> {
    let mut all: Vec<SessionEvent> = vec![];
    loop {
        let after = all.last().map_or(0, |last| last.sequence);
        let path = format!("/api/v1/sessions/{}?include=events&after={after}", session.id);
        let part = app.get(&path).by(visitor).await.value();
        all.extend(serde_json::from_value::<Vec<_>>(part["events"].clone()).unwrap());
        if part["has_more"] == false {
            return all;
        }
    }
}

async fn started(app: &TestApp, visitor: &Visitor, goal: &str) -> (Session, String) {
    let agent = app.agent(visitor, "Reckoner").await;
    let session = app.session(visitor, &agent, goal).await;
    let path = format!("/api/v1/sessions/{}/stream", session.id);
    (session, path)
}

#[tokio::test]
async fn a_long_log_is_read_in_parts() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let (session, _) = started(&app, &ada, "Wait for no worker").await;
    let statement = format!(
        "INSERT INTO session_events (owner_id, session_id, sequence, at, kind, body)
         SELECT owner_id, session_id, number, now(), 'thinking',
                '{{\"type\": \"thinking\", \"step\": 1, \"delta\": \"so\"}}'
         FROM sessions, generate_series(1, 1001) number WHERE session_id = '{}'",
        session.id
    );
    fresh_database::execute(&app.database_url(), &statement).await;
    let path = format!("/api/v1/sessions/{}?include=events", session.id);
    let part = async |after: &str| app.get(&format!("{path}{after}")).by(&ada).await;
    for (after, first, count, has_more) in
        [("", 1, 1_000, true), ("&after=1000", 1_001, 1, false), ("&after=0", 1, 1_000, true)]
    {
        let body = part(after).await.value();
        let events = body["events"].as_array().unwrap();
        assert_eq!((&events[0]["sequence"], events.len()), (&json!(first), count), "{after}");
        assert_eq!(body["has_more"], has_more, "{after}");
    }
    for wrong in ["&after=-1", "&after=x"] {
        assert_eq!(part(wrong).await.problem(), (400, vec!["after".to_owned()]), "{wrong}");
    }
    assert_eq!(log(&app, &ada, &session).await.len(), 1_001);
    app.end().await;
}

#[tokio::test]
async fn a_stream_can_be_resumed_after_every_event() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.guest().await;
    let (session, path) = started(&app, &ada, "What is 12 * 7 and what is 19% of 340?").await;
    app.finish(&ada, &session).await;
    let all = log(&app, &ada, &session).await;
    let whole = Timeline::from_events(all.clone());
    let last = all.last().unwrap().sequence;
    assert!(last > 4, "{all:?}");

    for cut in 0..last {
        for header in [false, true] {
            // The header wins over the address that the browser came with first.
            let call = if header {
                app.get(&format!("{path}?after=0")).header("last-event-id", &cut.to_string())
            } else {
                app.get(&format!("{path}?after={cut}"))
            };
            let answer = call.by(&ada).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), "text/event-stream");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("x-accel-buffering"), "no");
            let text = answer.text();
            assert!(text.starts_with("retry: 1000\n\n"), "{text}");
            let frames = frames(&text);
            assert_eq!(frames.last(), Some(&Frame::End), "{text}");
            let resumed = events(&frames);
            assert!(resumed.iter().all(|event| event.sequence > cut), "{text}");
            assert!(resumed.is_sorted_by(|one, next| one.sequence < next.sequence), "{text}");
            let before = all.iter().filter(|event| event.sequence <= cut).cloned();
            assert_eq!(Timeline::from_events(before.chain(resumed)), whole, "cut at {cut}");
        }
    }
    // Whoever has everything is told to stay away.
    for after in [last, last + 1] {
        let answer = app.get(&path).by(&ada).header("last-event-id", &after.to_string()).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0));
    }
    app.end().await;
}

#[tokio::test]
async fn a_live_stream_that_breaks_again_and_again_loses_nothing() {
    const WORDS: usize = 60;
    let model = SlowModel::start(WORDS, Duration::from_millis(8)).await;
    let mut app = TestApp::builder().model(model.url()).start().await;
    let ada = app.guest().await;
    let (session, path) = started(&app, &ada, "Count to sixty").await;
    // The first line is opened before a worker has the session.
    let mut heard: Vec<SessionEvent> = Vec::new();
    let mut lines = 0;
    let mut working = false;
    'session: loop {
        lines += 1;
        assert!(lines < 500, "the session does not end");
        let after = heard.last().map_or(0, |event| event.sequence);
        let call = app.get(&path).by(&ada).header("last-event-id", &after.to_string());
        let response = call.open().await;
        if response.status() == 204 {
            break;
        }
        let mut body = response.into_body().into_data_stream();
        if !working {
            app.start_workers(1);
            working = true;
        }
        // Each line breaks after its second piece with events.
        let mut pieces = 0;
        while pieces < 2 {
            let piece = timeout(Duration::from_secs(20), body.next()).await.expect("no silence");
            let Some(piece) = piece else { break };
            let frames = frames(std::str::from_utf8(&piece.unwrap()).unwrap());
            pieces += usize::from(!events(&frames).is_empty());
            heard.extend(events(&frames));
            if frames.contains(&Frame::End) {
                break 'session;
            }
        }
    }
    assert!(lines > 2, "{lines}");
    assert!(heard.is_sorted_by(|one, next| one.sequence < next.sequence), "{heard:?}");
    let timeline = Timeline::from_events(heard);
    assert_eq!(timeline.answer().map(str::trim), Some(SlowModel::text(WORDS).trim()));
    let logged = Timeline::from_events(log(&app, &ada, &session).await);
    assert_eq!(timeline, logged);
    app.end().await;
}

#[tokio::test]
async fn a_follower_is_written_to_at_most_every_16_ms() {
    let model = SlowModel::start(200, Duration::from_millis(1)).await;
    let app = TestApp::builder().model(model.url()).workers(1).start().await;
    let ada = app.guest().await;
    let (_, path) = started(&app, &ada, "Count").await;
    let mut body = app.get(&path).by(&ada).open().await.into_body();
    let mut writes = Vec::new();
    while let Some(piece) = body.frame().await {
        piece.unwrap();
        writes.push(Instant::now());
    }
    assert!(writes.len() > 2, "{}", writes.len());
    for pair in writes.windows(2) {
        // One millisecond is the timer's grain.
        assert!(pair[1] - pair[0] >= Duration::from_millis(15), "{:?}", pair[1] - pair[0]);
    }
    app.end().await;
}

#[tokio::test]
async fn many_may_come_at_once() {
    const STREAMS: usize = 500;
    let mut app = TestApp::start().await;
    let ada = app.guest().await;
    let (session, path) = started(&app, &ada, "What is 6 * 7?").await;
    let opened = (0..STREAMS).map(|_| async { app.get(&path).by(&ada).open().await });
    let opened = futures::future::join_all(opened).await;
    let mut bodies = Vec::new();
    for response in opened {
        assert_eq!(response.status(), 200);
        bodies.push(response.into_body().into_data_stream());
    }
    app.start_workers(1);
    let ends = bodies.into_iter().map(|mut body| async move {
        let mut text = String::new();
        while let Some(piece) = body.next().await {
            text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        text
    });
    let all = timeout(Duration::from_mins(1), futures::future::join_all(ends)).await;
    let all = all.expect("the session ends for everybody");
    let logged = Timeline::from_events(log(&app, &ada, &session).await);
    for text in all {
        let frames = frames(&text);
        assert_eq!(frames.last(), Some(&Frame::End), "{text}");
        assert_eq!(Timeline::from_events(events(&frames)), logged);
    }
    app.end().await;
}

#[tokio::test]
async fn cancelling_ends_the_stream_at_once() {
    let model = SlowModel::start(10_000, Duration::from_millis(10)).await;
    let app = TestApp::builder().model(model.url()).workers(1).start().await;
    let ada = app.guest().await;
    let (session, path) = started(&app, &ada, "Count").await;
    let mut body = app.get(&path).by(&ada).open().await.into_body().into_data_stream();
    let mut text = String::new();
    while !text.contains("\"output\"") {
        let piece = timeout(Duration::from_secs(20), body.next()).await.expect("no silence");
        text.push_str(std::str::from_utf8(&piece.unwrap().unwrap()).unwrap());
    }
    let told = Instant::now();
    let cancel = app.post(&format!("/api/v1/sessions/{}/cancel", session.id)).by(&ada).await;
    assert_eq!(cancel.status, 200, "{cancel:?}");
    while let Some(piece) = timeout(Duration::from_secs(5), body.next()).await.expect("an end") {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
    }
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
    let frames = frames(&text);
    assert_eq!(frames.last(), Some(&Frame::End));
    let ended = events(&frames).pop().unwrap();
    assert!(
        matches!(ended.body, EventBody::Done { state: SessionState::Cancelled, .. }),
        "{ended:?}"
    );
    app.end().await;
}

#[tokio::test]
async fn what_is_pinned_in_one_tab_is_told_in_the_others() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let (session, path) = started(&app, &ada, "Wait for a worker that never comes").await;
    let pins = format!("/api/v1/sessions/{}/pins", session.id);
    let set = async |is_pinned: bool| {
        let body = json!({ "message": 0, "is_pinned": is_pinned });
        let answer = app.call(Method::PUT, &pins).by(&ada).json(&body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let mut tab = app.get(&path).by(&ada).open().await.into_body().into_data_stream();
    for (is_pinned, told) in [(true, vec![0]), (false, vec![])] {
        set(is_pinned).await;
        let mut heard = Vec::new();
        while !heard.contains(&Frame::Pins(told.clone())) {
            let piece = timeout(Duration::from_secs(20), tab.next()).await.expect("it is told");
            heard.extend(frames(std::str::from_utf8(&piece.unwrap().unwrap()).unwrap()));
        }
    }
    // Whoever comes later is told as well.
    set(true).await;
    let later = app.get(&path).by(&ada).open().await.into_body();
    let cancel = format!("/api/v1/sessions/{}/cancel", session.id);
    assert_eq!(app.post(&cancel).by(&ada).await.status, 200);
    let all = later.collect().await.unwrap().to_bytes();
    let heard = frames(std::str::from_utf8(&all).unwrap());
    assert!(heard.contains(&Frame::Pins(vec![0])), "{heard:?}");
    assert_eq!(heard.last(), Some(&Frame::End));
    app.end().await;
}

#[tokio::test]
async fn a_stop_ends_open_streams_without_an_end() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let (_, path) = started(&app, &ada, "Wait for a worker that never comes").await;
    let mut body = app.get(&path).by(&ada).open().await.into_body().into_data_stream();
    assert_eq!(&body.next().await.unwrap().unwrap()[..], b"retry: 1000\n\n");
    app.stopping.cancel();
    // Streams come back at different moments, so that another process is not run over.
    let mut rest = Vec::new();
    let read = async {
        while let Some(more) = body.next().await {
            rest.extend_from_slice(&more.unwrap());
        }
    };
    timeout(Duration::from_secs(2), read).await.expect("the stream ends");
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.starts_with("retry: ") && rest.lines().count() == 2, "{rest}");
    app.end().await;
}

#[tokio::test]
async fn an_event_stream_is_not_compressed() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.guest().await;
    let (_, path) = started(&app, &ada, "What is 1 + 1?").await;
    let answer = app.get(&path).by(&ada).header("accept-encoding", "br, gzip, zstd").await;
    assert_eq!(answer.header("content-encoding"), "");
    assert!(answer.text().ends_with("event: end\ndata: {}\n\n"), "{}", answer.text());
    app.end().await;
}

//! Sessions: the viewer's own, and those that are shared with anyone.

use resonant_domain::{AgentId, SessionId};

use super::{escape, with_query};

/// The viewer's sessions.
pub const SESSIONS: &str = "/sessions";
/// Two sessions side by side, to be chosen.
pub const COMPARE_SESSIONS: &str = "/sessions/compare";
/// All that a tool answered in one of the viewer's sessions, as the router knows it.
pub const SESSION_RESULT: &str = "/sessions/{id}/results/{event}";
/// The same in a shared session.
pub const SHARED_RESULT: &str = "/shared/{token}/results/{event}";

/// The sessions of one agent.
pub fn sessions_of(id: AgentId) -> String {
    format!("{SESSIONS}?agent={id}")
}

/// The viewer's sessions, of one agent alone if it is named, from a cursor on.
pub fn sessions_page(agent: Option<AgentId>, cursor: Option<&str>) -> String {
    let agent = agent.map(|agent| agent.to_string());
    with_query(SESSIONS, &[("agent", agent.as_deref()), ("cursor", cursor)])
}

/// One of the viewer's sessions.
pub fn session(id: SessionId) -> String {
    format!("{SESSIONS}/{id}")
}

/// The live events of a session after the given one.
pub fn session_stream(id: SessionId, after: i64) -> String {
    format!("/api/v1/sessions/{id}/stream?after={after}")
}

/// A session as a file: `md` or `json`.
pub fn session_file(id: SessionId, format: &str) -> String {
    format!("/api/v1/sessions/{id}/export?format={format}")
}

/// A session beside another one that is chosen there.
pub fn compare_session(left: SessionId) -> String {
    format!("{COMPARE_SESSIONS}?left={left}")
}

/// A recorded session, event by event.
pub fn replay(id: SessionId) -> String {
    format!("{}/replay", session(id))
}

/// A recorded session after so many events.
pub fn replay_at(id: SessionId, at: usize) -> String {
    with_query(&replay(id), &[("at", Some(&at.to_string()))])
}

/// A session as anyone reads it by a link.
pub fn shared(token: &str) -> String {
    format!("/shared/{}", escape(token))
}

/// The live events of a shared session after the given one.
pub fn shared_stream(token: &str, after: i64) -> String {
    format!("/api/v1/shared/{}/stream?after={after}", escape(token))
}

/// The page of a session with its log as it is written, event by event, in the place of its steps.
pub fn raw(page: &str) -> String {
    with_query(page, &[("view", Some("raw"))])
}

/// The page of a session with what a step was given.
pub fn step_input(page: &str, step: u32) -> String {
    let step = step.to_string();
    format!("{}#step-{step}", with_query(page, &[("input", Some(&step))]))
}

/// All that a tool answered, by the page of the session and the number of the event.
pub fn result(page: &str, event: i64) -> String {
    format!("{page}/results/{event}")
}

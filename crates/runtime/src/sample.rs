//! For tests: a session that has just begun.

use std::collections::BTreeMap;

use jiff::Timestamp;
use resonant_domain::agent::{Avatar, Limits};
use resonant_domain::session::{Priority, Session, SessionState, Usage};

/// A session of the goal “Go” and the context “notes”, at work since `now`.
pub(crate) fn session(limits: Limits, now: Timestamp) -> Session {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    Session {
        id: id.parse().unwrap(),
        owner_id: id.parse().unwrap(),
        agent_id: id.parse().unwrap(),
        agent_version: None,
        agent_name: "Tester".to_owned(),
        agent_avatar: Avatar::default(),
        goal: "Go".to_owned(),
        context: Some("notes".to_owned()),
        state: SessionState::Running,
        reason: None,
        limits,
        priority: Priority::Normal,
        run_at: None,
        usage: Usage::default(),
        steps: 0,
        model: None,
        waiting: None,
        waited_ms: 0,
        parent: None,
        called_by: None,
        started_by: None,
        origin: None,
        thumb: None,
        pins: Vec::new(),
        variables: BTreeMap::new(),
        is_test: false,
        last_sequence: 0,
        created_at: now,
        started_at: Some(now),
        ended_at: None,
    }
}

//! A list of sessions that stays as it is elsewhere: they begin, go on and end while somebody looks at it.
//!
//! The stream of the viewer's agents says that something has happened to a session of one of them; the list
//! is read anew then, and rows that have changed are drawn. Sessions of an agent that somebody else shares
//! are their owner's: who looks at those reads them with the page.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use leptos::prelude::*;
use resonant_domain::page::MAX_LIMIT;
use resonant_domain::session::SessionSummary;
use resonant_domain::{AgentId, SessionId};

use super::api::list_sessions;
use super::session_list::LaterPages;
use crate::browser::{self, LiveStream};
use crate::error::AppError;
use crate::paths;
use crate::state::use_unread;
use crate::turns::Turns;

/// How many sessions that began meanwhile are looked for beside those that are shown.
const MORE: usize = 20;

/// What has happened to a list since it was drawn.
#[derive(Clone, Copy)]
pub(super) struct LiveHistory {
    asked: StoredValue<Asked>,
    later: LaterPages<SessionSummary>,
    /// Those that began since, the newest first.
    came: RwSignal<Vec<SessionSummary>>,
    /// What was read anew, as it is now.
    renewed: RwSignal<HashMap<SessionId, SessionSummary>>,
    turns: Turns,
}

/// What the page asked for, and what it got.
struct Asked {
    agent: Option<AgentId>,
    cursor: Option<String>,
    count: usize,
    known: Known,
}

/// Which sessions of the list are known. Processes whose clocks differ number theirs apart: one that has just
/// begun may stand behind others that are known.
#[derive(Debug)]
struct Known {
    ids: HashSet<SessionId>,
    /// The last one of the page.
    last: Option<SessionId>,
}

impl Known {
    fn of(page: &[SessionSummary]) -> Self {
        let ids = page.iter().map(|session| session.id).collect();
        Self { ids, last: page.last().map(|session| session.id) }
    }

    /// Those of a list that have come to it since; from then on they are known. `end` is the last one that is
    /// shown, where others that are not shown follow: what stands behind it need not be new.
    fn take_new(&mut self, list: &[SessionSummary], end: Option<SessionId>) -> Vec<SessionSummary> {
        let is_before_end = |session: &SessionSummary| end.is_none_or(|end| session.id > end);
        let list = list.iter().filter(|session| is_before_end(session));
        list.filter(|session| self.ids.insert(session.id)).cloned().collect()
    }
}

impl LiveHistory {
    /// That of a page of sessions. Call it inside a component.
    pub(super) fn new(
        agent: Option<AgentId>,
        cursor: Option<String>,
        page: &[SessionSummary],
        later: LaterPages<SessionSummary>,
    ) -> Self {
        let asked = Asked { agent, cursor, count: page.len(), known: Known::of(page) };
        Self {
            asked: StoredValue::new(asked),
            later,
            came: RwSignal::new(Vec::new()),
            renewed: RwSignal::new(HashMap::new()),
            turns: Turns::new(),
        }
    }

    /// The sessions that began since, the newest first.
    pub(super) fn came(self) -> Vec<SessionSummary> {
        self.came.get()
    }

    /// Whether any did.
    pub(super) fn has_come(self) -> bool {
        self.came.with(|came| !came.is_empty())
    }

    /// A session as it is now.
    pub(super) fn now(self, session: &SessionSummary) -> SessionSummary {
        let renewed = self.renewed.with(|renewed| renewed.get(&session.id).cloned());
        renewed.unwrap_or_else(|| session.clone())
    }

    /// Takes over what happens from now on, and what happened until then.
    pub(super) fn follow(self) {
        // Goes away with the page, and the stream with it.
        let stream = StoredValue::new(None::<LiveStream>);
        let unread = use_unread();
        unread.carry();
        Effect::new(move || {
            let follow = browser::follow_agents(
                paths::AGENT_STREAM,
                move || self.refresh(),
                move |_| self.refresh(),
                move |_| self.refresh(),
                move |count| unread.tell(count),
            );
            stream.set_value(Some(follow));
        });
    }

    /// Reads the list anew as soon as it is not being read any more, and later on if that fails.
    fn refresh(self) {
        self.turns.take(move || self.read());
    }

    /// Reads all that is shown, as far as that can be read at once. What is further down stays as it was.
    async fn read(self) -> Result<(), AppError> {
        let asked = self.asked.try_with_value(|asked| {
            let shown =
                asked.count + self.later.count() + self.came.try_with_untracked(Vec::len)?;
            Some((asked.agent, asked.cursor.clone(), limit_for(shown)))
        });
        let Some((agent, cursor, limit)) = asked.flatten() else { return Ok(()) };
        let is_first_page = cursor.is_none();
        let page = list_sessions(agent, cursor, Some(limit)).await?;
        if is_first_page {
            self.take_new(&page.items);
        }
        self.renewed.try_update(|renewed| {
            renewed.extend(page.items.into_iter().map(|session| (session.id, session)));
        });
        Ok(())
    }

    fn take_new(self, page: &[SessionSummary]) {
        let later = self.later.fetched();
        let goes_on = self.later.goes_on();
        let new = self.asked.try_update_value(|asked| {
            let known = &mut asked.known;
            known.ids.extend(later.iter().map(|session| session.id));
            let last = later.last().map_or(known.last, |session| Some(session.id));
            known.take_new(page, last.filter(|_| goes_on))
        });
        if let Some(new) = new.filter(|new| !new.is_empty()) {
            self.came.try_update(|came| {
                came.extend(new);
                came.sort_by_key(|session| Reverse(session.id));
            });
        }
    }
}

/// How many sessions are read where so many are shown.
fn limit_for(shown: usize) -> u32 {
    u32::try_from(shown + MORE).unwrap_or(MAX_LIMIT).min(MAX_LIMIT)
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::Avatar;
    use resonant_domain::session::{SessionState, Usage};

    use super::*;

    fn id(number: u8) -> SessionId {
        format!("01890a5d-ac96-774b-bcce-b302099a80{number:02x}").parse().unwrap()
    }

    fn summary(number: u8, state: SessionState) -> SessionSummary {
        SessionSummary {
            id: id(number),
            agent_id: id(0).to_string().parse().unwrap(),
            agent_name: "Reader".to_owned(),
            agent_avatar: Avatar::default(),
            goal: "Read".to_owned(),
            state,
            usage: Usage::default(),
            steps: 0,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            waited_ms: 0,
            run_at: None,
            origin: None,
            started_at: None,
            ended_at: None,
        }
    }

    fn list(numbers: &[u8]) -> Vec<SessionSummary> {
        numbers.iter().map(|number| summary(*number, SessionState::Queued)).collect()
    }

    #[test]
    fn those_that_began_since_are_told_from_those_that_are_known() {
        let new = |known: &[u8], end: Option<u8>| -> Vec<_> {
            let new = Known::of(&list(known)).take_new(&list(&[8, 6, 4, 2]), end.map(id));
            new.into_iter().map(|session| session.id).collect()
        };
        assert_eq!(new(&[], None), [8, 6, 4, 2].map(id));
        assert_eq!(new(&[6, 4], Some(4)), [id(8)]);
        // One that is known may be gone, also the newest and the last one.
        assert_eq!(new(&[7, 6, 3], Some(3)), [8, 4].map(id));
        // What another process started, whose clock is behind.
        assert_eq!(new(&[8, 4], Some(4)), [id(6)]);
        assert_eq!(new(&[8, 6, 4], None), [id(2)]);
    }

    #[test]
    fn what_stands_further_down_does_not_come() {
        Owner::new().with(|| {
            let came = |next: Option<&str>| {
                let later = LaterPages::new(next.map(str::to_owned));
                let live = LiveHistory::new(None, None, &list(&[8, 6]), later);
                live.take_new(&list(&[9, 8, 7, 6, 4]));
                live.take_new(&list(&[10, 9, 8, 7, 6, 4]));
                live.came().iter().map(|session| session.id).collect::<Vec<_>>()
            };
            assert_eq!(came(Some("6")), [10, 9, 7].map(id));
            assert_eq!(came(None), [10, 9, 7, 4].map(id));
        });
    }

    #[test]
    fn no_more_is_read_than_can_be_read_at_once() {
        assert_eq!([0, 50, 500].map(limit_for), [20, 70, MAX_LIMIT]);
    }

    #[test]
    fn one_session_that_has_changed_draws_one_row() {
        Owner::new().with(|| {
            let page = [2, 1].map(|number| summary(number, SessionState::Running));
            let live = LiveHistory::new(None, None, &page, LaterPages::new(None));
            let rows = page.clone().map(|session| {
                let drawn = StoredValue::new(0);
                let row = Memo::new(move |_| live.now(&session));
                let state = Memo::new(move |_| {
                    drawn.update_value(|drawn| *drawn += 1);
                    row.get().state
                });
                (state, drawn)
            });
            let states = || rows.map(|(state, _)| state.get());
            assert_eq!(states(), [SessionState::Running; 2]);
            let [_, older] = page;
            let now =
                [summary(3, SessionState::Queued), summary(2, SessionState::Completed), older];
            live.take_new(&now);
            live.renewed.update(|renewed| renewed.extend(now.map(|session| (session.id, session))));
            assert_eq!(states(), [SessionState::Completed, SessionState::Running]);
            assert_eq!(rows.map(|(_, drawn)| drawn.get_value()), [2, 1]);
            assert_eq!(live.came().iter().map(|session| session.id).collect::<Vec<_>>(), [id(3)]);
            // Read once more, nothing has come.
            live.take_new(&[summary(3, SessionState::Running)]);
            assert_eq!(live.came().len(), 1);
        });
    }
}

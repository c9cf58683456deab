//! A list of agents that stays as it is elsewhere: other tabs, other devices and sessions change it, too.

use std::collections::BTreeMap;
use std::time::Duration;

use leptos::prelude::*;
use resonant_domain::AgentId;
use resonant_domain::agent_list::{AgentLine, AgentQuery, AgentSort};

use super::api::{ListPart, open_list};
use super::bulk::Bulk;
use crate::browser::{self, LiveStream};
use crate::error::AppError;
use crate::paths;
use crate::state::use_unread;
use crate::turns::Turns;
use crate::ui::{FirstWindow, Rows};

/// How long it is left alone once it was read: where sessions begin one after the other, agents overtake each
/// other with each of them.
const PAUSE: Duration = Duration::from_secs(2);
/// So many agents that were heard of are remembered.
const HEARD_MAX: usize = 500;

/// A list of agents, and how it is read anew.
#[derive(Clone, Copy)]
pub(super) struct LiveList {
    rows: Rows<AgentLine>,
    query: StoredValue<AgentQuery>,
    turns: Turns,
    heard: StoredValue<Heard>,
    /// There are more agents than a list that was short can draw.
    on_outgrown: Callback<()>,
}

/// The agents that were heard of, as they were then: of what is not at hand nothing else is known.
#[derive(Debug, Default)]
struct Heard(BTreeMap<AgentId, AgentLine>);

impl Heard {
    /// Takes over an agent as it is now. Answers as what it was known; nothing where it was not, or not any more:
    /// whoever keeps a page open for days is told of every agent there is.
    fn hear(&mut self, line: &AgentLine) -> Option<AgentLine> {
        let before = self.0.insert(line.summary.id, line.clone());
        if self.0.len() > HEARD_MAX {
            self.0.retain(|id, _| *id == line.summary.id);
        }
        before
    }

    /// Forgets agents that are not there any more.
    fn forget(&mut self, gone: &[AgentId]) {
        for id in gone {
            self.0.remove(id);
        }
    }
}

/// The list as it is now. Call it inside a component.
pub(super) fn new_live_list(
    rows: Rows<AgentLine>,
    query: AgentQuery,
    on_outgrown: Callback<()>,
) -> LiveList {
    let (query, turns) = (StoredValue::new(query), Turns::new());
    let list = LiveList { rows, query, turns, heard: StoredValue::default(), on_outgrown };
    rows.when_off(Callback::new(move |()| list.refresh()));
    list
}

/// What a virtual list begins with.
pub(super) fn first_window(part: ListPart) -> FirstWindow<AgentLine> {
    let (count, rank) = (to_usize(part.count), to_usize(part.from));
    FirstWindow { count, rank, window: part.window }
}

impl LiveList {
    /// Its rows.
    pub(super) fn rows(self) -> Rows<AgentLine> {
        self.rows
    }

    /// Whether it may hold other agents once their status has changed.
    pub(super) fn is_of_one_status(self) -> bool {
        self.query.try_with_value(|query| query.status.is_some()).unwrap_or(false)
    }

    /// Reads it anew around what is seen.
    pub(super) async fn read(self) -> Result<(), AppError> {
        let asked = self.query.try_get_value().zip(self.rows.edge());
        let Some((query, edge)) = asked else { return Ok(()) };
        let part = open_list(query, edge as u64).await?;
        if !self.rows.renew(first_window(part)) {
            self.on_outgrown.try_run(());
        }
        Ok(())
    }

    /// Reads it anew as soon as it is not being read any more nor was just now, and later on if that fails.
    pub(super) fn refresh(self) {
        self.turns.take(move || async move {
            let outcome = self.read().await;
            browser::sleep(PAUSE).await;
            outcome
        });
    }

    /// The same where agents stand elsewhere in it once they have changed, whatever it is.
    pub(super) fn refresh_order(self) {
        let is_by_change = self.query.try_with_value(|query| query.sort == AgentSort::Updated);
        if is_by_change == Some(true) {
            self.refresh();
        }
    }

    /// Takes over an agent as it is now: that draws one row. Where it came, left or stands elsewhere by now, or may
    /// do so, the list is read anew.
    fn hear(self, line: &AgentLine) {
        let is_same = |known: &AgentLine| known.summary.id == line.summary.id;
        let shown = self.rows.find(is_same);
        let heard = self.heard.try_update_value(|heard| heard.hear(line));
        self.rows.update(|known| {
            let is_changed = is_same(known) && known != line;
            if is_changed {
                known.clone_from(line);
            }
            is_changed
        });
        let moves = self.query.try_with_value(|query| {
            let is_shown = shown.is_some();
            let Some(before) = shown.or(heard.flatten()) else { return true };
            let was_held = is_shown || query.holds(&before.summary);
            let is_held = query.holds(&line.summary);
            was_held != is_held || (is_held && query.sort.moves(&before, line))
        });
        if moves == Some(true) {
            self.refresh();
        }
    }

    /// Takes over what happens elsewhere, and whatever has happened while nobody was told.
    pub(super) fn follow(self, bulk: Bulk) {
        // Goes away with the page, and the stream with it.
        let stream = StoredValue::new(None::<LiveStream>);
        let unread = use_unread();
        unread.carry();
        Effect::new(move || {
            let follow = browser::follow_agents(
                paths::AGENT_STREAM,
                move || self.refresh(),
                move |line| {
                    // What the list does not hold any more is seen by nobody, and nothing is done to it.
                    if self.query.try_with_value(|query| query.holds(&line.summary)) == Some(false)
                    {
                        bulk.forget(&[line.summary.id]);
                    }
                    bulk.hear(&line);
                    self.hear(&line);
                },
                move |news| {
                    bulk.forget(&news.gone);
                    self.heard.try_update_value(|heard| heard.forget(&news.gone));
                    self.refresh();
                },
                move |count| unread.tell(count),
            );
            stream.set_value(Some(follow));
        });
    }
}

/// Ranks and counts stay far below what a browser's `usize` holds.
pub(super) fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::{AgentStatus, AgentSummary, Avatar};

    use super::*;

    fn line(number: usize, runs: u64) -> AgentLine {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let summary = AgentSummary {
            id: format!("01890a5d-ac96-774b-bcce-{number:012x}").parse().unwrap(),
            name: "Otter".to_owned(),
            description: String::new(),
            avatar: Avatar::default(),
            status: AgentStatus::Active,
            created_at: at,
            updated_at: at,
        };
        AgentLine { summary, runs, open: 0 }
    }

    #[test]
    fn of_those_that_were_heard_of_so_many_are_remembered() {
        let mut heard = Heard::default();
        assert_eq!(heard.hear(&line(0, 1)), None);
        assert_eq!(heard.hear(&line(0, 2)), Some(line(0, 1)));
        for number in 1..=HEARD_MAX {
            heard.hear(&line(number, 1));
            assert!(heard.0.len() <= HEARD_MAX, "{number}");
        }
        assert_eq!(heard.hear(&line(0, 3)), None, "there was no room for it");
        assert_eq!(heard.hear(&line(HEARD_MAX, 2)), Some(line(HEARD_MAX, 1)));
        heard.forget(&[line(HEARD_MAX, 1).summary.id]);
        assert_eq!(heard.hear(&line(HEARD_MAX, 3)), None);
    }
}

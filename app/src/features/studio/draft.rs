//! What the parts of an editor know of the draft together.

use std::cell::Cell;

use leptos::prelude::*;
use resonant_domain::AgentId;
use resonant_domain::agent::Agent;

use super::agent_form::AgentForm;
use super::saving::Unheard;

/// The draft, as all parts of its editor see it.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    /// The agent as it was saved last. Its revision is the newest one of which this page knows all that
    /// it holds: whatever is saved goes on from there.
    pub(super) shown: RwSignal<Agent>,
    /// Whether there are changes that are not saved yet.
    pub(super) is_changed: RwSignal<bool>,
    /// The agent as it was when its status was changed last.
    ahead: StoredValue<Option<Agent>>,
    /// Makes the form save itself.
    save: StoredValue<Option<Callback<()>>>,
    /// Waits until everything is saved.
    waiting: StoredValue<Option<Callback<bool>>>,
}

impl Draft {
    /// The draft as it was loaded.
    pub(super) fn new(agent: Agent) -> Self {
        Self {
            shown: RwSignal::new(agent),
            is_changed: RwSignal::new(false),
            ahead: StoredValue::new(None),
            save: StoredValue::new(None),
            waiting: StoredValue::new(None),
        }
    }

    /// Takes over what the form has saved.
    pub(super) fn take_saved(self, agent: Agent) {
        self.shown.set(agent);
        // The status may have changed after it, and its answer may have come before.
        if let Some(ahead) = self.ahead.get_value() {
            self.take_status(ahead);
        }
    }

    /// Takes over a change of the status, and nothing else that the agent holds by now. Where the rest is
    /// as it was saved here, the form goes on from the new revision. Where it is not, somebody has changed
    /// it elsewhere: the form keeps its own revision, and hears of that when it is saved next.
    pub(super) fn take_status(self, agent: Agent) {
        self.shown.update(|shown| {
            if agent.revision > shown.revision {
                shown.status = agent.status;
                shown.updated_at = agent.updated_at;
                if agent.spec == shown.spec {
                    shown.revision = agent.revision;
                }
            }
        });
        self.ahead.set_value(Some(agent));
    }

    /// Says how the form is made to save itself.
    pub(super) fn saves_by(self, save: Callback<()>) {
        self.save.set_value(Some(save));
    }

    /// Calls `then` once everything that is entered is saved, or with `false` when that cannot be.
    pub(super) fn once_saved(self, then: Callback<bool>) {
        if self.is_changed.get_untracked() {
            self.waiting.set_value(Some(then));
            if let Some(save) = self.save.get_value() {
                save.run(());
            }
        } else {
            then.run(true);
        }
    }

    /// Whether somebody waits until everything is saved.
    pub(super) fn is_awaited(self) -> bool {
        self.waiting.with_value(Option::is_some)
    }

    /// Tells whoever waits whether everything is saved.
    pub(super) fn tell(self, is_saved: bool) {
        if let Some(waiting) = self.waiting.try_update_value(Option::take).flatten() {
            untrack(|| waiting.run(is_saved));
        }
    }
}

/// What could not be saved when its editor was left. It is kept until that editor is opened again, in this
/// tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Left {
    /// The agent.
    pub(super) id: AgentId,
    /// The revision that the form went on from.
    pub(super) revision: i64,
    /// What stood in the form.
    pub(super) form: AgentForm,
    /// What was sent before and never answered.
    pub(super) unheard: Unheard,
}

thread_local! {
    /// Never filled on the server: there nobody enters anything.
    static LEFT: Cell<Option<Left>> = const { Cell::new(None) };
}

impl Left {
    /// Keeps it; what was kept before is forgotten.
    pub(super) fn keep(self) {
        LEFT.set(Some(self));
    }

    /// What was left of this agent, once.
    pub(super) fn take(id: AgentId) -> Option<Self> {
        let left = LEFT.take()?;
        if left.id == id {
            return Some(left);
        }
        left.keep();
        None
    }
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::{AgentSpec, AgentStatus};

    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn agent(revision: i64, name: &str, status: AgentStatus) -> Agent {
        let at = jiff::Timestamp::UNIX_EPOCH;
        Agent {
            id: ID.parse().unwrap(),
            owner_id: ID.parse().unwrap(),
            status,
            revision,
            listing_id: None,
            created_at: at,
            updated_at: at,
            spec: AgentSpec { name: name.to_owned(), ..AgentSpec::default() },
        }
    }

    /// What a draft knows after such answers: its revision, name and status.
    fn known(tell: impl FnOnce(Draft)) -> (i64, String, AgentStatus) {
        Owner::new().with(|| {
            let draft = Draft::new(agent(1, "a", AgentStatus::Active));
            tell(draft);
            let shown = draft.shown.get_untracked();
            (shown.revision, shown.spec.name, shown.status)
        })
    }

    #[test]
    fn a_change_of_the_status_goes_on_from_what_nobody_else_has_changed() {
        let paused = known(|draft| draft.take_status(agent(2, "a", AgentStatus::Paused)));
        assert_eq!(paused, (2, "a".to_owned(), AgentStatus::Paused));
    }

    #[test]
    fn a_change_of_the_status_hides_no_change_from_elsewhere() {
        let paused = known(|draft| draft.take_status(agent(3, "b", AgentStatus::Paused)));
        assert_eq!(paused, (1, "a".to_owned(), AgentStatus::Paused));
    }

    #[test]
    fn answers_may_come_in_any_order() {
        // Saved first, paused then, and heard the other way round.
        let both = known(|draft| {
            draft.take_status(agent(3, "b", AgentStatus::Paused));
            draft.take_saved(agent(2, "b", AgentStatus::Active));
        });
        assert_eq!(both, (3, "b".to_owned(), AgentStatus::Paused));
        // An answer that was overtaken changes nothing.
        let late = known(|draft| {
            draft.take_saved(agent(3, "b", AgentStatus::Active));
            draft.take_status(agent(2, "a", AgentStatus::Paused));
        });
        assert_eq!(late, (3, "b".to_owned(), AgentStatus::Active));
    }

    #[test]
    fn who_waits_is_told_once() {
        Owner::new().with(|| {
            let draft = Draft::new(agent(1, "a", AgentStatus::Active));
            let heard = StoredValue::new(Vec::new());
            let hear =
                Callback::new(move |is_saved: bool| heard.update_value(|all| all.push(is_saved)));
            draft.once_saved(hear);
            assert_eq!(heard.get_value(), [true], "nothing is to be saved");
            draft.is_changed.set(true);
            draft.once_saved(hear);
            assert!(draft.is_awaited());
            draft.tell(false);
            draft.tell(true);
            assert_eq!(heard.get_value(), [true, false]);
        });
    }

    #[test]
    fn what_was_left_is_found_by_its_own_editor_once() {
        let id: AgentId = ID.parse().unwrap();
        let other: AgentId = "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap();
        let (form, unheard) = (AgentForm::default(), Unheard::default());
        let left = Left { id, revision: 4, form, unheard };
        left.clone().keep();
        assert_eq!(Left::take(other), None);
        assert_eq!(Left::take(id), Some(left));
        assert_eq!(Left::take(id), None);
    }
}

//! The way back: what was saved while a draft was edited.

use super::agent_form::AgentForm;

/// So many states are kept. Each holds a whole prompt.
const STATES_MAX: usize = 200;

/// The states of the draft that were saved here, and which of them is shown.
#[derive(Debug, Clone)]
pub(super) struct Past {
    saved: Vec<AgentForm>,
    at: usize,
}

impl Past {
    /// Begins with what was loaded.
    pub(super) fn new(form: AgentForm) -> Self {
        Self { saved: vec![form], at: 0 }
    }

    /// Takes over what was saved. What had been undone before is gone.
    pub(super) fn push(&mut self, form: AgentForm) {
        if self.saved[self.at] != form {
            self.saved.truncate(self.at + 1);
            self.saved.push(form);
            self.at += 1;
            if self.saved.len() > STATES_MAX {
                self.saved.remove(0);
                self.at -= 1;
            }
        }
    }

    /// Whether anything was saved since.
    pub(super) const fn has_saved(&self) -> bool {
        self.saved.len() > 1
    }

    pub(super) const fn may_undo(&self) -> bool {
        self.at > 0
    }

    pub(super) const fn may_redo(&self) -> bool {
        self.at + 1 < self.saved.len()
    }

    /// Goes one state back or forth.
    pub(super) fn step(&mut self, by: Step) -> Option<AgentForm> {
        match by {
            Step::Undo if self.may_undo() => self.at -= 1,
            Step::Redo if self.may_redo() => self.at += 1,
            Step::Undo | Step::Redo => return None,
        }
        Some(self.saved[self.at].clone())
    }
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Undo,
    Redo,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(name: &str) -> AgentForm {
        AgentForm { name: name.to_owned(), ..AgentForm::default() }
    }

    #[test]
    fn the_oldest_states_are_forgotten() {
        let mut past = Past::new(form("0"));
        for at in 1..=STATES_MAX + 1 {
            past.push(form(&at.to_string()));
        }
        assert_eq!(past.saved.len(), STATES_MAX);
        assert_eq!(past.step(Step::Undo), Some(form(&STATES_MAX.to_string())));
        while past.step(Step::Undo).is_some() {}
        assert_eq!(past.step(Step::Redo), Some(form("3")));
    }

    #[test]
    fn one_goes_back_and_forth_until_something_else_is_saved() {
        let mut past = Past::new(form("a"));
        assert_eq!(past.step(Step::Undo), None);
        past.push(form("b"));
        past.push(form("b"));
        past.push(form("c"));
        assert_eq!(past.step(Step::Undo), Some(form("b")));
        // What was undone is saved, too, and changes nothing here.
        past.push(form("b"));
        assert_eq!(past.step(Step::Undo), Some(form("a")));
        assert_eq!(past.step(Step::Redo), Some(form("b")));
        past.push(form("d"));
        assert!(!past.may_redo());
        assert_eq!(past.step(Step::Undo), Some(form("b")));
    }
}

//! What a person is told when a session is over: what happened, and what to do next.

use resonant_domain::agent::Limits;
use resonant_domain::session::{SessionState, Usage};

use crate::language::{tr, tr_with};
use crate::ui::Tone;

/// The end of a session, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Good or bad.
    pub tone: Tone,
    /// What happened.
    pub title: &'static str,
    /// Why, where that is known.
    pub reason: Option<String>,
    /// What to do next.
    pub advice: String,
}

/// What the words depend on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The final state.
    pub state: SessionState,
    /// Why it ended so.
    pub reason: Option<&'a str>,
    /// How far it might go.
    pub limits: Limits,
    /// How many steps it took.
    pub steps: usize,
    /// What it used.
    pub usage: Usage,
    /// Whether it wrote an answer.
    pub has_answer: bool,
}

impl Ending {
    /// The words for a session that is over. `None` while it goes on, and when it reached its goal
    /// with an answer, which speaks for itself.
    pub fn of(facts: Facts<'_>) -> Option<Self> {
        let Facts { state, reason, limits, steps, usage, has_answer } = facts;
        let reason = reason.map(str::to_owned);
        let (tone, title, advice) = match state {
            SessionState::Completed if has_answer => return None,
            SessionState::Completed => (
                Tone::Warn,
                tr("The session ended without an answer"),
                tr("Say in the goal what the answer should look like, then run it again")
                    .to_owned(),
            ),
            SessionState::Failed => {
                (Tone::Bad, tr("The session failed"), failure_advice(limits, steps, usage))
            }
            SessionState::Cancelled => (
                Tone::Neutral,
                tr("The session was cancelled"),
                tr("What it wrote up to then is above. Run it again whenever you like").to_owned(),
            ),
            SessionState::Timeout => (
                Tone::Warn,
                tr("The session ran out of time"),
                tr_with(
                    "It had {n} seconds. Give it a longer time limit or a smaller goal, then run it again",
                    &[("n", &limits.timeout_seconds)],
                ),
            ),
            SessionState::Created
            | SessionState::Queued
            | SessionState::Running
            | SessionState::Waiting => return None,
        };
        Some(Self { tone, title, reason, advice })
    }
}

fn failure_advice(limits: Limits, steps: usize, usage: Usage) -> String {
    if usage.output_tokens >= u64::from(limits.max_tokens) {
        tr_with(
            "It used all of its {n} output tokens. Raise that limit or ask for less, then run it again",
            &[("n", &limits.max_tokens)],
        )
    } else if u32::try_from(steps).is_ok_and(|steps| steps >= limits.max_steps) {
        tr_with(
            "It used all of its {n} steps. Raise that limit or split the goal, then run it again",
            &[("n", &limits.max_steps)],
        )
    } else {
        tr("Run it again. If it fails the same way, change the goal or the agent's tools")
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(state: SessionState) -> Facts<'static> {
        Facts {
            state,
            reason: None,
            limits: Limits::default(),
            steps: 1,
            usage: Usage::default(),
            has_answer: true,
        }
    }

    #[test]
    fn every_end_but_a_good_one_has_words() {
        for state in SessionState::ALL {
            let is_told = state.is_terminal() && state != SessionState::Completed;
            assert_eq!(Ending::of(facts(state)).is_some(), is_told, "{state:?}");
        }
        let silent = Facts { has_answer: false, ..facts(SessionState::Completed) };
        assert!(Ending::of(silent).is_some());
    }

    #[test]
    fn advice_names_the_limit_that_was_reached() {
        let steps = Facts { steps: 10, ..facts(SessionState::Failed) };
        assert!(Ending::of(steps).unwrap().advice.contains("10 steps"));
        let usage = Usage { output_tokens: 4_000, ..Usage::default() };
        let tokens = Facts { usage, ..facts(SessionState::Failed) };
        assert!(Ending::of(tokens).unwrap().advice.contains("4000 output tokens"));
    }
}

//! What people pin is shown to models word for word: it must leave them room for all else.

use resonant_domain::pin::{GOAL_NUMBER, PINS_MAX};

use crate::context;
use crate::engine::{Engine, Run};
use crate::models::{Message, ModelRequest};
use crate::progress::Progress;
use crate::tokens::Counter;

/// Why a message cannot be pinned: the rule that its number breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// The number is that of nothing that was said.
    #[error(
        "must be 0 for the goal, or the number of the event that ends a message, an answer or a \
         reply of this session"
    )]
    NoMessage,
    /// So many are pinned already.
    #[error("must wait until another one is let go: {PINS_MAX} messages are pinned")]
    TooMany,
    /// All that is pinned would be more than half of what the model can be shown.
    #[error(
        "must leave room: with it {tokens} tokens would be pinned, and {most} can be, half of what \
         {model} is shown of a session"
    )]
    TooLong {
        /// What would be pinned.
        tokens: u64,
        /// What can be.
        most: u64,
        /// The model that answers.
        model: String,
    },
}

impl Engine {
    /// Checks that a message can be pinned, beside those that the session of the run has pinned
    /// already. Where no model has a window, their number alone is bounded.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn check_pin(&self, run: &Run, message: i64) -> Result<(), PinError> {
        let progress = Progress::new(&run.history, run.session.usage);
        let text = |number: i64| match number {
            GOAL_NUMBER => Some(run.session.goal.as_str()),
            number => progress.message(number),
        };
        let Some(new) = text(message) else {
            return Err(PinError::NoMessage);
        };
        // What is no message any more, because its step was tried again, is shown to nobody.
        let mut pinned: Vec<_> = run.session.pins.iter().filter_map(|pin| text(*pin)).collect();
        if pinned.len() >= PINS_MAX {
            return Err(PinError::TooMany);
        }
        pinned.push(new);
        let current = progress.choice.as_ref().and_then(|(_, choice)| self.models().chosen(choice));
        let chosen = current.or_else(|| self.models().choose(&run.agent.model_policy).ok());
        let Some((model, facts)) = chosen.and_then(|chosen| Some((chosen.name, chosen.facts?)))
        else {
            return Ok(());
        };
        let counter = Counter::of(&model);
        let session = &run.session;
        let tools = self.tools().granted(session.owner_id, session.agent_id, &run.agent.tools);
        let request = ModelRequest {
            model: model.clone(),
            system: run.agent.system_prompt.clone(),
            messages: Vec::new(),
            tools: tools.schemas(&run.agent.tools),
            may_call: true,
            max_output_tokens: session.limits.max_tokens,
            window: None,
            now: session.created_at,
        };
        let frame = counter.frame(&request);
        let most = u64::from(session.limits.max_tokens).min(facts.reply.unwrap_or(u64::MAX));
        let reply = context::reply(facts.window, frame, most);
        let most = context::room(facts.window, frame, reply) / 2;
        let tokens: u64 = pinned
            .into_iter()
            .map(|text| counter.message(&Message::User { text: text.to_owned(), context: None }))
            .sum();
        if tokens > most { Err(PinError::TooLong { tokens, most, model }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use resonant_domain::agent::{AgentSpec, Limits};
    use resonant_domain::session::{Session, Usage};
    use resonant_domain::session_event::{EventBody, SessionEvent};

    use super::*;
    use crate::clock::FixedClock;
    use crate::models::{Chosen, Model, ModelFacts, Models, ReplyStream};
    use crate::tools::Tools;

    /// A model that is never asked.
    struct Silent;

    impl Model for Silent {
        fn provider(&self) -> &'static str {
            "openai"
        }

        fn reply(&self, _: ModelRequest) -> ReplyStream {
            Box::pin(futures::stream::empty())
        }
    }

    fn engine(window: u64) -> Engine {
        let facts = Some(ModelFacts { window, ..ModelFacts::default() });
        let chosen = Chosen { model: Arc::new(Silent), name: "small".to_owned(), facts };
        let models = Models::with_tiers([(); 3].map(|()| vec![chosen.clone()]));
        Engine::new(models, Tools::empty(), Arc::new(FixedClock::new(jiff::Timestamp::UNIX_EPOCH)))
    }

    /// A session with a message of so many words, and an answer to it.
    fn run(words: usize, pins: Vec<i64>) -> Run {
        let text = "word ".repeat(words);
        let bodies = [
            EventBody::Message { text, context: None },
            EventBody::StepStart { step: 1, attempt: 1 },
            EventBody::Output { step: 1, delta: "42".to_owned() },
            EventBody::StepComplete { step: 1, usage: Usage::default(), duration_ms: 1 },
        ];
        let at = jiff::Timestamp::UNIX_EPOCH;
        let event = |(sequence, body)| SessionEvent { sequence, at, body };
        let session: Session = serde_json::from_value(serde_json::json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057",
            "owner_id": "01890a5d-ac96-774b-bcce-b302099a8058",
            "agent_id": "01890a5d-ac96-774b-bcce-b302099a8059",
            "agent_name": "Clerk",
            "agent_avatar": { "icon": "spark", "hue": 1 },
            "goal": "Go",
            "context": null,
            "state": "running",
            "reason": null,
            "limits": Limits { max_tokens: 100, ..Limits::default() },
            "usage": Usage::default(),
            "steps": 1,
            "model": null,
            "last_sequence": 4,
            "created_at": "2026-01-01T00:00:00Z",
            "started_at": null,
            "ended_at": null,
        }))
        .unwrap();
        Run {
            session: Session { pins, ..session },
            agent: AgentSpec { name: "Clerk".to_owned(), ..AgentSpec::default() },
            history: (1..).zip(bodies).map(event).collect(),
        }
    }

    #[test]
    fn what_was_said_can_be_pinned_and_nothing_else() {
        let run = run(3, vec![]);
        for (number, expected) in [
            (0, Ok(())),
            (1, Ok(())),
            (2, Err(PinError::NoMessage)),
            (3, Err(PinError::NoMessage)),
            (4, Ok(())),
            (5, Err(PinError::NoMessage)),
        ] {
            assert_eq!(engine(4_000).check_pin(&run, number), expected, "{number}");
        }
    }

    #[test]
    fn what_is_pinned_leaves_half_of_the_room() {
        let long = run(1_200, vec![]);
        let refused = engine(2_000).check_pin(&long, 1);
        assert!(matches!(refused, Err(PinError::TooLong { .. })), "{refused:?}");
        assert_eq!(engine(2_000).check_pin(&long, 0), Ok(()));
        assert_eq!(engine(16_000).check_pin(&long, 1), Ok(()));
        // What is pinned already counts, too.
        let pinned = run(1_200, vec![1]);
        assert!(engine(2_000).check_pin(&pinned, 0).is_err());
    }

    /// The run with an event more.
    fn followed_by(mut run: Run, body: EventBody) -> Run {
        let sequence = run.history.last().map_or(0, |last| last.sequence) + 1;
        run.history.push(SessionEvent { sequence, at: jiff::Timestamp::UNIX_EPOCH, body });
        run
    }

    #[test]
    fn so_many_are_pinned_at_most() {
        let said = |text: &str| EventBody::Message { text: text.to_owned(), context: None };
        let mut full = run(3, vec![]);
        for number in 0..PINS_MAX {
            full = followed_by(full, said(&number.to_string()));
        }
        full.session.pins = (5..).take(PINS_MAX).collect();
        assert_eq!(engine(4_000).check_pin(&full, 4), Err(PinError::TooMany));
        full.session.pins.pop();
        assert_eq!(engine(4_000).check_pin(&full, 4), Ok(()));
    }

    #[test]
    fn what_another_try_has_voided_is_no_message_and_counts_for_nothing() {
        let mut again = followed_by(run(1_200, vec![4]), EventBody::Retry { step: 1 });
        assert_eq!(engine(4_000).check_pin(&again, 4), Err(PinError::NoMessage));
        again.session.pins = (4..).take(PINS_MAX).collect();
        assert_eq!(engine(16_000).check_pin(&again, 1), Ok(()));
    }
}

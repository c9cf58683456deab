//! Where the tokens, the money and the calls of a session went: model by model, and tool by tool.
//!
//! The log tells what each step used in all: what came to it before its reply, too, as attempts that failed, a
//! summary, and the agents that it called. That counts for the model that answered the step.

use crate::money::MicroUsd;
use crate::session::Usage;
use crate::session_event::ToolOutcome;
use crate::timeline::{Timeline, TimelineStep};

/// What a session used, in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breakdown {
    /// The models that answered, in the order in which they did first.
    pub models: Vec<ModelUse>,
    /// The tools that were called, in the order in which they were first.
    pub tools: Vec<ToolUse>,
    /// What no step has counted yet: one is under way, or did not come to its end.
    pub rest: Usage,
    /// Whether steps count more than the replies of the models that answered them.
    pub has_more: bool,
}

/// What a model answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelUse {
    /// Its name; `None` where the log does not tell it.
    pub model: Option<String>,
    /// How many steps.
    pub steps: u32,
    /// What they used.
    pub usage: Usage,
}

/// What a tool was called for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolUse {
    /// Its name.
    pub tool: String,
    /// How many calls.
    pub calls: u32,
    /// How many of them failed.
    pub failed: u32,
    /// How long those took that have answered, one after the other, in milliseconds.
    pub duration_ms: u64,
}

impl Breakdown {
    /// The parts of a session that used `whole`. Its first `shared` steps happened in another session, which
    /// has paid for them.
    #[must_use]
    pub fn of(timeline: &Timeline, shared: u32, whole: Usage) -> Self {
        let mut parts = Self::default();
        let mut sum = Usage::default();
        let is_chosen = timeline.steps.iter().any(|step| step.model.is_some());
        // Where no model was chosen step by step, one answers all of them.
        let mut model = timeline.model.clone().filter(|_| !is_chosen);
        for step in &timeline.steps {
            if let Some(choice) = &step.model {
                model = Some(choice.model.clone());
            }
            if step.step <= shared {
                continue;
            }
            parts.count_tools(step);
            if let Some(usage) = step.usage {
                parts.has_more |= has_more(step);
                sum += usage;
                parts.count_model(model.as_deref(), usage);
            }
        }
        parts.rest = beyond(whole, sum);
        parts
    }

    fn count_model(&mut self, model: Option<&str>, usage: Usage) {
        let known = self.models.iter().position(|known| known.model.as_deref() == model);
        let at = known.unwrap_or_else(|| {
            self.models.push(ModelUse { model: model.map(str::to_owned), ..ModelUse::default() });
            self.models.len() - 1
        });
        self.models[at].steps += 1;
        self.models[at].usage += usage;
    }

    fn count_tools(&mut self, step: &TimelineStep) {
        for call in &step.calls {
            let known = self.tools.iter().position(|known| known.tool == call.tool);
            let at = known.unwrap_or_else(|| {
                self.tools.push(ToolUse { tool: call.tool.clone(), ..ToolUse::default() });
                self.tools.len() - 1
            });
            let tool = &mut self.tools[at];
            tool.calls += 1;
            if let Some(result) = &call.result {
                tool.failed += u32::from(result.outcome == ToolOutcome::Error);
                tool.duration_ms += result.duration_ms;
            }
        }
    }
}

/// Whether a step counts more than one reply.
fn has_more(step: &TimelineStep) -> bool {
    let calls_agent = step.calls.iter().any(|call| call.session.is_some());
    step.attempt > 1 || step.summary.is_some() || calls_agent
}

/// What there is beyond a part.
fn beyond(whole: Usage, part: Usage) -> Usage {
    Usage {
        input_tokens: whole.input_tokens.saturating_sub(part.input_tokens),
        output_tokens: whole.output_tokens.saturating_sub(part.output_tokens),
        cost: MicroUsd(whole.cost.0.saturating_sub(part.cost.0).max(0)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::model::ModelChoice;
    use crate::session_event::{EventBody, SessionEvent};

    fn used(tokens: u64, micro: i64) -> Usage {
        Usage { input_tokens: tokens, output_tokens: 1, cost: MicroUsd(micro) }
    }

    fn timeline(bodies: Vec<EventBody>) -> Timeline {
        let at = Timestamp::UNIX_EPOCH;
        let events = (1..).zip(bodies);
        Timeline::from_events(events.map(|(sequence, body)| SessionEvent { sequence, at, body }))
    }

    fn choice(step: u32, model: &str) -> EventBody {
        let choice = ModelChoice {
            tier: None,
            provider: "openai".to_owned(),
            model: model.to_owned(),
            reason: "the agent names it".to_owned(),
            score: Vec::new(),
            is_price_presumed: false,
        };
        EventBody::ModelChoice { step, choice }
    }

    fn start(step: u32, attempt: u32) -> EventBody {
        EventBody::StepStart { step, attempt }
    }

    fn complete(step: u32, usage: Usage) -> EventBody {
        EventBody::StepComplete { step, usage, duration_ms: 1 }
    }

    fn call(step: u32, call_id: &str, tool: &str) -> EventBody {
        serde_json::from_value(json!({
            "type": "tool_call", "step": step, "call_id": call_id, "tool": tool, "arguments": {},
        }))
        .unwrap()
    }

    fn result(step: u32, call_id: &str, outcome: &str, duration_ms: u64) -> EventBody {
        serde_json::from_value(json!({
            "type": "tool_result", "step": step, "call_id": call_id, "tool": "", "outcome": outcome,
            "content": "", "duration_ms": duration_ms,
        }))
        .unwrap()
    }

    fn model(model: &str, steps: u32, usage: Usage) -> ModelUse {
        ModelUse { model: Some(model.to_owned()), steps, usage }
    }

    #[test]
    fn steps_count_for_the_model_that_answered_and_the_rest_is_told() {
        let timeline = timeline(vec![
            start(1, 1),
            choice(1, "small"),
            complete(1, used(10, 5)),
            start(2, 1),
            choice(2, "large"),
            // This attempt is begun anew: the step counts what it used as well.
            start(2, 2),
            complete(2, used(20, 90)),
            start(3, 1),
            choice(3, "small"),
            complete(3, used(30, 15)),
            // Nobody has told yet what this one used.
            start(4, 1),
        ]);
        let whole = Usage { input_tokens: 70, output_tokens: 4, cost: MicroUsd(150) };
        let parts = Breakdown::of(&timeline, 0, whole);
        let small = Usage { input_tokens: 40, output_tokens: 2, cost: MicroUsd(20) };
        assert_eq!(parts.models, [model("small", 2, small), model("large", 1, used(20, 90))]);
        assert_eq!((parts.rest, parts.has_more), (used(10, 40), true));
        assert_eq!(Breakdown::of(&timeline, 0, Usage::default()).rest, Usage::default());
        // Those that a fork shares were paid for elsewhere, and still tell who answers.
        let parts = Breakdown::of(&timeline, 1, whole);
        let (large, small) = (used(20, 90), used(30, 15));
        assert_eq!(parts.models, [model("large", 1, large), model("small", 1, small)]);
        let parts = Breakdown::of(&timeline, 2, whole);
        assert_eq!(parts.models, [model("small", 1, small)]);
        assert!(!parts.has_more, "what was begun anew is shared");
    }

    #[test]
    fn a_model_that_was_chosen_for_all_steps_answers_all_of_them() {
        let (provider, model_name) = ("openai".to_owned(), "large".to_owned());
        let begun = EventBody::SessionStart { provider, model: model_name };
        let timeline = timeline(vec![begun, start(1, 1), complete(1, used(10, 5))]);
        let parts = Breakdown::of(&timeline, 0, used(10, 5));
        assert_eq!(parts.models, [model("large", 1, used(10, 5))]);
    }

    #[test]
    fn a_step_that_summed_up_or_called_an_agent_counts_more_than_its_reply() {
        let summary = || {
            serde_json::from_value(json!({
                "type": "context_summary", "step": 1, "from_step": 1, "through_step": 1,
                "text": "So far", "by": "openai:small", "tokens_before": 9, "tokens_after": 2,
                "usage": used(4, 2),
            }))
            .unwrap()
        };
        let waiting = || {
            let calls = json!([{ "call_id": "a", "tool": "helper", "session_id": Uuid::nil() }]);
            let reason = json!({ "for": "agents", "step": 1, "calls": calls });
            serde_json::from_value(json!({ "type": "waiting", "reason": reason })).unwrap()
        };
        for (between, has_more) in [
            (Vec::new(), false),
            (vec![call(1, "a", "calculator")], false),
            (vec![summary()], true),
            (vec![call(1, "a", "helper"), waiting()], true),
        ] {
            let whole = [start(1, 1)].into_iter().chain(between).chain([complete(1, used(10, 5))]);
            let parts = Breakdown::of(&timeline(whole.collect()), 0, used(10, 5));
            assert_eq!((parts.rest, parts.has_more), (Usage::default(), has_more));
        }
    }

    #[test]
    fn calls_are_counted_tool_by_tool() {
        let timeline = timeline(vec![
            start(1, 1),
            call(1, "a", "calculator"),
            call(1, "b", "http_fetch"),
            call(1, "c", "calculator"),
            result(1, "a", "ok", 20),
            result(1, "b", "error", 300),
            result(1, "c", "refused", 4),
            complete(1, used(1, 1)),
            start(2, 1),
            call(2, "d", "http_fetch"),
        ]);
        let tool = |tool: &str, calls, failed, duration_ms| ToolUse {
            tool: tool.to_owned(),
            calls,
            failed,
            duration_ms,
        };
        let parts = Breakdown::of(&timeline, 0, used(1, 1));
        assert_eq!(parts.tools, [tool("calculator", 2, 0, 24), tool("http_fetch", 2, 1, 300)]);
    }
}

//! What a person decides about what a session waits for, and the entries that it becomes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ARGUMENTS_DEPTH_MAX, Amount, BudgetScope, PendingCall, Unit, Wait, WaitReason, are_too_deep,
};
use crate::fault::FieldFault;
use crate::session_event::{EventBody, ToolOutcome};
use crate::text::check_text;

/// The longest word that goes with a decision, in characters.
pub const NOTE_MAX: usize = 2_000;

/// The most that a limit is raised by at once, in either unit.
pub const RAISE_MAX: u64 = 1_000_000_000_000;

/// What a person decides: the JSON of `POST /api/v1/sessions/{id}/decisions`, beside `waiting`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Decision {
    /// On each call that needs approval.
    Calls {
        /// One for each call of the pause.
        verdicts: Vec<CallVerdict>,
    },
    /// The answer to the question, by the names of the form's fields. Absent: no answer is given.
    Answer {
        /// What was filled in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        values: Option<Value>,
    },
    /// How to go on although the budget is used up.
    Budget {
        /// The way.
        choice: BudgetChoice,
    },
    /// What became of the call whose outcome is unknown.
    Outcome {
        /// The way to go on.
        choice: OutcomeChoice,
    },
}

/// A person's word on one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CallVerdict {
    /// The call.
    pub call_id: String,
    /// Whether it is made.
    pub verdict: Verdict,
    /// The arguments to make it with, where they are changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    /// A word to the model on a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Whether a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is.
    Approve,
    /// It is not; the model is told.
    Refuse,
}

/// How to go on when a budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum BudgetChoice {
    /// The limit grows by this much. For that of a month, a key needs `agents:write`, too.
    Raise {
        /// How much more there is.
        by: u64,
        /// In what: the unit of the limit.
        unit: Unit,
    },
    /// The models for simple steps answer from here on. Helps where money is short, not tokens.
    Cheaper,
    /// Nothing changes: whether the budget reaches by now is looked at anew. For those of a month or a day,
    /// which others may have raised meanwhile.
    GoOn,
    /// The session ends.
    End,
}

/// What a person says of a call whose outcome is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum OutcomeChoice {
    /// It did not take effect: it is called again.
    Repeat,
    /// It took effect.
    Done {
        /// What the model is told that it answered.
        #[serde(default)]
        content: String,
    },
    /// It did not take effect and shall not be called again.
    Failed,
}

impl Decision {
    /// Checks that the decision fits what is waited for, and reports every rule that it breaks.
    pub fn check(&self, reason: &WaitReason) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        match (self, reason) {
            (Self::Calls { verdicts }, WaitReason::Approval { calls, .. }) => {
                check_verdicts(&mut faults, verdicts, calls);
            }
            (Self::Answer { values }, WaitReason::Question { form, .. }) => {
                if let Some(values) = values {
                    form.check_answer("values", values, &mut faults);
                }
            }
            (
                Self::Budget { choice: BudgetChoice::Raise { by, unit } },
                WaitReason::Budget { shortfall, .. },
            ) => {
                if *by == 0 || *by > RAISE_MAX {
                    faults.push(FieldFault::new("choice.by", format!("must be 1 to {RAISE_MAX}")));
                }
                if *unit != shortfall.limit.unit() {
                    faults.push(FieldFault::new("choice.unit", "must be that of the limit"));
                }
            }
            (
                Self::Budget { choice: BudgetChoice::Cheaper },
                WaitReason::Budget { shortfall, .. },
            ) if matches!(shortfall.limit, Amount::Tokens(_)) => {
                let rule = "must not be cheaper: a cheaper model needs as many tokens";
                faults.push(FieldFault::new("choice.do", rule));
            }
            (Self::Budget { choice: BudgetChoice::GoOn }, WaitReason::Budget { shortfall, .. })
                if shortfall.scope == BudgetScope::Session =>
            {
                let rule = "must be raise, cheaper or end: the session's limit is what it was";
                faults.push(FieldFault::new("choice.do", rule));
            }
            (Self::Budget { .. }, WaitReason::Budget { .. }) => {}
            (Self::Outcome { choice }, WaitReason::UnknownOutcome { .. }) => {
                if let OutcomeChoice::Done { content } = choice {
                    check_text(&mut faults, "choice.content", content, 0, NOTE_MAX);
                }
            }
            (_, WaitReason::Agents { .. }) => {
                let rule = "must wait: the session goes on when its agents have answered";
                faults.push(FieldFault::new("kind", rule));
            }
            (_, reason) => {
                let fitting = match reason {
                    WaitReason::Approval { .. } => "calls",
                    WaitReason::Question { .. } => "answer",
                    WaitReason::Budget { .. } => "budget",
                    WaitReason::UnknownOutcome { .. } | WaitReason::Agents { .. } => "outcome",
                };
                let rule = format!("must be {fitting}: that is what the session waits for");
                faults.push(FieldFault::new("kind", rule));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// The entries that a decision becomes: itself, and the results of the calls that it settles.
    #[must_use]
    pub fn into_entries(self, wait: &Wait) -> Vec<EventBody> {
        let settled = self.settled(&wait.reason);
        let decided = EventBody::Decision { waiting: wait.sequence, decision: self };
        std::iter::once(decided).chain(settled).collect()
    }

    fn settled(&self, reason: &WaitReason) -> Vec<EventBody> {
        let result = |step: u32, call_id: &str, tool: &str, outcome, content: String| {
            let (call_id, tool) = (call_id.to_owned(), tool.to_owned());
            EventBody::ToolResult { step, call_id, tool, outcome, content, duration_ms: 0 }
        };
        match (self, reason) {
            (Self::Calls { verdicts }, WaitReason::Approval { step, calls }) => verdicts
                .iter()
                .filter(|verdict| verdict.verdict == Verdict::Refuse)
                .filter_map(|verdict| {
                    let call = calls.iter().find(|call| call.call_id == verdict.call_id)?;
                    let content = match verdict.note.as_deref().map(str::trim) {
                        Some(note) if !note.is_empty() => format!("a person refused this: {note}"),
                        _ => "a person refused this".to_owned(),
                    };
                    let outcome = ToolOutcome::Refused;
                    Some(result(*step, &call.call_id, &call.tool, outcome, content))
                })
                .collect(),
            (Self::Answer { values }, WaitReason::Question { step, call_id, by: None, .. }) => {
                let (outcome, content) = match values {
                    Some(values) => (ToolOutcome::Ok, values.to_string()),
                    None => (ToolOutcome::Refused, "the person gave no answer".to_owned()),
                };
                vec![result(*step, call_id, crate::tool::ASK_USER, outcome, content)]
            }
            (Self::Outcome { choice }, WaitReason::UnknownOutcome { step, call }) => {
                let (outcome, content) = match choice {
                    OutcomeChoice::Repeat => return Vec::new(),
                    OutcomeChoice::Done { content } if content.trim().is_empty() => {
                        (ToolOutcome::Ok, "it was done".to_owned())
                    }
                    OutcomeChoice::Done { content } => (ToolOutcome::Ok, content.clone()),
                    OutcomeChoice::Failed => (ToolOutcome::Error, "it was not done".to_owned()),
                };
                vec![result(*step, &call.call_id, &call.tool, outcome, content)]
            }
            _ => Vec::new(),
        }
    }
}

fn check_verdicts(faults: &mut Vec<FieldFault>, verdicts: &[CallVerdict], calls: &[PendingCall]) {
    for (index, verdict) in verdicts.iter().enumerate() {
        let place = format!("verdicts[{index}]");
        if !calls.iter().any(|call| call.call_id == verdict.call_id) {
            faults.push(FieldFault::new(
                format!("{place}.call_id"),
                "must be a call that the session waits for",
            ));
        } else if verdicts[..index].iter().any(|other| other.call_id == verdict.call_id) {
            faults.push(FieldFault::new(format!("{place}.call_id"), "must be named once"));
        }
        if verdict.verdict == Verdict::Refuse && verdict.arguments.is_some() {
            faults.push(FieldFault::new(
                format!("{place}.arguments"),
                "must be absent from a refusal",
            ));
        } else if verdict.arguments.as_ref().is_some_and(|arguments| !arguments.is_object()) {
            faults.push(FieldFault::new(format!("{place}.arguments"), "must be an object"));
        } else if verdict.arguments.as_ref().is_some_and(are_too_deep) {
            let rule = format!("must be nested at most {ARGUMENTS_DEPTH_MAX} levels deep");
            faults.push(FieldFault::new(format!("{place}.arguments"), rule));
        }
        let note = verdict.note.as_deref().unwrap_or_default();
        check_text(faults, &format!("{place}.note"), note, 0, NOTE_MAX);
    }
    for call in calls {
        if !verdicts.iter().any(|verdict| verdict.call_id == call.call_id) {
            faults.push(FieldFault::new("verdicts", format!("must hold one for {}", call.call_id)));
        }
    }
}
#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::form::Form;
    use crate::waiting::{AskingTool, Shortfall};

    fn approval() -> WaitReason {
        let call = |id: &str| PendingCall {
            call_id: id.to_owned(),
            tool: "http_fetch".to_owned(),
            arguments: json!({"url": "https://example.org"}),
        };
        WaitReason::Approval { step: 2, calls: vec![call("a"), call("b")] }
    }

    fn decision(value: Value) -> Decision {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_call_needs_one_word() {
        let approve = json!({"call_id": "a", "verdict": "approve"});
        let refuse = json!({"call_id": "b", "verdict": "refuse", "note": "too far"});
        let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
        for (verdicts, fields) in [
            (json!([approve, refuse]), vec![]),
            (json!([approve]), vec!["verdicts"]),
            (json!([approve, refuse, approve]), vec!["verdicts[2].call_id"]),
            (
                json!([approve, {"call_id": "c", "verdict": "approve"}]),
                vec!["verdicts[1].call_id", "verdicts"],
            ),
            (
                json!([approve, {"call_id": "b", "verdict": "approve", "arguments": 1}]),
                vec!["verdicts[1].arguments"],
            ),
            (
                json!([approve, {"call_id": "b", "verdict": "approve", "arguments": nested(64)}]),
                vec![],
            ),
            (
                json!([approve, {"call_id": "b", "verdict": "approve", "arguments": nested(65)}]),
                vec!["verdicts[1].arguments"],
            ),
            (
                json!([approve, {"call_id": "b", "verdict": "refuse", "arguments": {}}]),
                vec!["verdicts[1].arguments"],
            ),
        ] {
            let decision = decision(json!({"kind": "calls", "verdicts": verdicts}));
            let faults = decision.check(&approval()).err().unwrap_or_default();
            let found: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(found, fields, "{verdicts}");
        }
    }

    #[test]
    fn a_decision_on_something_else_is_refused() {
        let end = decision(json!({"kind": "budget", "choice": {"do": "end"}}));
        assert_eq!(end.check(&approval()).unwrap_err()[0].field, "kind");
        let short = |scope| WaitReason::Budget {
            shortfall: Shortfall {
                scope,
                caller_agent_id: None,
                limit: Amount::MicroUsd(5_000_000),
                used: 4_999_000,
            },
            has_cheaper: false,
        };
        let reason = short(BudgetScope::Agent);
        assert_eq!(end.check(&reason), Ok(()));
        let go_on = decision(json!({"kind": "budget", "choice": {"do": "go_on"}}));
        assert_eq!(go_on.check(&reason), Ok(()));
        let faults = go_on.check(&short(BudgetScope::Session)).unwrap_err();
        assert_eq!(faults[0].field, "choice.do", "its own limit grows by nothing else");
        assert_eq!(
            reason.to_string(),
            "the agent's budget for the month of $5 does not reach for the next step"
        );
        let nothing = decision(
            json!({"kind": "budget", "choice": {"do": "raise", "by": 0, "unit": "tokens"}}),
        );
        let faults = nothing.check(&reason).unwrap_err();
        assert_eq!(
            (faults[0].field.as_str(), faults[1].field.as_str()),
            ("choice.by", "choice.unit")
        );
    }

    #[test]
    fn an_answer_is_a_result_where_the_agent_has_asked_and_goes_back_to_a_tool() {
        let resume = json!({ "state": "hidden" });
        let tool = AskingTool { tool: "shelf".to_owned(), resume };
        for by in [None, Some(tool)] {
            let reason = WaitReason::Question {
                step: 1,
                call_id: "a".to_owned(),
                question: "Who?".to_owned(),
                form: Form::free_answer(),
                by: by.clone(),
            };
            let written = serde_json::to_value(&reason).unwrap();
            assert_eq!(written.get("by"), by.as_ref().map(|_| json!({ "tool": "shelf" })).as_ref());
            let wait = Wait { sequence: 7, since: Timestamp::UNIX_EPOCH, reason };
            for values in [None, Some(json!({ "answer": "Ada" }))] {
                let entries = Decision::Answer { values }.into_entries(&wait);
                assert_eq!(entries.len(), if by.is_some() { 1 } else { 2 }, "{entries:?}");
            }
        }
    }

    #[test]
    fn a_refusal_is_the_result_of_its_call() {
        let wait = Wait { sequence: 7, since: Timestamp::UNIX_EPOCH, reason: approval() };
        let decided = decision(json!({"kind": "calls", "verdicts": [
            {"call_id": "a", "verdict": "approve"},
            {"call_id": "b", "verdict": "refuse", "note": "too far"},
        ]}));
        let entries = decided.into_entries(&wait);
        assert_eq!(entries.len(), 2);
        assert!(matches!(entries[0], EventBody::Decision { waiting: 7, .. }));
        let EventBody::ToolResult { call_id, outcome, content, .. } = &entries[1] else {
            panic!("{entries:?}")
        };
        assert_eq!((call_id.as_str(), *outcome), ("b", ToolOutcome::Refused));
        assert_eq!(content, "a person refused this: too far");
    }
}

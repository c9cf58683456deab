//! What a session waits for, in the words of the reader's language.

use resonant_domain::money::MicroUsd;
use resonant_domain::waiting::{Amount, BudgetScope, Shortfall, WaitReason};

use crate::language::{cost_text, tr, tr_with};

/// One sentence for a person: in English what the reason says itself.
pub(super) fn wait_words(reason: &WaitReason) -> String {
    match reason {
        WaitReason::Approval { calls, .. } => match calls.as_slice() {
            [call] => tr_with("the call of `{tool}` needs your approval", &[("tool", &call.tool)]),
            calls => tr_with("{n} tool calls need your approval", &[("n", &calls.len())]),
        },
        WaitReason::Question { question, .. } => {
            tr_with("it asks: {question}", &[("question", question)])
        }
        WaitReason::Budget { shortfall, .. } => shortfall_words(shortfall),
        WaitReason::UnknownOutcome { call, .. } => tr_with(
            "its worker was lost while `{tool}` was called: nobody knows whether it took effect",
            &[("tool", &call.tool)],
        ),
        WaitReason::Agents { calls, .. } => match calls.as_slice() {
            [call] => tr_with("`{tool}` is at work on its part", &[("tool", &call.tool)]),
            calls => tr_with("{n} agents are at work on their parts", &[("n", &calls.len())]),
        },
    }
}

fn shortfall_words(shortfall: &Shortfall) -> String {
    let whose = match shortfall.scope {
        BudgetScope::Session => tr("the session's limit"),
        BudgetScope::Agent if shortfall.caller_agent_id.is_some() => {
            tr("the calling agent's budget for the month")
        }
        BudgetScope::Agent => tr("the agent's budget for the month"),
        BudgetScope::User => tr("your budget for the month"),
        BudgetScope::Guest => tr("the guest budget for the month"),
        BudgetScope::Guests => tr("the budget for the day of all guests in your network"),
    };
    let limit = match shortfall.limit {
        Amount::Tokens(1) => tr("1 token").to_owned(),
        Amount::Tokens(count) => tr_with("{n} tokens", &[("n", &count)]),
        Amount::MicroUsd(micro) => cost_text(MicroUsd(i64::try_from(micro).unwrap_or(i64::MAX))),
    };
    tr_with(
        "{whose} of {limit} does not reach for the next step",
        &[("whose", &whose), ("limit", &limit)],
    )
}

#[cfg(test)]
mod tests {
    use resonant_domain::SessionId;
    use resonant_domain::form::Form;
    use resonant_domain::waiting::{AgentCall, PendingCall};
    use serde_json::json;

    use super::*;

    #[test]
    fn in_english_they_are_those_of_the_reason() {
        let (call_id, tool) = ("call01001".to_owned(), "http_fetch".to_owned());
        let session_id: SessionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let call =
            PendingCall { call_id: call_id.clone(), tool: tool.clone(), arguments: json!({}) };
        let agent = AgentCall { call_id: call_id.clone(), tool, session_id };
        let (question, form) = ("Who?".to_owned(), Form { fields: Vec::new() });
        let mut reasons = vec![
            WaitReason::Approval { step: 1, calls: vec![call.clone()] },
            WaitReason::Approval { step: 1, calls: vec![call.clone(), call.clone()] },
            WaitReason::Question { step: 1, call_id, question, form, by: None },
            WaitReason::UnknownOutcome { step: 1, call },
            WaitReason::Agents { step: 1, calls: vec![agent.clone()] },
            WaitReason::Agents { step: 1, calls: vec![agent.clone(), agent] },
        ];
        for scope in BudgetScope::ALL {
            for limit in [Amount::Tokens(1), Amount::Tokens(4_000), Amount::MicroUsd(1_250_000)] {
                let shortfall = Shortfall { scope, caller_agent_id: None, limit, used: 0 };
                reasons.push(WaitReason::Budget { shortfall, has_cheaper: false });
            }
        }
        for reason in reasons {
            assert_eq!(wait_words(&reason), reason.to_string());
        }
    }
}

//! What was decided elsewhere while a person had the same pause before them: they are told what, and that
//! what they sent did not count.

use resonant_domain::timeline::Settled;
use resonant_domain::waiting::{BudgetChoice, CallVerdict, Decision, OutcomeChoice, Verdict};

use crate::language::{tr, tr_with};

/// What a page knows of the pauses that it has shown. Each is named by its number; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The one that was decided last when the page came.
    pub(super) at_first: i64,
    /// The one that a decision was sent for from here.
    pub(super) sent: i64,
    /// Whether that came too late.
    pub(super) is_late: bool,
}

/// What there is to tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SettledNews {
    /// It was decided elsewhere, and nothing was sent from here.
    Elsewhere(Decision),
    /// What was sent from here came after this, or after the pause was over without a decision.
    TooLate(Option<Decision>),
}

impl SettledNews {
    /// What there is to tell to who knows so much, by what was decided last.
    pub(super) fn of(settled: Option<Settled>, known: Known) -> Option<Self> {
        let waiting = settled.as_ref().map_or(0, |settled| settled.waiting);
        let decision = settled.map(|settled| settled.decision);
        // Once a later pause is decided elsewhere, that is the news.
        if known.is_late && (known.sent >= waiting || waiting <= known.at_first) {
            return Some(Self::TooLate(decision.filter(|_| known.sent == waiting)));
        }
        let is_news = waiting > known.at_first && waiting != known.sent;
        decision.filter(|_| is_news).map(Self::Elsewhere)
    }

    /// The news for a person. `tool_of` names the tool of a call.
    pub(super) fn words(&self, tool_of: impl Fn(&str) -> String) -> String {
        match self {
            Self::Elsewhere(decision) => {
                let what = decision_words(decision, tool_of);
                tr_with("Decided elsewhere meanwhile: {what}", &[("what", &what)])
            }
            Self::TooLate(Some(decision)) => {
                let what = decision_words(decision, tool_of);
                tr_with(
                    "What you sent did not count, since it was decided elsewhere before: {what}",
                    &[("what", &what)],
                )
            }
            Self::TooLate(None) => {
                tr("What you sent did not count: the session does not wait for it any more")
                    .to_owned()
            }
        }
    }
}

/// What was decided. `tool_of` names the tool of a call.
pub(super) fn decision_words(decision: &Decision, tool_of: impl Fn(&str) -> String) -> String {
    let text = match decision {
        Decision::Calls { verdicts } => {
            let words: Vec<_> = verdicts
                .iter()
                .map(|verdict| verdict_words(verdict, &tool_of(&verdict.call_id)))
                .collect();
            return words.join("; ");
        }
        Decision::Answer { values: Some(_) } => tr("the question was answered"),
        Decision::Answer { values: None } => tr("it goes on without an answer"),
        Decision::Budget { choice: BudgetChoice::Raise { .. } } => tr("the limit was raised"),
        Decision::Budget { choice: BudgetChoice::Cheaper } => tr("it goes on with a cheaper model"),
        Decision::Budget { choice: BudgetChoice::GoOn } => {
            tr("it goes on as far as the budget reaches")
        }
        Decision::Budget { choice: BudgetChoice::End } => tr("the session was ended"),
        Decision::Outcome { choice: OutcomeChoice::Repeat } => tr("the call is made again"),
        Decision::Outcome { choice: OutcomeChoice::Done { .. } } => tr("the call took effect"),
        Decision::Outcome { choice: OutcomeChoice::Failed } => tr("the call failed"),
    };
    text.to_owned()
}

fn verdict_words(verdict: &CallVerdict, tool: &str) -> String {
    let tool: &[(&str, &dyn std::fmt::Display)] = &[("tool", &tool)];
    match (verdict.verdict, &verdict.arguments) {
        (Verdict::Approve, None) => tr_with("`{tool}` is allowed", tool),
        (Verdict::Approve, Some(_)) => tr_with("`{tool}` is allowed with other arguments", tool),
        (Verdict::Refuse, _) => tr_with("`{tool}` is refused", tool),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Decision {
        Decision::Answer { values: None }
    }

    #[test]
    fn who_was_slower_is_told_and_nobody_else() {
        let told = |settled: i64, at_first, sent, is_late| {
            let settled = (settled > 0).then(|| Settled { waiting: settled, decision: answer() });
            SettledNews::of(settled, Known { at_first, sent, is_late })
        };
        let elsewhere = Some(SettledNews::Elsewhere(answer()));
        let too_late = Some(SettledNews::TooLate(Some(answer())));
        for (settled, at_first, sent, is_late, news) in [
            // Nothing was decided since the page came, or it was from here.
            (0, 0, 0, false, None),
            (4, 4, 0, false, None),
            (4, 0, 4, false, None),
            (9, 4, 0, false, elsewhere.clone()),
            (9, 4, 4, false, elsewhere.clone()),
            (4, 0, 4, true, too_late.clone()),
            // Without scripts the page comes after the decision.
            (4, 4, 4, true, too_late),
            // What was decided is heard a little later, or never, where the session was cancelled.
            (0, 0, 4, true, Some(SettledNews::TooLate(None))),
            (9, 9, 4, true, Some(SettledNews::TooLate(None))),
            (9, 0, 4, true, elsewhere),
        ] {
            assert_eq!(told(settled, at_first, sent, is_late), news, "{settled} {at_first} {sent}");
        }
    }

    #[test]
    fn it_is_said_what_was_decided() {
        let verdict = |call_id: &str, verdict, arguments| CallVerdict {
            call_id: call_id.to_owned(),
            verdict,
            arguments,
            note: None,
        };
        let calls = Decision::Calls {
            verdicts: vec![
                verdict("a", Verdict::Approve, None),
                verdict("b", Verdict::Approve, Some(json!({}))),
                verdict("c", Verdict::Refuse, None),
            ],
        };
        let tool_of = |call_id: &str| call_id.to_uppercase();
        let words = SettledNews::Elsewhere(calls).words(tool_of);
        let ends = "`A` is allowed; `B` is allowed with other arguments; `C` is refused";
        assert_eq!(words, format!("Decided elsewhere meanwhile: {ends}"));
        let late = SettledNews::TooLate(Some(answer())).words(tool_of);
        assert!(late.starts_with("What you sent did not count"), "{late}");
        assert!(late.ends_with("it goes on without an answer"), "{late}");
    }
}

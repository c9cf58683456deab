//! The decision that the form of a waiting session stands for.

use resonant_domain::FieldFault;
use resonant_domain::form::{Form, FormInput};
use resonant_domain::waiting::{
    Amount, BudgetChoice, CallVerdict, Decision, OutcomeChoice, PendingCall, Verdict, WaitReason,
};
use serde_json::{Map, Value};

use super::decision_form::DecisionForm;
use crate::features::studio::micro_usd;
use crate::language::key;

impl DecisionForm {
    /// The decision on what is waited for.
    ///
    /// # Errors
    /// Names each field that cannot be read. What the decision's own rules forbid is told later, by
    /// the use case.
    pub fn decision(&self, reason: &WaitReason) -> Result<Decision, Vec<FieldFault>> {
        let budget = |choice| Ok(Decision::Budget { choice });
        let outcome = |choice| Ok(Decision::Outcome { choice });
        match (self.choice.as_str(), reason) {
            ("calls", WaitReason::Approval { calls, .. }) => self.verdicts(calls),
            ("answer", WaitReason::Question { form, .. }) => self.answer(form),
            ("no_answer", WaitReason::Question { .. }) => Ok(Decision::Answer { values: None }),
            ("raise", WaitReason::Budget { shortfall, .. }) => {
                let by = self.raise(shortfall.limit).map_err(|fault| vec![fault])?;
                budget(BudgetChoice::Raise { by, unit: shortfall.limit.unit() })
            }
            ("cheaper", WaitReason::Budget { .. }) => budget(BudgetChoice::Cheaper),
            ("go_on", WaitReason::Budget { .. }) => budget(BudgetChoice::GoOn),
            ("end", WaitReason::Budget { .. }) => budget(BudgetChoice::End),
            ("repeat", WaitReason::UnknownOutcome { .. }) => outcome(OutcomeChoice::Repeat),
            ("done", WaitReason::UnknownOutcome { .. }) => {
                outcome(OutcomeChoice::Done { content: self.note.trim().to_owned() })
            }
            ("failed", WaitReason::UnknownOutcome { .. }) => outcome(OutcomeChoice::Failed),
            _ => {
                Err(vec![FieldFault::new("choice", key("does not fit what the session waits for"))])
            }
        }
    }

    /// By how much a limit grows, in its own unit.
    fn raise(&self, limit: Amount) -> Result<u64, FieldFault> {
        match limit {
            // A page of the release before asks for millionths of a dollar.
            Amount::MicroUsd(_) if self.by.is_empty() => micro_usd(self.dollars.trim())
                .ok_or_else(|| FieldFault::new("dollars", key("must be an amount such as 5.00"))),
            _ => {
                let by = self.by.trim().parse();
                by.map_err(|_| FieldFault::new("by", key("must be a whole number")))
            }
        }
    }

    /// A call without a verdict is refused: silence allows nothing.
    fn verdicts(&self, calls: &[PendingCall]) -> Result<Decision, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let mut verdicts = Vec::new();
        for call in calls {
            let is_approved = self.verdicts.get(&call.call_id).is_some_and(|it| it == "approve");
            let verdict = if is_approved { Verdict::Approve } else { Verdict::Refuse };
            let arguments = match self.arguments.get(&call.call_id).filter(|_| is_approved) {
                None => None,
                Some(text) => match serde_json::from_str::<Value>(text) {
                    Ok(arguments) => Some(arguments).filter(|it| *it != call.arguments),
                    Err(error) => {
                        let field = format!("arguments.{}", call.call_id);
                        faults.push(FieldFault::new(field, format!("must be JSON: {error}")));
                        None
                    }
                },
            };
            let note = self.notes.get(&call.call_id).map(|note| note.trim().to_owned());
            let note = note.filter(|note| !note.is_empty() && !is_approved);
            verdicts.push(CallVerdict { call_id: call.call_id.clone(), verdict, arguments, note });
        }
        if faults.is_empty() { Ok(Decision::Calls { verdicts }) } else { Err(faults) }
    }

    fn answer(&self, form: &Form) -> Result<Decision, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let mut values = Map::new();
        for field in &form.fields {
            let text = self.answers.get(&field.name).map_or("", |text| text.trim());
            if text.is_empty() {
                continue;
            }
            let value = match field.input {
                FormInput::Number => {
                    let Ok(number) = text.parse() else {
                        let at = format!("answers.{}", field.name);
                        faults.push(FieldFault::new(at, key("must be a number")));
                        continue;
                    };
                    Value::Number(number)
                }
                FormInput::YesNo => Value::Bool(text == "yes"),
                _ => Value::String(text.to_owned()),
            };
            values.insert(field.name.clone(), value);
        }
        let values = Some(Value::Object(values));
        if faults.is_empty() { Ok(Decision::Answer { values }) } else { Err(faults) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn approval() -> WaitReason {
        WaitReason::Approval {
            step: 1,
            calls: vec![PendingCall {
                call_id: "call01001".to_owned(),
                tool: "http_fetch".to_owned(),
                arguments: json!({"url": "https://example.org"}),
            }],
        }
    }

    #[test]
    fn arguments_count_as_changed_only_when_they_are() {
        let sent = |arguments: &str| {
            serde_qs::from_str::<DecisionForm>(&format!(
                "waiting=3&choice=calls&verdicts[call01001]=approve&arguments[call01001]={arguments}"
            ))
            .unwrap()
        };
        let decided = |arguments: &str| match sent(arguments).decision(&approval()).unwrap() {
            Decision::Calls { verdicts } => verdicts[0].arguments.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(decided("{\"url\": \"https://example.org\"}"), None);
        assert_eq!(decided("{\"url\": \"https://b.org\"}"), Some(json!({"url": "https://b.org"})));
        assert_eq!(sent("{").decision(&approval()).unwrap_err()[0].field, "arguments.call01001");
    }

    #[test]
    fn money_is_raised_in_dollars_and_tokens_one_by_one() {
        let raised = |limit: Amount, sent: &str| {
            let sent: DecisionForm =
                serde_qs::from_str(&format!("waiting=3&choice=raise&{sent}")).unwrap();
            sent.raise(limit).map_err(|fault| fault.field)
        };
        let (money, tokens) = (Amount::MicroUsd(250_000), Amount::Tokens(4_000));
        for (limit, sent, by) in [
            (money, "dollars=0.25", Ok(250_000)),
            (money, "dollars=0,25", Ok(250_000)),
            (money, "dollars=%245", Ok(5_000_000)),
            (money, "dollars=", Err("dollars")),
            (money, "dollars=much", Err("dollars")),
            (money, "by=250000", Ok(250_000)),
            (tokens, "by=4000", Ok(4_000)),
            (tokens, "by=0.25", Err("by")),
            (tokens, "dollars=1", Err("by")),
        ] {
            assert_eq!(raised(limit, sent), by.map_err(str::to_owned), "{sent}");
        }
    }

    #[test]
    fn a_call_without_a_verdict_is_refused() {
        let sent: DecisionForm = serde_qs::from_str("waiting=3&choice=calls").unwrap();
        match sent.decision(&approval()).unwrap() {
            Decision::Calls { verdicts } => assert_eq!(verdicts[0].verdict, Verdict::Refuse),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answers_take_the_types_of_their_fields() {
        let form: Form = serde_json::from_value(json!([
            {"name": "who", "label": "Who", "type": "text", "is_required": true},
            {"name": "count", "label": "How many", "type": "number"},
            {"name": "now", "label": "Now", "type": "yes_no"},
        ]))
        .unwrap();
        let asked = WaitReason::Question {
            step: 1,
            call_id: "call01001".to_owned(),
            question: "Who?".to_owned(),
            form,
            by: None,
        };
        let sent: DecisionForm = serde_qs::from_str(
            "waiting=3&choice=answer&answers[who]=Ada&answers[count]=2.5&answers[now]=yes",
        )
        .unwrap();
        let values = match sent.decision(&asked).unwrap() {
            Decision::Answer { values } => values.unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(values, json!({"who": "Ada", "count": 2.5, "now": true}));
    }
}

//! One call outside any session, for the person who sets a tool up.

use std::time::Instant;

use resonant_domain::agent_tools::ToolTrial;
use serde_json::Value;

use super::{ToolContext, Tools, call_apart};

/// How much of an answer is shown, in characters.
const SHOWN: usize = 20_000;

impl Tools {
    /// Calls a tool once. Whatever becomes of it is the answer; what asks a person has none.
    pub async fn try_out(&self, name: &str, arguments: Value, context: ToolContext) -> ToolTrial {
        let began_at = Instant::now();
        let answer = self.answer(name, arguments, context).await;
        let is_ok = answer.is_ok();
        let said = answer.unwrap_or_else(|reason| reason);
        ToolTrial {
            name: name.to_owned(),
            is_ok,
            content: resonant_domain::text::shorten(&said, SHOWN),
            duration_ms: u64::try_from(began_at.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    async fn answer(
        &self,
        name: &str,
        arguments: Value,
        context: ToolContext,
    ) -> Result<String, String> {
        self.check(name, &arguments).map_err(|error| error.to_string())?;
        let tool = self.get(name).cloned().ok_or_else(|| format!("there is no tool `{name}`"))?;
        if tool.question(&arguments).map_err(|error| error.to_string())?.is_some() {
            return Err("it asks a person, which only a session can do".to_owned());
        }
        call_apart(tool, arguments, context).await.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::egress::Egress;

    #[tokio::test]
    async fn a_trial_answers_or_says_why_not() {
        let tools = Tools::standard(Egress::public());
        let ask = |name: &'static str, arguments| {
            let tools = tools.clone();
            async move { tools.try_out(name, arguments, ToolContext::default()).await }
        };
        let sum = ask("calculator", json!({ "expression": "2 + 3" })).await;
        assert!(sum.is_ok && sum.content.contains('5'), "{sum:?}");
        let wrong = ask("calculator", json!({ "sum": 1 })).await;
        assert!(!wrong.is_ok && wrong.content.contains("sum"), "{wrong:?}");
        assert!(!ask("rm", json!({})).await.is_ok);
        let asks = ask("ask_user", json!({ "question": "Which city?" })).await;
        assert!(!asks.is_ok && asks.content.contains("person"), "{asks:?}");
    }
}

//! What calls have given: what tools may work on, how much more is kept, and whether they go round.

use std::collections::HashMap;
use std::sync::Arc;

use resonant_domain::agent::AgentSpec;
use resonant_domain::pin::GOAL_NUMBER;
use resonant_domain::session_event::ToolOutcome;

use super::{CallRecord, Progress};
use crate::context::is_long;
use crate::models::Material;

/// How much the results of a session hold together, in bytes: each worker that takes it reads all of them.
pub(crate) const RESULTS_MAX_BYTES: usize = 8 * 1024 * 1024;
/// How long a result may be, in bytes, however much the others hold.
pub(super) const RESULT_MIN_BYTES: usize = 64 * 1024;

impl Progress {
    /// The texts that tool arguments may name: each material that a person gave as what they were given with
    /// says, the newest one as `context`, too, and each good result by its `call_id`.
    pub fn sources(&self, context: Option<&str>) -> Arc<HashMap<String, String>> {
        let mut sources = HashMap::new();
        let of_goal = context.map(|text| Material::new(GOAL_NUMBER, text));
        let heard = self.steps.iter().flat_map(|step| &step.heard);
        let given = of_goal.into_iter().chain(heard.filter_map(|said| said.material.clone()));
        let mut newest = None;
        for Material { source, text } in given {
            newest = Some(text.clone());
            sources.insert(source, text);
        }
        if let Some(text) = newest {
            sources.insert(Material::NEWEST.to_owned(), text);
        }
        for call in self.steps.iter().flat_map(|step| &step.calls) {
            if let Some((ToolOutcome::Ok, content)) = &call.result {
                sources.insert(call.call_id.clone(), content.clone());
            }
        }
        Arc::new(sources)
    }

    /// Whether there is something that a model can read on in: a result of which it is shown a part, or, where
    /// it has tools, material so long that it may be.
    pub fn can_be_read_on(&self, agent: &AgentSpec, context: Option<&str>) -> bool {
        self.has_long_result() || (!agent.tools.is_empty() && self.has_long_material(context))
    }

    /// Whether a person has given material that may be longer than a model can be shown.
    fn has_long_material(&self, context: Option<&str>) -> bool {
        let heard = self.steps.iter().flat_map(|step| &step.heard);
        let given = heard.filter_map(|said| Some(said.material.as_ref()?.text.as_str()));
        context.into_iter().chain(given).any(is_long)
    }

    /// Whether a call has given more than models are shown of it.
    pub fn has_long_result(&self) -> bool {
        let mut calls = self.steps.iter().flat_map(|step| &step.calls);
        calls.any(
            |call| matches!(&call.result, Some((ToolOutcome::Ok, content)) if is_long(content)),
        )
    }

    /// How long each of so many results may be, in bytes, so that those of the session stay within what is
    /// kept of them; as long as an ordinary one in any case.
    pub fn room_for_results(&self, count: usize) -> usize {
        let calls = self.steps.iter().flat_map(|step| &step.calls);
        let held: usize = calls.filter_map(|call| Some(call.result.as_ref()?.1.len())).sum();
        (RESULTS_MAX_BYTES.saturating_sub(held) / count.max(1)).max(RESULT_MIN_BYTES)
    }

    /// A sentence on a call that was made in three steps with the same answer each time, since the
    /// model that answers was chosen.
    pub fn loop_found(&self) -> Option<String> {
        let since = self.choice.as_ref().map_or(0, |(step, _)| *step);
        let same = |a: &CallRecord, b: &CallRecord| {
            a.tool == b.tool && a.result == b.result && a.arguments == b.arguments
        };
        let last = self.steps.last()?;
        let found = last.calls.iter().filter(|call| call.result.is_some()).find(|call| {
            let steps = self.round_steps().filter(|step| step.number >= since);
            steps.filter(|step| step.calls.iter().any(|other| same(call, other))).count() >= 3
        })?;
        Some(format!(
            "it called `{}` three times with the same arguments and got the same answer each time",
            found.tool
        ))
    }
}

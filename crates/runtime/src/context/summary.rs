//! Which steps are told shorter, and what the model that does it is shown of them.

use std::fmt::Write as _;

use resonant_domain::session_event::ToolOutcome;
use resonant_domain::text::shorten;

use super::told;
use crate::progress::{Progress, StepRecord};
use crate::tokens::Counter;

/// The longest part of one text that a summary is made from, in characters.
const EXCERPT_MAX: usize = 2_000;

/// Steps that shall be told shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summarise {
    /// The first of them.
    pub from_step: u32,
    /// The last of them.
    pub through_step: u32,
    /// What they cost now.
    pub tokens: u64,
    /// How many of their messages stay word for word.
    pub pinned: u32,
}

impl Summarise {
    /// The complete steps that no summary holds yet, without the last `kept`. `None`: there are none.
    pub fn due(progress: &Progress, pins: &[i64], kept: usize, counter: Counter) -> Option<Self> {
        let through = progress.summary.as_ref().map_or(0, |summary| summary.through_step);
        let open: Vec<_> = progress
            .steps
            .iter()
            .filter(|step| step.is_complete && step.number > through)
            .collect();
        let middle = &open[..open.len().saturating_sub(kept)];
        let (first, last) = (middle.first()?, middle.last()?);
        let told = middle.iter().flat_map(|step| told(step, pins));
        let tokens = told.map(|told| counter.message(&told.message)).sum();
        let messages = middle.iter().flat_map(|step| step.messages());
        let pinned = messages.filter(|(number, _)| pins.contains(number)).count();
        let pinned = u32::try_from(pinned).unwrap_or(u32::MAX);
        Some(Self { from_step: first.number, through_step: last.number, tokens, pinned })
    }
}

/// What is to be told shorter, as text: the summary so far, then the steps.
pub(crate) fn transcript(progress: &Progress, goal: &str, due: Summarise) -> String {
    let mut text = format!("The goal: {}\n", shorten(goal, EXCERPT_MAX));
    if let Some(summary) = &progress.summary {
        text.push_str("\nThe summary so far:\n");
        text.push_str(&summary.text);
        text.push('\n');
    }
    let range = due.from_step..=due.through_step;
    for step in progress.steps.iter().filter(|step| range.contains(&step.number)) {
        text.push_str(&line_by_line(step));
    }
    text
}

fn line_by_line(step: &StepRecord) -> String {
    let mut text = format!("\nStep {}\n", step.number);
    for said in &step.heard {
        let _ = writeln!(text, "The person said: {}", shorten(&said.text, EXCERPT_MAX));
    }
    if !step.output.trim().is_empty() {
        let _ = writeln!(text, "The agent wrote: {}", shorten(&step.output, EXCERPT_MAX));
    }
    for call in &step.calls {
        let arguments = shorten(&call.arguments.to_string(), EXCERPT_MAX / 4);
        let (how, content) = match &call.result {
            Some((ToolOutcome::Ok, content)) => ("answered", content.as_str()),
            Some((_, content)) => ("failed", content.as_str()),
            None => ("gave no answer", ""),
        };
        let content = shorten(content, EXCERPT_MAX);
        let (tool, id) = (&call.tool, &call.call_id);
        let _ = writeln!(text, "Tool `{tool}` ({id}) with {arguments} {how}: {content}");
    }
    text
}

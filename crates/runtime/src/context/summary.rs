//! Which steps are told shorter, and what the model that does it is shown of them.

use std::fmt::Write as _;

use resonant_domain::session_event::ToolOutcome;
use resonant_domain::text::shorten;

use super::{said, told};
use crate::progress::{Progress, StepRecord};
use crate::tokens::Counter;

/// The longest part of one text that a summary is made from, in characters.
const EXCERPT_MAX: usize = 2_000;
/// The least that is told of a step that is too long, in bytes.
const STEP_MIN_BYTES: usize = 1_000;

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
        Self::of(&open[..open.len().saturating_sub(kept)], pins, counter)
    }

    /// The same up to a step before its end.
    pub fn up_to(self, step: u32, progress: &Progress, pins: &[i64], counter: Counter) -> Self {
        let range = self.from_step..=step;
        let fewer: Vec<_> =
            progress.steps.iter().filter(|step| range.contains(&step.number)).collect();
        Self::of(&fewer, pins, counter).unwrap_or(self)
    }

    fn of(steps: &[&StepRecord], pins: &[i64], counter: Counter) -> Option<Self> {
        let (first, last) = (steps.first()?, steps.last()?);
        let heard = steps.iter().flat_map(|step| &step.heard).map(|heard| said(heard, pins));
        let told = heard.chain(steps.iter().flat_map(|step| told(step, pins)));
        let tokens = told.map(|told| counter.message(&told.message)).sum();
        let messages = steps.iter().flat_map(|step| step.messages());
        let pinned = messages.filter(|(number, _)| pins.contains(number)).count();
        let pinned = u32::try_from(pinned).unwrap_or(u32::MAX);
        Some(Self { from_step: first.number, through_step: last.number, tokens, pinned })
    }
}

/// What is to be told shorter, as text of about `room` tokens at most, and the last step that is in it: the
/// goal, the summary so far, then the steps, as many as there is room for. The others are told shorter another
/// time. The first is there in any case, cut where it has to be, and the cut is marked; so that there is room
/// for it, the goal takes a quarter and the summary half, where they are long.
pub(crate) fn transcript(
    progress: &Progress,
    goal: &str,
    due: Summarise,
    counter: Counter,
    room: u64,
) -> (String, u32) {
    let goal = shorten(goal, EXCERPT_MAX);
    let mut text = format!("The goal: {}\n", within(&goal, room / 4, counter));
    if let Some(summary) = &progress.summary {
        text.push_str("\nThe summary so far:\n");
        text.push_str(within(&summary.text, room / 2, counter));
        text.push('\n');
    }
    let mut left = room.saturating_sub(counter.text(&text));
    let range = due.from_step..=due.through_step;
    let mut through = None;
    for step in progress.steps.iter().filter(|step| range.contains(&step.number)) {
        let mut lines = line_by_line(step);
        let mut tokens = counter.text(&lines);
        if tokens > left {
            if through.is_some() {
                break;
            }
            while tokens > left && lines.len() > STEP_MIN_BYTES {
                lines.truncate(lines.floor_char_boundary(lines.len() / 4 * 3));
                tokens = counter.text(&lines);
            }
            lines.push_str("\n[Cut: the rest of the step was too long]\n");
        }
        left = left.saturating_sub(tokens);
        text.push_str(&lines);
        through = Some(step.number);
    }
    (text, through.unwrap_or(due.through_step))
}

/// The beginning of a text, of so many tokens at most.
fn within(text: &str, most: u64, counter: Counter) -> &str {
    let mut kept = text;
    while !kept.is_empty() && counter.text(kept) > most {
        kept = &kept[..kept.floor_char_boundary(kept.len() / 4 * 3)];
    }
    kept
}

fn line_by_line(step: &StepRecord) -> String {
    let mut text = format!("\nStep {}\n", step.number);
    for said in &step.heard {
        let _ = write!(text, "The person said: {}", shorten(&said.text, EXCERPT_MAX));
        if let Some(material) = &said.material {
            let _ = write!(text, " (with material: the source `{}`)", material.source);
        }
        text.push('\n');
    }
    if !step.output.trim().is_empty() {
        let _ = writeln!(text, "The agent wrote: {}", shorten(&step.output, EXCERPT_MAX));
    }
    for call in &step.calls {
        let arguments = shorten(call.arguments.text(), EXCERPT_MAX / 4);
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

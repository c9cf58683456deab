//! A session as a Markdown document, to keep or to hand on.

use std::fmt::Write as _;

use crate::session::Session;
use crate::session_event::ToolOutcome;
use crate::timeline::{Timeline, TimelineStep};

/// Writes a session down: what it was for, every step with its calls, and how it ended.
#[must_use]
pub fn markdown(session: &Session, timeline: &Timeline) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, session, timeline);
    text
}

fn write_all(text: &mut String, session: &Session, timeline: &Timeline) -> std::fmt::Result {
    writeln!(text, "# {}\n", one_line(&session.goal))?;
    let version = session.agent_version.map_or_else(|| "draft".to_owned(), |v| v.to_string());
    for (name, value) in [
        ("Agent", format!("{} (version: {version})", one_line(&session.agent_name))),
        ("State", session.state.title().to_owned()),
        ("Asked for", session.created_at.to_string()),
        ("Answered by", session.model.clone().unwrap_or_else(|| "not known yet".to_owned())),
        ("Steps", session.steps.to_string()),
        ("Tokens", session.usage.total_tokens().to_string()),
        ("Cost", session.usage.cost.to_string()),
    ] {
        writeln!(text, "- {name}: {value}")?;
    }
    if let Some(reason) = &session.reason {
        writeln!(text, "- Reason: {}", one_line(reason))?;
    }
    writeln!(text, "\n## Goal\n\n{}", session.goal.trim())?;
    if let Some(context) = &session.context {
        writeln!(text, "\n## Context\n")?;
        fence(text, "", context)?;
    }
    if !session.variables.is_empty() {
        writeln!(text, "\n## Variables\n")?;
        for (name, value) in &session.variables {
            writeln!(text, "- {name}: {}", one_line(value))?;
        }
    }
    for step in &timeline.steps {
        write_step(text, step)?;
    }
    Ok(())
}

fn write_step(text: &mut String, step: &TimelineStep) -> std::fmt::Result {
    writeln!(text, "\n## Step {}", step.step)?;
    if !step.thinking.is_empty() {
        writeln!(text, "\n### Thinking\n")?;
        fence(text, "", &step.thinking)?;
    }
    for call in &step.calls {
        writeln!(text, "\n### Tool: {}\n", one_line(&call.tool))?;
        fence(text, "json", &call.arguments.to_string())?;
        if let Some(result) = &call.result {
            let outcome = match result.outcome {
                ToolOutcome::Ok => "Answered",
                ToolOutcome::Error => "Failed",
                ToolOutcome::Cancelled => "Cancelled",
                ToolOutcome::Refused => "Refused by a person",
            };
            writeln!(text, "\n{outcome} after {} ms:\n", result.duration_ms)?;
            fence(text, "", &result.content)?;
            if let Some(whole) = result.whole {
                writeln!(text, "\nThis is its head. The log holds all {whole} characters.")?;
            }
        }
    }
    if !step.output.is_empty() {
        writeln!(text, "\n### Answer\n\n{}", step.output.trim())?;
    }
    for error in &step.errors {
        writeln!(text, "\n> Fault: {}", one_line(error))?;
    }
    Ok(())
}

/// A text between fences that are longer than any in it (`CommonMark` 0.31, section 4.5).
fn fence(text: &mut String, language: &str, content: &str) -> std::fmt::Result {
    let longest = content.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    writeln!(text, "{fence}{language}\n{}\n{fence}", content.trim_end())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_what_stands_in_it() {
        for (content, expected) in [
            ("plain", "```\nplain\n```\n"),
            ("a ``` b", "````\na ``` b\n````\n"),
            ("`````", "``````\n`````\n``````\n"),
        ] {
            let mut text = String::new();
            fence(&mut text, "", content).unwrap();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_title_stays_on_its_line() {
        assert_eq!(one_line("a\n# b"), "a # b");
    }
}

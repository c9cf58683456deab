//! The answer, written out of the results: a short lead, then what was found, then where it is from.

mod sections;

use std::borrow::Cow;
use std::fmt::Write as _;

use super::intents::{Origin, Understood, bare_place};
use super::plan::Plan;
use sections::Section;

pub(super) use sections::tells;

/// What the planner is, for goals that are beyond it.
const WHAT_I_AM: &str = "I am Resonant's built-in planner: rules, not a language model.";
/// What it can do.
const WHAT_I_CAN: &str = "I can work out arithmetic, units and dates; read a web page; summarise a text and find its key \
    points, keywords, action items, questions, dates, amounts, addresses and links; count and compare texts; \
    question CSV and JSON and convert one into the other; and assemble outlines, checklists and reply skeletons \
    from a text's own words.";
/// What would be needed for the rest.
const WHAT_IS_NEEDED: &str = "For free writing, translation and questions of judgement, an operator has to configure \
    a language model.";

/// Writes the answer.
pub(super) fn answer(plan: &Plan<'_>, understood: &Understood) -> String {
    let mut sections: Vec<Section> = Vec::new();
    let mut missing: Vec<Missing> = Vec::new();
    let mut failed: Vec<(Vec<String>, String)> = Vec::new();
    for (index, wish) in plan.wishes.iter().enumerate() {
        let lacking = plan.missing(index);
        if !lacking.is_empty() && !sections::has_results(plan, index) {
            let wish = super::intents::spoken(wish);
            match missing.iter_mut().find(|(_, tools)| *tools == lacking) {
                Some((wishes, _)) if wishes.contains(&wish) => {}
                Some((wishes, _)) => wishes.push(wish),
                None => missing.push((vec![wish], lacking)),
            }
            continue;
        }
        for section in sections::of(plan, index) {
            if let Some((wish, reason)) = section.failed {
                match failed.iter_mut().find(|(_, known)| *known == reason) {
                    Some((wishes, _)) => wishes.push(wish),
                    None => failed.push((vec![wish], reason)),
                }
            } else if !sections.contains(&section) {
                sections.push(section);
            }
        }
    }
    let mut text = lead(understood, &sections);
    write_sections(&mut text, &sections);
    for (wishes, reason) in &failed {
        let _ = write!(text, "I could not {}: {reason}.\n\n", list(wishes));
    }
    write_missing(&mut text, plan, &missing);
    let has_tried = !sections.is_empty() || !missing.is_empty() || !failed.is_empty();
    if understood.has_silence {
        text.push_str("The documents of this agent say nothing about it. ");
    }
    write_unknown(&mut text, understood, has_tried);
    if !has_tried && understood.unknown.is_empty() {
        let _ =
            writeln!(text, "{WHAT_I_AM} I found nothing to work on. {WHAT_I_CAN} {WHAT_IS_NEEDED}");
    }
    write_sources(&mut text, &sections);
    text.trim_end().to_owned() + "\n"
}

/// One sentence on what follows, when there is more than one thing.
fn lead(understood: &Understood, sections: &[Section]) -> String {
    let mut found: Vec<String> = Vec::new();
    for section in sections {
        if !section.noun.is_empty() && !found.contains(&section.noun) {
            found.push(section.noun.clone());
        }
    }
    let from = match &understood.materials[..] {
        [one] => format!("From {}", bare_place(one)),
        _ => "Here is what was asked for".to_owned(),
    };
    match understood.origin {
        Origin::Material if !sections.is_empty() => {
            "Your goal names nothing that I know how to do, so here is what the material itself tells.\n\n".to_owned()
        }
        _ if sections.len() < 2 || found.is_empty() => String::new(),
        _ => format!("{from}: {}.\n\n", list(&found)),
    }
}

fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn write_sections(text: &mut String, sections: &[Section]) {
    // Lines such as results of calculations stand together, without headings.
    let has_headings = sections.iter().filter(|section| !section.title.is_empty()).count() > 1
        || (sections.len() > 1 && sections.iter().any(|section| !section.title.is_empty()));
    for section in sections {
        if has_headings && !section.title.is_empty() {
            let _ = write!(text, "## {}\n\n", section.title);
        }
        if section.title.is_empty() && sections.len() > 1 {
            let _ = writeln!(text, "- {}", section.body.trim());
        } else {
            let _ = write!(text, "{}\n\n", section.body.trim());
        }
    }
    if !text.ends_with("\n\n") && !text.is_empty() {
        text.push('\n');
    }
}

/// What was asked for, and the tools that it takes.
type Missing = (Vec<String>, Vec<Cow<'static, str>>);

fn write_missing(text: &mut String, plan: &Plan<'_>, missing: &[Missing]) {
    for (wishes, tools) in missing {
        let wish = list(wishes);
        let tools = tools.iter().map(|tool| format!("`{tool}`")).collect::<Vec<_>>().join(", ");
        let _ = if plan.is_last_step() {
            write!(
                text,
                "I could not {wish} any more: the session's step limit is reached, and {tools} would have been the next call.\n\n"
            )
        } else {
            write!(
                text,
                "I could not {wish}: that takes {tools}, which I may not call here. Grant it to the agent, and allow more than one step.\n\n"
            )
        };
    }
}

fn write_unknown(text: &mut String, understood: &Understood, has_more: bool) {
    if understood.unknown.is_empty() {
        return;
    }
    let unknown = understood
        .unknown
        .iter()
        .map(|clause| format!("“{}”", resonant_domain::text::shorten(clause, 120)));
    let unknown = unknown.collect::<Vec<_>>().join(", ");
    let _ = if has_more && understood.origin != Origin::Material {
        write!(text, "I did not know what to do with {unknown}. {WHAT_I_AM} {WHAT_IS_NEEDED}\n\n")
    } else {
        write!(
            text,
            "{WHAT_I_AM} {unknown} is beyond what I can do by rules. {WHAT_I_CAN} {WHAT_IS_NEEDED}\n\n"
        )
    };
}

/// Which tool gave what.
fn write_sources(text: &mut String, sections: &[Section]) {
    let mut tools: Vec<(&str, Vec<&str>)> = Vec::new();
    for section in sections {
        for tool in section.tools.iter().copied().chain(section.own.as_deref()) {
            let what = section.cited.as_str();
            match tools.iter_mut().find(|(known, _)| *known == tool) {
                Some((_, all)) => {
                    if !all.contains(&what) {
                        all.push(what);
                    }
                }
                None => tools.push((tool, vec![what])),
            }
        }
    }
    if tools.is_empty() {
        return;
    }
    let sources: Vec<_> = tools
        .iter()
        .map(|(tool, what)| {
            let what: Vec<_> = what.iter().filter(|what| !what.is_empty()).copied().collect();
            if what.is_empty() || sections.len() == 1 {
                format!("`{tool}`")
            } else {
                format!("`{tool}` ({})", what.join(", "))
            }
        })
        .collect();
    let _ = writeln!(text, "*By the built-in planner, from {}.*", sources.join(", "));
}

/// The plan in plain words.
pub(super) fn thinking(
    plan: &Plan<'_>,
    understood: &Understood,
    calls: &[super::plan::Call],
) -> String {
    let mut text = String::new();
    if plan.made.is_empty() {
        let wishes: Vec<_> = plan.wishes.iter().map(super::intents::spoken).collect();
        let shown: Vec<_> = wishes.iter().take(8).cloned().collect();
        let more = wishes.len().saturating_sub(8);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let count = match wishes.len() {
            0 => "nothing that my rules know".to_owned(),
            1 => "one thing".to_owned(),
            count => format!("{count} things"),
        };
        let _ = match (understood.origin, wishes.len()) {
            (_, 0) => write!(text, "The goal asks for {count}."),
            (Origin::Goal, _) => {
                write!(text, "The goal asks for {count}: {}{more}.", shown.join("; "))
            }
            (Origin::Author, _) => {
                write!(
                    text,
                    "The goal points at material and names nothing more, so I follow the agent's own list: {}{more}.",
                    shown.join("; ")
                )
            }
            (Origin::Material, _) => {
                write!(
                    text,
                    "The goal names nothing that my rules know. There is material, so I do what is useful with it: {}{more}.",
                    shown.join("; ")
                )
            }
        };
        if !understood.unknown.is_empty() && understood.origin == Origin::Goal {
            text.push_str(" A part of the goal is beyond my rules; the answer will say which.");
        }
        text.push('\n');
    }
    if calls.is_empty() {
        let failed = plan.made.iter().filter(|made| made.is_error).count();
        if plan.made.is_empty() {
            text.push_str("There is nothing to call, so I answer at once.\n");
        } else if failed > 0 {
            let _ = writeln!(
                text,
                "{failed} of {} calls failed; the answer says so. I write it from the rest.",
                plan.made.len()
            );
        } else {
            text.push_str("All results are there. I write the answer from them.\n");
        }
        return text;
    }
    let mut tools: Vec<(&str, usize)> = Vec::new();
    for call in calls {
        match tools.iter_mut().find(|(tool, _)| *tool == call.tool) {
            Some((_, count)) => *count += 1,
            None => tools.push((&call.tool, 1)),
        }
    }
    let named: Vec<_> = tools
        .iter()
        .map(
            |(tool, count)| {
                if *count > 1 { format!("{tool} {count} times") } else { (*tool).to_owned() }
            },
        )
        .collect();
    let side_by_side =
        if calls.len() > 1 { ", side by side, because none needs another's result" } else { "" };
    let first = if plan.made.is_empty() { "I call" } else { "With these results I call" };
    let _ = write!(text, "{first} {}{side_by_side}.", list(&named));
    if plan.has_more_to_come() {
        text.push_str(" What depends on a result comes in the next step.");
    }
    text.push('\n');
    text
}

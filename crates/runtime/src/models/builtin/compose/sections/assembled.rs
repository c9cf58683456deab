//! Outlines, replies and checklists: assembled from a text's own lines, and marked as such.

use std::fmt::Write as _;

use resonant_domain::text::shorten;

use super::{ITEMS_SHOWN, Section, quoted, sentence_case};
use crate::models::builtin::intents::Material;
use crate::models::builtin::plan::Plan;

/// The headings that a text has itself: Markdown ones, and short lines without a full stop that a
/// longer one follows.
fn headings(text: &str) -> Vec<(String, Vec<String>)> {
    let mut parts: Vec<(String, Vec<String>)> = Vec::new();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    for (at, line) in lines.iter().enumerate() {
        if line.is_empty() {
            continue;
        }
        let stands_alone = at == 0 || lines[at - 1].is_empty();
        let goes_on = lines[at + 1..].iter().any(|next| !next.is_empty());
        let is_short = line.split_whitespace().count() <= 9
            && !line.ends_with(['.', '!', '?', ',', ';'])
            && !line.starts_with(['-', '*', '•']);
        if let Some(heading) = line.strip_prefix('#') {
            parts.push((heading.trim_start_matches('#').trim().to_owned(), Vec::new()));
        } else if stands_alone && is_short && goes_on && !line.contains(": ") {
            parts.push((line.trim_end_matches(':').to_owned(), Vec::new()));
        } else {
            if parts.is_empty() {
                parts.push((String::new(), Vec::new()));
            }
            if let Some((_, body)) = parts.last_mut() {
                body.push(line.trim_start_matches(['-', '*', '•', ' ']).to_owned());
            }
        }
    }
    parts
}

/// The sentences of a line.
fn sentences(line: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut from = 0;
    for (at, c) in line.char_indices() {
        let after = &line[at + c.len_utf8()..];
        if matches!(c, '.' | '!' | '?')
            && after.starts_with(' ')
            && after.trim_start().starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit())
            && !line[from..at].ends_with(|c: char| c.is_ascii_digit() && line[from..at].len() < 3)
        {
            sentences.push(line[from..=at].trim().to_owned());
            from = at + c.len_utf8();
        }
    }
    let rest = line[from..].trim();
    if !rest.is_empty() {
        sentences.push(rest.to_owned());
    }
    sentences
}

pub(super) fn outline(
    plan: &Plan<'_>,
    material: &Material,
    picked: &str,
    keywords: &[String],
) -> Section {
    let text = plan.text(material).unwrap_or_default();
    let parts = headings(&text);
    let has_headings = parts.iter().filter(|(heading, _)| !heading.is_empty()).count() >= 2;
    let mut body = String::from(
        "Assembled by rules from the text's own words; the wording is not mine to judge.\n\n",
    );
    if has_headings {
        for (number, (heading, lines)) in parts
            .iter()
            .filter(|(heading, lines)| !(heading.is_empty() && lines.is_empty()))
            .take(20)
            .enumerate()
        {
            let heading = if heading.is_empty() { "Opening" } else { heading };
            let _ = writeln!(body, "{}. **{heading}**", number + 1);
            for sentence in lines.iter().flat_map(|line| sentences(line)).take(4) {
                let _ = writeln!(
                    body,
                    "   - {}",
                    shorten(sentence.trim_start_matches(['-', '*', '•', ' ']), 160)
                );
            }
        }
    } else {
        let all: Vec<String> =
            parts.iter().flat_map(|(_, lines)| lines).flat_map(|line| sentences(line)).collect();
        let (opening, rest) = all
            .split_first()
            .map_or((String::new(), Vec::new()), |(first, rest)| (first.clone(), rest.to_vec()));
        if !opening.is_empty() {
            let _ = writeln!(body, "1. **Opening**\n   - {}", shorten(&opening, 160));
        }
        // What the summary picked, in the order of the text, then what belongs to each keyword.
        let main: Vec<_> = picked
            .lines()
            .map(|line| line.trim_start_matches("- ").trim())
            .filter(|line| !line.is_empty() && *line != opening)
            .collect();
        if !main.is_empty() {
            let _ = writeln!(body, "2. **Main points**");
            for line in &main {
                let _ = writeln!(body, "   - {}", shorten(line, 160));
            }
        }
        let mut number = 3;
        let mut used: Vec<&String> = Vec::new();
        for keyword in keywords.iter().take(4) {
            let about: Vec<_> = rest
                .iter()
                .filter(|sentence| {
                    sentence.to_lowercase().contains(&keyword.to_lowercase())
                        && !main.contains(&sentence.as_str())
                        && !used.contains(sentence)
                })
                .take(3)
                .collect();
            if about.is_empty() {
                continue;
            }
            let _ = writeln!(body, "{number}. **{}**", sentence_case(keyword));
            for sentence in about {
                let _ = writeln!(body, "   - {}", shorten(sentence, 160));
                used.push(sentence);
            }
            number += 1;
        }
    }
    Section {
        title: "Outline".to_owned(),
        body,
        noun: "an outline".to_owned(),
        tools: vec!["summarise", "extract"],
        cited: "outline".to_owned(),
        ..Section::default()
    }
}

pub(super) fn reply(
    picked: &str,
    questions: &[String],
    tasks: &[String],
    dates: &[String],
    amounts: &[String],
) -> Section {
    let mut draft = String::from("Hello,\n\nthank you for your message.\n");
    if !picked.is_empty() {
        let _ = write!(draft, "\nI understand the following: {}\n", shorten(picked, 400));
    }
    if !questions.is_empty() {
        draft.push_str("\nTo your questions:\n");
        for question in questions.iter().take(10) {
            let _ = write!(draft, "\n- {question}\n  [your answer]\n");
        }
    }
    if !tasks.is_empty() {
        draft.push_str("\nI have noted:\n");
        for task in tasks.iter().take(10) {
            let _ = write!(draft, "\n- {task}\n  [done by whom, until when]\n");
        }
    }
    if !dates.is_empty() {
        let _ = write!(
            draft,
            "\nDates to confirm: {}\n",
            dates.iter().take(8).cloned().collect::<Vec<_>>().join("; ")
        );
    }
    if !amounts.is_empty() {
        let _ = write!(
            draft,
            "\nAmounts to confirm: {}\n",
            amounts.iter().take(8).cloned().collect::<Vec<_>>().join("; ")
        );
    }
    draft.push_str("\nKind regards,\n[your name]");
    Section {
        title: "Reply skeleton".to_owned(),
        body: format!(
            "Assembled by rules: the questions, tasks, dates and amounts are the text's own, and what stands in \
             [brackets] is yours to write.\n\n{}",
            quoted(&draft)
        ),
        noun: "a reply skeleton".to_owned(),
        tools: vec!["summarise", "extract"],
        cited: "reply".to_owned(),
        ..Section::default()
    }
}

pub(super) fn checklist(
    plan: &Plan<'_>,
    material: &Material,
    tasks: &[String],
    dates: &[String],
    questions: &[String],
) -> Section {
    let mut body = String::from("Assembled by rules from the text's own lines.\n\n");
    let mut tasks = tasks.to_vec();
    if tasks.is_empty() {
        // A text of instructions may be one list without a single "must": its sentences are the steps.
        let text = plan.text(material).unwrap_or_default();
        tasks = headings(&text)
            .into_iter()
            .flat_map(|(_, lines)| lines)
            .flat_map(|line| sentences(&line))
            .map(|sentence| sentence.trim_start_matches(['-', '*', '•', ' ']).to_owned())
            .filter(|sentence| !sentence.ends_with('?'))
            .take(ITEMS_SHOWN)
            .collect();
    }
    for task in tasks.iter().take(40) {
        let _ = writeln!(body, "- [ ] {}", task.trim_start_matches("[ ]").trim());
    }
    if !questions.is_empty() {
        body.push_str("\n**To be settled**\n\n");
        for question in questions.iter().take(ITEMS_SHOWN) {
            let _ = writeln!(body, "- [ ] {question}");
        }
    }
    if !dates.is_empty() {
        body.push_str("\n**Dates to keep**\n\n");
        for date in dates.iter().take(ITEMS_SHOWN) {
            let _ = writeln!(body, "- [ ] {date}");
        }
    }
    Section {
        title: "Checklist".to_owned(),
        body,
        noun: "a checklist".to_owned(),
        tools: vec!["extract"],
        cited: "checklist".to_owned(),
        ..Section::default()
    }
}

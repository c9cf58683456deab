//! The results of one wish as a section of the answer.

mod assembled;
mod kept;
mod own;

use std::fmt::Write as _;

use resonant_domain::text::shorten;
use resonant_domain::tool::{KNOWLEDGE, RECALL};
use serde_json::Value;

use crate::models::builtin::abilities::Ability;
use crate::models::builtin::dates;
use crate::models::builtin::intents::{Material, Wish};
use crate::models::builtin::plan::{Made, Plan, is_refused, iso_dates, page_text};

/// A part of the answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Section {
    /// Its heading; empty for a single line.
    pub title: String,
    /// Its Markdown.
    pub body: String,
    /// How the lead counts it: "3 action items"; empty when it does not.
    pub noun: String,
    /// The tools that gave it.
    pub tools: Vec<&'static str>,
    /// The tool of the agent's own that gave it.
    pub own: Option<String>,
    /// What the tools gave, as the last line names it.
    pub cited: String,
    /// What could not be done, and why; then there is no body.
    pub failed: Option<(String, String)>,
}

/// The most items of a list that are shown.
const ITEMS_SHOWN: usize = 25;

/// Whether any call of the wish has a result.
pub(super) fn has_results(plan: &Plan<'_>, index: usize) -> bool {
    plan.calls(index).is_ok_and(|calls| calls.iter().any(|call| plan.find(call).is_some()))
}

/// Whether passages that were found tell what a question asks.
pub(in super::super) fn tells(question: &str, result: &str) -> bool {
    kept::quoted(question, Some(result)).is_some()
}

/// The sections of a wish.
pub(super) fn of(plan: &Plan<'_>, index: usize) -> Vec<Section> {
    let Ok(calls) = plan.calls(index) else {
        let wish = super::super::intents::spoken(&plan.wishes[index]);
        return vec![failure(wish, "it goes on from a result that is not there".to_owned())];
    };
    let made: Vec<&Made> = calls.iter().filter_map(|call| plan.find(call)).collect();
    if let Some(failed) = made.iter().find(|made| made.is_error) {
        let reason =
            format!("`{}` says: {}", failed.tool, failed.content.trim().trim_end_matches('.'));
        return vec![failure(super::super::intents::spoken(&plan.wishes[index]), reason)];
    }
    if let Some(refused) =
        made.iter().find(|made| made.tool == "http_fetch" && is_refused(&made.content))
    {
        let page: Value = serde_json::from_str(&refused.content).unwrap_or_default();
        let url = page["url"].as_str().unwrap_or("the page").to_owned();
        let reason =
            format!("{url} answers with the error {}, so there is nothing to read", page["status"]);
        return vec![failure(super::super::intents::spoken(&plan.wishes[index]), reason)];
    }
    let result = |tool: &str| {
        made.iter().rev().find(|made| made.tool == tool).map(|made| made.content.as_str())
    };
    match &plan.wishes[index] {
        Wish::Calculate { expression, .. } => {
            let line = result("calculator").unwrap_or_default().trim();
            vec![Section {
                body: format!("**{line}**"),
                tools: vec!["calculator"],
                cited: if expression.is_empty() {
                    String::new()
                } else {
                    "calculations".to_owned()
                },
                ..Section::default()
            }]
        }
        Wish::Date { .. } => {
            let value: Value =
                serde_json::from_str(result("datetime").unwrap_or_default()).unwrap_or_default();
            let line = value["text"].as_str().unwrap_or_default();
            let note = value["note"].as_str().map(|note| format!(" ({note})")).unwrap_or_default();
            vec![Section {
                body: format!("**{}**{note}", line.trim()),
                tools: vec!["datetime"],
                cited: "dates".to_owned(),
                ..Section::default()
            }]
        }
        Wish::Path { path, .. } => {
            let value = result("json_query").unwrap_or_default().trim();
            let body = if value.contains('\n') || value.chars().count() > 200 {
                format!("`{path}`:\n\n```json\n{}\n```", cut(value, 4_000))
            } else {
                format!("`{path}` is **{}**", value.trim_matches('"'))
            };
            vec![Section {
                body,
                tools: vec!["json_query"],
                cited: "values".to_owned(),
                ..Section::default()
            }]
        }
        Wish::LookUp { question } => {
            kept::quoted(question, result(KNOWLEDGE)).into_iter().collect()
        }
        Wish::Ask { tool, .. } => vec![own::told(tool, result(tool).unwrap_or_default())],
        Wish::Lacking { missing, .. } => {
            vec![failure(super::super::intents::spoken(&plan.wishes[index]), own::unsaid(missing))]
        }
        Wish::Remember { text, .. } => vec![kept::noted(text)],
        Wish::Recall { .. } => vec![kept::recalled(result(RECALL))],
        Wish::Compare { .. } => vec![comparison(&extracted(result("extract"), "compare"))],
        Wish::DatesAway { .. } => {
            vec![dates_away(plan, result("extract").unwrap_or_default(), &made)]
        }
        Wish::Query { query, .. } => {
            let body = result("csv_table").unwrap_or_default().trim();
            vec![Section {
                title: query_title(query),
                body: cut(body, 12_000),
                noun: query_title(query).to_lowercase(),
                tools: vec!["csv_table"],
                cited: "table".to_owned(),
                ..Section::default()
            }]
        }
        Wish::Text { ability, material, .. } => vec![of_text(plan, *ability, material, &result)],
    }
}

/// What was done with a text, and the page that it is from.
fn of_text<'m>(
    plan: &Plan<'_>,
    ability: Ability,
    material: &Material,
    result: &dyn Fn(&str) -> Option<&'m str>,
) -> Section {
    let ability = plan.ability_for(ability, material);
    let mut section = on_text(plan, ability, material, result);
    if let Material::Page(url) = material {
        let page = page(plan, url);
        let title =
            page["title"].as_str().map(|title| shorten(&title.replace(['[', ']'], ""), 100));
        let title = title.filter(|title| !title.is_empty()).unwrap_or_else(|| url.clone());
        let part = if page["truncated"] == true { " Only its beginning was read." } else { "" };
        section.body = format!("{}\n\nFrom [{title}]({url}).{part}", section.body.trim_end());
    }
    section
}

fn failure(what: String, reason: String) -> Section {
    Section { failed: Some((what, reason)), ..Section::default() }
}

/// A fetched page as the tool gave it.
fn page(plan: &Plan<'_>, url: &str) -> Value {
    let made =
        plan.made.iter().find(|made| made.tool == "http_fetch" && made.arguments["url"] == url);
    made.and_then(|made| serde_json::from_str(&made.content).ok()).unwrap_or_default()
}

#[expect(clippy::too_many_lines, reason = "one arm for each ability")]
fn on_text<'m>(
    plan: &Plan<'_>,
    ability: Ability,
    material: &Material,
    result: &dyn Fn(&str) -> Option<&'m str>,
) -> Section {
    let picked = result("summarise").unwrap_or_default().trim();
    let kind = |name: &str| extracted(result("extract"), name);
    let items = |name: &str| lines(&kind(name));
    match ability {
        Ability::Summarise => Section {
            title: "Summary".to_owned(),
            body: picked.to_owned(),
            noun: "a summary".to_owned(),
            tools: vec!["summarise"],
            cited: "summary".to_owned(),
            ..Section::default()
        },
        Ability::KeyPoints => Section {
            title: "Key points".to_owned(),
            body: picked.to_owned(),
            noun: "the key points".to_owned(),
            tools: vec!["summarise"],
            cited: "key points".to_owned(),
            ..Section::default()
        },
        Ability::Keywords => {
            let words: Vec<_> = items("keywords").into_iter().take(12).collect();
            listed(
                "Keywords",
                ("keyword", "keywords"),
                &if words.is_empty() { Vec::new() } else { vec![words.join(", ")] },
                words.len(),
            )
        }
        Ability::ActionItems => {
            found("Action items", ("action item", "action items"), &items("todos"))
        }
        Ability::Questions => found("Questions", ("question", "questions"), &items("questions")),
        Ability::Dates => found("Dates", ("date", "dates"), &dated(&kind("dates"))),
        Ability::Amounts => found("Amounts", ("amount", "amounts"), &items("amounts")),
        Ability::Emails => {
            found("E-mail addresses", ("e-mail address", "e-mail addresses"), &items("emails"))
        }
        Ability::Links => match result("html_to_text") {
            Some(text) => {
                let links =
                    text.rsplit_once("Links:\n").map(|(_, links)| links).unwrap_or_default();
                let links: Vec<_> = links
                    .lines()
                    .map(|line| line.trim_start_matches("- ").to_owned())
                    .filter(|line| !line.is_empty())
                    .collect();
                let mut section = found("Links", ("link", "links"), &links);
                section.tools = vec!["html_to_text"];
                section
            }
            None => found("Links", ("link", "links"), &items("urls")),
        },
        Ability::Numbers => found("Numbers", ("number", "numbers"), &items("numbers")),
        Ability::Count => count(&kind("counts"), material),
        Ability::Table | Ability::Totals => {
            let (title, noun) = if ability == Ability::Table {
                ("The table", "a description of the table")
            } else {
                ("Totals", "the totals")
            };
            Section {
                title: title.to_owned(),
                body: cut(result("csv_table").unwrap_or_default().trim(), 12_000),
                noun: noun.to_owned(),
                tools: vec!["csv_table"],
                cited: title.to_lowercase(),
                ..Section::default()
            }
        }
        Ability::Json | Ability::Csv => {
            let language = if ability == Ability::Json { "json" } else { "csv" };
            let tool = if result("csv_table").is_some() { "csv_table" } else { "json_query" };
            let text = result(tool).unwrap_or_default().trim();
            Section {
                title: language.to_uppercase(),
                body: format!("```{language}\n{}\n```", cut(text, 12_000)),
                noun: format!("the {}", language.to_uppercase()),
                tools: vec![tool],
                cited: language.to_uppercase(),
                ..Section::default()
            }
        }
        Ability::Outline => assembled::outline(plan, material, picked, &items("keywords")),
        Ability::Reply => assembled::reply(
            picked,
            &items("questions"),
            &items("todos"),
            &dated(&kind("dates")),
            &items("amounts"),
        ),
        Ability::Checklist => assembled::checklist(
            plan,
            material,
            &items("todos"),
            &dated(&kind("dates")),
            &items("questions"),
        ),
        Ability::Fetch
        | Ability::Calculate
        | Ability::Convert
        | Ability::Date
        | Ability::Compare => {
            let text = match material {
                Material::Page(url) => plan
                    .made
                    .iter()
                    .find(|made| made.tool == "http_fetch" && made.arguments["url"] == url.as_str())
                    .map(|made| page_text(&made.content)),
                _ => None,
            };
            Section {
                title: "What the page says".to_owned(),
                body: quoted(&cut(text.unwrap_or_default().trim(), 1_500)),
                noun: "the text of the page".to_owned(),
                tools: vec!["http_fetch"],
                cited: "page".to_owned(),
                ..Section::default()
            }
        }
    }
}

/// One kind out of the result of `extract`.
fn extracted(result: Option<&str>, kind: &str) -> Value {
    let mut value: Value =
        result.and_then(|result| serde_json::from_str(result).ok()).unwrap_or_default();
    value[kind].take()
}

/// The items of a list as lines of text.
fn lines(list: &Value) -> Vec<String> {
    let text = |item: &Value| match item {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let names = ["text", "word", "keyword", "url", "email", "question", "todo", "value"];
            names.iter().find_map(|name| fields.get(*name)).map_or_else(
                || item.to_string(),
                |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            )
        }
        other => other.to_string(),
    };
    let mut lines: Vec<String> = Vec::new();
    for item in list.as_array().into_iter().flatten() {
        let line = text(item).split_whitespace().collect::<Vec<_>>().join(" ");
        if !line.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Each day once, in words; a date that is not whole as it stands in the text.
fn dated(list: &Value) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for item in list.as_array().into_iter().flatten() {
        let text = item["text"].as_str().or_else(|| item.as_str()).unwrap_or_default();
        let line = item["date"].as_str().and_then(dates::spoken).unwrap_or_else(|| text.to_owned());
        if !line.is_empty() && !seen.contains(&line) {
            seen.push(line);
        }
    }
    seen
}

fn found(title: &str, noun: (&str, &str), items: &[String]) -> Section {
    let count = items.len();
    listed(title, noun, items, count)
}

fn listed(title: &str, (one, many): (&str, &str), items: &[String], count: usize) -> Section {
    let noun = match count {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let body = if items.is_empty() {
        format!("No {many} were found.")
    } else {
        let mut body = items.iter().take(ITEMS_SHOWN).fold(String::new(), |mut body, item| {
            let _ = writeln!(body, "- {item}");
            body
        });
        if items.len() > ITEMS_SHOWN {
            let _ = writeln!(body, "- … and {} more", items.len() - ITEMS_SHOWN);
        }
        body
    };
    Section {
        title: title.to_owned(),
        body,
        noun,
        tools: vec!["extract"],
        cited: many.to_owned(),
        ..Section::default()
    }
}

fn count(counts: &Value, material: &Material) -> Section {
    let mut body = String::new();
    for (name, title) in [
        ("words", "Words"),
        ("characters", "Characters"),
        ("characters_without_spaces", "Characters without spaces"),
        ("sentences", "Sentences"),
        ("paragraphs", "Paragraphs"),
        ("lines", "Lines"),
        ("reading_minutes", "Minutes to read, at 200 words a minute"),
    ] {
        if let Some(value) = counts[name].as_u64() {
            let _ = writeln!(body, "- {title}: **{value}**");
        }
    }
    let title = match material {
        // Two texts are counted apart; their first words tell which is which.
        Material::Text(text) => format!("Length of “{}”", shorten(text, 40)),
        Material::Context | Material::Page(_) => "Length".to_owned(),
    };
    Section {
        title,
        body,
        noun: "the length".to_owned(),
        tools: vec!["extract"],
        cited: "length".to_owned(),
        ..Section::default()
    }
}

fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn comparison(compared: &Value) -> Section {
    let mut body = String::new();
    if compared["identical"] == true {
        body.push_str("The two texts are the same.\n");
    } else {
        if let Some(similarity) = compared["similarity"].as_f64() {
            let _ = writeln!(body, "The two texts are **{:.0} %** alike.", similarity * 100.0);
        }
        if let Some(unchanged) = compared["unchanged"].as_u64() {
            let _ = writeln!(
                body,
                "They share {unchanged} {}.",
                if unchanged == 1 { "passage" } else { "passages" }
            );
        }
        for (name, title) in [("removed", "Only in the first"), ("added", "Only in the second")] {
            let items = lines(&compared[name]);
            if !items.is_empty() {
                let _ = write!(body, "\n**{title}**\n\n");
                for item in items.iter().take(ITEMS_SHOWN) {
                    let _ = writeln!(body, "- {item}");
                }
                if items.len() > ITEMS_SHOWN {
                    let _ = writeln!(body, "- … and {} more", items.len() - ITEMS_SHOWN);
                }
            }
        }
    }
    Section {
        title: "Comparison".to_owned(),
        body,
        noun: "the comparison".to_owned(),
        tools: vec!["extract"],
        cited: "comparison".to_owned(),
        ..Section::default()
    }
}

fn dates_away(plan: &Plan<'_>, result: &str, made: &[&Made]) -> Section {
    let mut body = String::new();
    let found = iso_dates(result);
    for (text, iso) in &found {
        let difference = made
            .iter()
            .find(|made| made.tool == "datetime" && made.arguments["other"] == iso.as_str());
        let value: Value = difference
            .and_then(|made| serde_json::from_str(&made.content).ok())
            .unwrap_or_default();
        let spoken = dates::spoken(iso).unwrap_or_else(|| text.clone());
        let _ = match value["days"].as_i64() {
            Some(0) => writeln!(body, "- {spoken}: **today**"),
            Some(days) if days < 0 => writeln!(body, "- {spoken}: **{} {} ago**", -days, day(days)),
            Some(days) => writeln!(body, "- {spoken}: in **{days} {}**", day(days)),
            None => writeln!(body, "- {spoken}"),
        };
    }
    let count = found.len();
    let whole: Vec<_> = found.iter().map(|(text, _)| text).collect();
    let partial: Vec<_> = lines(&extracted(Some(result), "dates"))
        .into_iter()
        .filter(|line| !whole.contains(&line))
        .collect();
    for line in partial.iter().filter(|line| !line.is_empty()).take(ITEMS_SHOWN) {
        if !found.iter().any(|(text, _)| text == line) && count == 0 {
            let _ = writeln!(body, "- {line} (no whole date)");
        }
    }
    if body.is_empty() {
        body.push_str("No dates were found.");
    }
    let today = dates::spoken(&dates::today(plan.now).to_string()).unwrap_or_default();
    Section {
        title: "Dates".to_owned(),
        body: format!("Counted from {today}:\n\n{body}"),
        noun: format!("{count} {}", if count == 1 { "date" } else { "dates" }),
        tools: vec!["extract", "datetime"],
        cited: "dates".to_owned(),
        ..Section::default()
    }
}

const fn day(days: i64) -> &'static str {
    if days.abs() == 1 { "day" } else { "days" }
}

fn query_title(query: &Value) -> String {
    let has = |name: &str| query.get(name).is_some();
    match (has("aggregates"), has("group_by"), has("sort_by"), has("filters")) {
        (true, true, ..) => {
            format!("Figures by {}", query["group_by"][0].as_str().unwrap_or("group"))
        }
        (true, false, ..) => "Figures".to_owned(),
        (false, _, true, _) => format!("Rows by {}", query["sort_by"].as_str().unwrap_or("order")),
        (false, _, false, true) => "Matching rows".to_owned(),
        _ => "Rows".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    text.lines()
        .map(|line| format!("> {line}").trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// At most so many characters, cut at a line.
fn cut(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else {
        return text.to_owned();
    };
    let end = text[..end].rfind('\n').filter(|at| *at > end / 2).unwrap_or(end);
    format!("{}\n…", text[..end].trim_end())
}

//! What a goal asks for: each clause matched against a small grammar, then the author's `Do:` line.

mod materials;
mod phrases;

use serde_json::Value;

use super::abilities::{Ability, do_line};
use super::arithmetic::{self, calculations};
use super::dates;
use super::goal::{self, Goal};
use super::kept::{self, Kept};
use super::own::OwnTools;
use super::round::Round;
use super::tables::{self, Earlier, Table};
use super::words::{count_before, find_phrase, has_phrase, plain};
use crate::models::ModelRequest;

pub(super) use materials::{Material, is_json, json_table, text_of};
use materials::{json_paths, pair};
use phrases::{DATA_PHRASES, PHRASES};

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wish {
    /// A calculation; `{}` in it is the result of the wish before.
    Calculate { expression: String, on_previous: bool },
    /// A question for the `datetime` tool.
    Date { arguments: Value, on_previous: bool },
    /// Something done with a text.
    Text { ability: Ability, material: Material, amount: Option<u32> },
    /// Two texts side by side.
    Compare { left: Material, right: Material },
    /// The dates of a text, and how far away each is.
    DatesAway { material: Material },
    /// A question about a table.
    Query { material: Material, query: Value },
    /// A value in JSON.
    Path { material: Material, path: String },
    /// A question for the agent's documents.
    LookUp { question: String },
    /// A call of a tool of the agent's own.
    Ask { tool: String, arguments: Value },
    /// The same, for which the goal does not say all that must be given.
    Lacking { tool: String, missing: Vec<String> },
    /// A fact to keep.
    Remember { key: String, text: String },
    /// The facts that are kept, or those about something.
    Recall { about: Option<String> },
}

/// A goal, understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Understood {
    pub wishes: Vec<Wish>,
    /// Where the wishes come from.
    pub origin: Origin,
    /// Clauses that the grammar does not know.
    pub unknown: Vec<String>,
    /// What there is to work on.
    pub materials: Vec<Material>,
    /// Whether the agent's documents were asked something that they do not answer.
    pub has_silence: bool,
}

/// Where the wishes come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// The goal asks for them.
    #[default]
    Goal,
    /// The goal only points at material; the agent's author said what to do with it.
    Author,
    /// Nobody said; these are what is useful with any material.
    Material,
}

/// Whether a text holds a request at all.
pub(super) fn asks(text: &str) -> bool {
    const VERBS: &[&str] = &[
        "list",
        "extract",
        "find",
        "convert",
        "sort",
        "filter",
        "calculate",
        "read",
        "fetch",
        "turn",
        "describe",
        "analyse",
        "analyze",
        "draft",
        "write",
        "make",
        "show",
        "translate",
        "explain",
        "rows",
    ];
    let lower = plain(text);
    lower.split(' ').count() < 60
        && (PHRASES
            .iter()
            .chain(DATA_PHRASES)
            .flat_map(|(_, phrases)| *phrases)
            .any(|phrase| has_phrase(&lower, phrase))
            || VERBS.iter().any(|verb| lower.starts_with(verb))
            || ["what", "how", "which", "who", "when"].iter().any(|word| lower.starts_with(word))
            || ["total", "average", "csv", "json"].iter().any(|word| has_phrase(&lower, word))
            || !calculations(text).is_empty())
}

/// Understands the goal of a request.
pub(super) fn understand(request: &ModelRequest, round: &Round<'_>) -> Understood {
    let (text, context) = (round.text.as_ref(), round.context);
    let mut goal = goal::read(text, &asks);
    // A goal that is nothing but a long text is material.
    if goal.texts.is_empty() && goal.urls.is_empty() && context.is_none() {
        let is_data = is_json(text) || Table::read(text).is_some();
        if is_data
            || (text.split_whitespace().count() >= 60
                && !goal.clauses.iter().take(2).any(|clause| asks(clause)))
        {
            goal = Goal { texts: vec![text.to_owned()], ..Goal::default() };
        }
    }
    if goal.texts.is_empty() && goal.urls.is_empty() && context.is_none() {
        goal.texts = round.texts_before();
    }
    let materials = materials(&goal, context);
    let mut understood = Understood { materials, ..Understood::default() };
    let mut earlier = Earlier::default();
    let mut pages = Vec::new();
    let kept = Kept::of(request, round);
    let own = OwnTools::of(request, round);
    for clause in &goal.clauses {
        let named = own.named(clause, &understood.materials);
        let mut wishes = match named.or_else(|| kept.memory(clause)) {
            Some(wish) => vec![wish],
            None => wishes(clause, &understood, context, request.now, &mut earlier),
        };
        if wishes.is_empty() {
            wishes.extend(own.fitting(clause, &understood.materials));
        }
        if wishes.is_empty() {
            let only_reads = goal::urls(clause);
            if only_reads.is_empty() {
                understood.unknown.push(clause.clone());
            }
            pages.extend(only_reads.into_iter().map(Material::Page));
        }
        for wish in wishes {
            if !understood.wishes.contains(&wish) {
                understood.wishes.push(wish);
            }
        }
    }
    // "Read https://…": where nothing else is done with the page, its summary tells what it says.
    for page in pages {
        let is_used = understood.wishes.iter().any(|wish| match wish {
            Wish::Text { material, .. }
            | Wish::DatesAway { material }
            | Wish::Query { material, .. }
            | Wish::Path { material, .. } => *material == page,
            Wish::Compare { left, right } => *left == page || *right == page,
            Wish::Calculate { .. }
            | Wish::Date { .. }
            | Wish::LookUp { .. }
            | Wish::Ask { .. }
            | Wish::Lacking { .. }
            | Wish::Remember { .. }
            | Wish::Recall { .. } => false,
        });
        if !is_used && (!understood.wishes.is_empty() || do_line(&request.system).is_empty()) {
            understood.wishes.push(Wish::Text {
                ability: Ability::Summarise,
                material: page,
                amount: None,
            });
        }
    }
    // A first clause that leads in to others ("Write the minutes: …") is no question left open.
    understood.unknown.retain(|clause| !is_pointer(clause));
    if kept.has_documents {
        let asks = |clause: &String| understood.materials.is_empty() || kept::is_question(clause);
        let (asked, unknown): (Vec<_>, Vec<_>) =
            std::mem::take(&mut understood.unknown).into_iter().partition(asks);
        understood.unknown = unknown;
        for question in asked {
            if kept::is_silent(round, &question) {
                understood.has_silence = true;
                understood.unknown.push(question);
            } else {
                understood.wishes.push(Wish::LookUp { question });
            }
        }
    }
    if understood.wishes.is_empty() {
        let abilities = do_line(&request.system);
        understood.wishes = from_author(&abilities, &understood, context);
        understood.origin = Origin::Author;
    }
    if understood.wishes.is_empty() {
        understood.wishes = useful(&understood, context);
        understood.origin = Origin::Material;
    }
    understood
}

/// Clauses that point at the material and ask for nothing more.
fn is_pointer(clause: &str) -> bool {
    let lower = plain(clause);
    let words: Vec<_> = lower.split(' ').collect();
    words.len() <= 8
        && (lower.starts_with("here")
            || lower.starts_with("go")
            || lower.starts_with("this")
            || lower.starts_with("look at")
            || lower.starts_with("do your")
            || lower.starts_with("hi")
            || lower.starts_with("hello")
            || lower.starts_with("thank")
            || lower.starts_with("see ")
            || lower.starts_with("process")
            || lower.starts_with("handle")
            || lower.starts_with("use ")
            || lower.starts_with("read this")
            || lower.starts_with("http")
            || lower.starts_with("www."))
}

/// What there is to work on: texts of the goal, then the context, then pages.
fn materials(goal: &Goal, context: Option<&str>) -> Vec<Material> {
    let mut materials: Vec<_> = goal.texts.iter().cloned().map(Material::Text).collect();
    if context.is_some() {
        materials.push(Material::Context);
    }
    materials.extend(goal.urls.iter().cloned().map(Material::Page));
    materials
}

/// What a clause asks for.
fn wishes(
    clause: &str,
    known: &Understood,
    context: Option<&str>,
    now: jiff::Timestamp,
    earlier: &mut Earlier,
) -> Vec<Wish> {
    let lower = plain(clause);
    let own_pages: Vec<_> = goal::urls(clause).into_iter().map(Material::Page).collect();
    let materials: &[Material] = if own_pages.is_empty() { &known.materials } else { &own_pages };
    let mut wishes = Vec::new();
    let paths = json_paths(clause);
    let json = materials.iter().find(|material| {
        matches!(material, Material::Page(_)) || text_of(material, context).is_some_and(is_json)
    });
    if let (false, Some(material)) = (paths.is_empty(), json) {
        return paths
            .into_iter()
            .map(|path| Wish::Path { material: material.clone(), path })
            .collect();
    }
    let table = materials.iter().find_map(|material| {
        let text = text_of(material, context)?;
        let table = Table::read(text).or_else(|| json_table(text).map(|(_, table)| table))?;
        Some((material, table))
    });
    if let Some((material, table)) = &table {
        let query = tables::query(clause, table, earlier);
        let converts = data_abilities(&lower, text_of(material, context));
        if let Some(query) = query {
            wishes.push(Wish::Query { material: (*material).clone(), query });
        } else {
            wishes.extend(converts.iter().map(|ability| Wish::Text {
                ability: *ability,
                material: (*material).clone(),
                amount: None,
            }));
        }
        if !wishes.is_empty() {
            return wishes;
        }
    } else if let Some(material) = json {
        let abilities = data_abilities(&lower, text_of(material, context).or(Some("{}")));
        if !matches!(material, Material::Page(_)) && !abilities.is_empty() {
            return abilities
                .into_iter()
                .map(|ability| Wish::Text { ability, material: material.clone(), amount: None })
                .collect();
        }
    }
    if own_pages.is_empty() {
        let asks_each = (lower.contains("how many days")
            || lower.contains("how far")
            || lower.contains("how long"))
            && ["each", "every", "they", "them"].iter().any(|word| has_phrase(&lower, word));
        if asks_each && let Some(material) = materials.first() {
            return vec![Wish::DatesAway { material: material.clone() }];
        }
        if let Some(question) = dates::question(clause, now) {
            return vec![Wish::Date {
                arguments: question.arguments,
                on_previous: question.on_previous,
            }];
        }
    }
    let abilities = text_abilities(&lower);
    if !materials.is_empty() && !abilities.is_empty() {
        let compares = known.wishes.iter().any(|wish| matches!(wish, Wish::Compare { .. }));
        return on_texts(&abilities, compares, &lower, materials, context);
    }
    if own_pages.is_empty() {
        let has_material = !materials.is_empty();
        wishes.extend(
            calculations(clause)
                .into_iter()
                // "60 % of the chairs" within a task about a text is no calculation.
                .filter(|calculation| {
                    !(calculation.on_previous && has_material && known.wishes.is_empty())
                })
                .map(|calculation| Wish::Calculate {
                    expression: calculation.expression,
                    on_previous: calculation.on_previous,
                }),
        );
    } else if lower.contains("describe") || lower.contains("return") {
        wishes.extend(own_pages.into_iter().map(|material| Wish::Text {
            ability: Ability::Fetch,
            material,
            amount: None,
        }));
    }
    wishes
}

/// The abilities that a clause names, in the order of their places.
fn text_abilities(lower: &str) -> Vec<Ability> {
    let mut found: Vec<(usize, Ability)> = Vec::new();
    for (ability, phrases) in PHRASES {
        if let Some(at) = phrases.iter().filter_map(|phrase| find_phrase(lower, phrase)).min() {
            found.push((at, *ability));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, ability)| ability).collect()
}

fn data_abilities(lower: &str, text: Option<&str>) -> Vec<Ability> {
    let mut found: Vec<Ability> = Vec::new();
    let converts_json = text.is_some_and(is_json);
    for (ability, phrases) in DATA_PHRASES {
        // JSON to JSON is laying out; CSV to CSV is nothing.
        let is_nothing = *ability == Ability::Csv && !converts_json;
        if !is_nothing && phrases.iter().any(|phrase| has_phrase(lower, phrase)) {
            found.push(*ability);
        }
    }
    found
}

/// Each ability on each text; two texts and "compare" give one comparison.
fn on_texts(
    abilities: &[Ability],
    is_compared: bool,
    lower: &str,
    materials: &[Material],
    context: Option<&str>,
) -> Vec<Wish> {
    let amount = count_before(
        lower,
        &[
            "sentences",
            "sentence",
            "points",
            "bullets",
            "key",
            "keywords",
            "words",
            "items",
            "lines",
        ],
    )
    .filter(|amount| (1..=10).contains(amount));
    let compares = is_compared || abilities.contains(&Ability::Compare);
    let pair = if compares { pair(materials, context) } else { None };
    let mut wishes = Vec::new();
    for ability in abilities {
        match (ability, &pair) {
            (Ability::Compare, Some((left, right))) => {
                wishes.push(Wish::Compare { left: left.clone(), right: right.clone() });
            }
            (Ability::Compare, None) => {}
            (Ability::Summarise, Some((left, right))) if compares => {
                for material in [left, right] {
                    wishes.push(Wish::Text {
                        ability: *ability,
                        material: material.clone(),
                        amount: amount.or(Some(2)),
                    });
                }
            }
            (Ability::Count, Some((left, right))) => {
                for material in [left, right] {
                    wishes.push(Wish::Text {
                        ability: *ability,
                        material: material.clone(),
                        amount: None,
                    });
                }
            }
            (ability, _) => {
                for material in materials {
                    wishes.push(Wish::Text {
                        ability: *ability,
                        material: material.clone(),
                        amount,
                    });
                }
            }
        }
    }
    wishes
}

/// The abilities of the author's line, on what there is.
fn from_author(abilities: &[Ability], known: &Understood, context: Option<&str>) -> Vec<Wish> {
    let texts: Vec<Ability> = abilities
        .iter()
        .copied()
        .filter(|ability| {
            !matches!(
                ability,
                Ability::Calculate | Ability::Convert | Ability::Date | Ability::Fetch
            )
        })
        .collect();
    let mut wishes: Vec<Wish> = Vec::new();
    if known.materials.is_empty() {
        return wishes;
    }
    // A page is fetched for whatever is done with it; alone, "fetch" tells what it says.
    let texts = if texts.is_empty() && abilities.contains(&Ability::Fetch) {
        vec![Ability::Summarise]
    } else {
        texts
    };
    for material in &known.materials {
        let text = text_of(material, context);
        let is_data = text.is_some_and(|text| is_json(text) || Table::read(text).is_some());
        for ability in &texts {
            let needs_data =
                matches!(ability, Ability::Table | Ability::Totals | Ability::Json | Ability::Csv);
            if *ability == Ability::Compare
                || (needs_data && text.is_some() && !is_data)
                || (*ability == Ability::Csv && text.is_some_and(|text| !is_json(text)))
            {
                continue;
            }
            wishes.push(Wish::Text { ability: *ability, material: material.clone(), amount: None });
        }
    }
    if texts.contains(&Ability::Compare)
        && let Some((left, right)) = pair(&known.materials, context)
    {
        wishes.insert(0, Wish::Compare { left, right });
    }
    wishes
}

/// What is useful with any material: its summary and its key facts.
fn useful(known: &Understood, context: Option<&str>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for material in &known.materials {
        let text = text_of(material, context);
        let is_table =
            text.is_some_and(|text| Table::read(text).is_some() || json_table(text).is_some());
        let abilities: &[Ability] = if is_table {
            &[Ability::Table]
        } else if text.is_some_and(is_json) {
            &[Ability::Json]
        } else {
            &[
                Ability::Summarise,
                Ability::Keywords,
                Ability::ActionItems,
                Ability::Dates,
                Ability::Count,
            ]
        };
        for ability in abilities {
            wishes.push(Wish::Text { ability: *ability, material: material.clone(), amount: None });
        }
    }
    wishes
}

/// A wish as a person reads it in the plan.
pub(super) fn spoken(wish: &Wish) -> String {
    match wish {
        Wish::Calculate { expression, .. } => {
            let shown = expression.replace("{}", "that result");
            let verb = if arithmetic::is_conversion(expression) { "convert" } else { "work out" };
            format!("{verb} “{shown}”")
        }
        Wish::Date { arguments, .. } => match arguments["operation"].as_str() {
            Some("difference") => "count the days between two dates".to_owned(),
            Some("business_days_between") => "count the working days between two dates".to_owned(),
            Some("add" | "add_business_days") => "work out a date".to_owned(),
            Some("now") => {
                format!("look up the time ({})", arguments["time_zone"].as_str().unwrap_or("UTC"))
            }
            Some("convert") => "convert a time to another time zone".to_owned(),
            _ => "look up a date".to_owned(),
        },
        Wish::Text { ability, material, .. } => {
            let joint = match ability {
                Ability::Reply => "to",
                Ability::Outline | Ability::Checklist => "from",
                _ => "of",
            };
            format!("{} {joint} {}", verb(*ability), bare_place(material))
        }
        Wish::Compare { .. } => "compare the two texts".to_owned(),
        Wish::DatesAway { material } => {
            format!("find the dates in {} and count the days to each", bare_place(material))
        }
        Wish::Query { material, .. } => format!("ask the table in {}", bare_place(material)),
        Wish::Path { path, .. } => format!("read {path}"),
        Wish::LookUp { question } => {
            format!("look “{}” up in the documents", resonant_domain::text::shorten(question, 120))
        }
        Wish::Ask { tool, .. } | Wish::Lacking { tool, .. } => format!("ask `{tool}`"),
        Wish::Remember { key, .. } => format!("remember “{key}”"),
        Wish::Recall { about: None } => "recall what I was told to remember".to_owned(),
        Wish::Recall { about: Some(about) } => format!("recall what I remember of “{about}”"),
    }
}

pub(super) fn bare_place(material: &Material) -> String {
    match material {
        Material::Context => "the context".to_owned(),
        Material::Text(_) => "the text in the goal".to_owned(),
        Material::Page(url) => url.clone(),
    }
}

const fn verb(ability: Ability) -> &'static str {
    match ability {
        Ability::Summarise => "pick the summary",
        Ability::KeyPoints => "pick the key points",
        Ability::Keywords => "find the keywords",
        Ability::ActionItems => "find the action items",
        Ability::Questions => "find the questions",
        Ability::Dates => "find the dates",
        Ability::Amounts => "find the amounts",
        Ability::Emails => "find the e-mail addresses",
        Ability::Links => "find the links",
        Ability::Numbers => "find the numbers",
        Ability::Count => "count the words",
        Ability::Compare => "compare the parts",
        Ability::Table => "describe the table",
        Ability::Totals => "add up the totals",
        Ability::Json => "lay out the JSON",
        Ability::Csv => "make the CSV",
        Ability::Fetch => "show the text",
        Ability::Calculate => "work out the numbers",
        Ability::Convert => "convert the units",
        Ability::Date => "work out the dates",
        Ability::Outline => "assemble an outline",
        Ability::Reply => "assemble a reply",
        Ability::Checklist => "assemble a checklist",
    }
}

//! What a goal asks for: each clause matched against a small grammar, then the author's `Do:` line.

mod clause;
mod materials;
mod phrases;
mod spoken;

use serde_json::Value;

use self::clause::wishes;
use self::materials::pair;
pub(super) use self::materials::{Material, is_json, json_table, text_of};
use self::phrases::{DATA_PHRASES, PHRASES};
pub(super) use self::spoken::{bare_place, spoken};
use super::abilities::{Ability, do_line};
use super::arithmetic::calculations;
use super::goal::{self, Goal};
use super::kept::{self, Kept};
use super::own::OwnTools;
use super::round::Round;
use super::tables::{Earlier, Table};
use super::words::{has_phrase, plain};
use crate::models::ModelRequest;

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

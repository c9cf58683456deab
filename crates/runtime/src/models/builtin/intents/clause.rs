//! What one clause of a goal asks for.

use super::materials::{Material, is_json, json_paths, json_table, pair, text_of};
use super::phrases::{DATA_PHRASES, PHRASES};
use super::{Understood, Wish};
use crate::models::builtin::abilities::Ability;
use crate::models::builtin::arithmetic::calculations;
use crate::models::builtin::tables::{self, Earlier, Table};
use crate::models::builtin::words::{count_before, find_phrase, has_phrase, plain};
use crate::models::builtin::{dates, goal};

/// What a clause asks for.
pub(super) fn wishes(
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

//! Wishes in words, for the plan that a person reads.

use super::{Material, Wish};
use crate::models::builtin::abilities::Ability;
use crate::models::builtin::arithmetic;

/// A wish as a person reads it in the plan.
pub(in crate::models::builtin) fn spoken(wish: &Wish) -> String {
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

/// Where a material stands, as a person says it.
pub(in crate::models::builtin) fn bare_place(material: &Material) -> String {
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

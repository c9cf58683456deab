//! What the planner can be asked for by name, and the `Do:` line that names it.

/// One thing that the planner can do with its material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table in the parent module describes each")]
pub enum Ability {
    Summarise,
    KeyPoints,
    Keywords,
    ActionItems,
    Questions,
    Dates,
    Amounts,
    Emails,
    Links,
    Numbers,
    Count,
    Compare,
    Table,
    Totals,
    Json,
    Csv,
    Fetch,
    Calculate,
    Convert,
    Date,
    Outline,
    Reply,
    Checklist,
}

/// Every word that names an ability, longer ones before the ones they contain.
const WORDS: &[(&str, Ability)] = &[
    ("summarise", Ability::Summarise),
    ("summarize", Ability::Summarise),
    ("summary", Ability::Summarise),
    ("key points", Ability::KeyPoints),
    ("main points", Ability::KeyPoints),
    ("highlights", Ability::KeyPoints),
    ("takeaways", Ability::KeyPoints),
    ("keywords", Ability::Keywords),
    ("key words", Ability::Keywords),
    ("topics", Ability::Keywords),
    ("tags", Ability::Keywords),
    ("action items", Ability::ActionItems),
    ("next steps", Ability::ActionItems),
    ("actions", Ability::ActionItems),
    ("tasks", Ability::ActionItems),
    ("to-dos", Ability::ActionItems),
    ("todos", Ability::ActionItems),
    ("open questions", Ability::Questions),
    ("questions", Ability::Questions),
    ("dates", Ability::Dates),
    ("deadlines", Ability::Dates),
    ("amounts", Ability::Amounts),
    ("prices", Ability::Amounts),
    ("money", Ability::Amounts),
    ("e-mail addresses", Ability::Emails),
    ("email addresses", Ability::Emails),
    ("emails", Ability::Emails),
    ("e-mails", Ability::Emails),
    ("links", Ability::Links),
    ("urls", Ability::Links),
    ("numbers", Ability::Numbers),
    ("figures", Ability::Numbers),
    ("word count", Ability::Count),
    ("count", Ability::Count),
    ("length", Ability::Count),
    ("compare", Ability::Compare),
    ("differences", Ability::Compare),
    ("diff", Ability::Compare),
    ("columns", Ability::Table),
    ("statistics", Ability::Table),
    ("table", Ability::Table),
    ("totals", Ability::Totals),
    ("sums", Ability::Totals),
    ("to json", Ability::Json),
    ("json", Ability::Json),
    ("to csv", Ability::Csv),
    ("csv", Ability::Csv),
    ("fetch", Ability::Fetch),
    ("read page", Ability::Fetch),
    ("calculate", Ability::Calculate),
    ("arithmetic", Ability::Calculate),
    ("convert", Ability::Convert),
    ("units", Ability::Convert),
    ("calendar", Ability::Date),
    ("date", Ability::Date),
    ("outline", Ability::Outline),
    ("structure", Ability::Outline),
    ("response", Ability::Reply),
    ("reply", Ability::Reply),
    ("checklist", Ability::Checklist),
    ("check-list", Ability::Checklist),
];

/// Words that may stand before an ability and say nothing more about it.
const FILLERS: &[&str] = &[
    "extract", "find", "list", "get", "give", "make", "write", "draft", "build", "show", "pull",
    "collect", "the", "a", "an", "all", "any", "every", "and", "then", "out", "of", "its", "their",
];

/// The abilities of the first `Do:` line, in its order, each once. Empty when there is none.
#[must_use]
pub fn do_line(system: &str) -> Vec<Ability> {
    let Some(list) = system.lines().find_map(|line| {
        let line = line.trim_start().trim_start_matches(['-', '*']).trim_start();
        let head = line.get(..3)?;
        head.eq_ignore_ascii_case("do:").then(|| &line[3..])
    }) else {
        return Vec::new();
    };
    let mut abilities = Vec::new();
    for item in list.split([',', ';', '.']) {
        if let Some(ability) = named(item)
            && !abilities.contains(&ability)
        {
            abilities.push(ability);
        }
    }
    abilities
}

/// The ability that an item of the line names.
fn named(item: &str) -> Option<Ability> {
    let lower = item.to_lowercase();
    let mut words: Vec<_> = lower.split_whitespace().collect();
    while words.first().is_some_and(|word| FILLERS.contains(word)) {
        words.remove(0);
    }
    let item = words.join(" ");
    let exact = WORDS.iter().find(|(word, _)| *word == item);
    exact
        .or_else(|| {
            // "summarise the thread", "totals by category": the first words name the ability.
            WORDS
                .iter()
                .find(|(word, _)| item.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')))
        })
        .map(|(_, ability)| *ability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_lists_abilities_in_order() {
        use Ability::{ActionItems, Compare, Dates, Emails, Keywords, Reply, Summarise, Totals};
        for (system, expected) in [
            (
                "You read.\nDo: summarise, extract action items, extract dates",
                vec![Summarise, ActionItems, Dates],
            ),
            ("- do: Key words; find e-mail addresses", vec![Keywords, Emails]),
            ("* DO: compare, compare, dance", vec![Compare]),
            ("Do: totals by category, draft a reply.", vec![Totals, Reply]),
            ("Do not lie.", vec![]),
            ("Dö: x", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(do_line(system), expected, "{system}");
        }
    }
}

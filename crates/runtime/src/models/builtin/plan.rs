//! From wishes to tool calls: what can be called now, what waits for a result, what is done.
//!
//! The planner keeps nothing between two turns. It plans the whole goal anew each time and finds the
//! calls that were made already by their tool and arguments, so a turn that is begun again asks for
//! the same calls.

use std::borrow::Cow;

use jiff::Timestamp;
use resonant_domain::tool::{RECALL, REMEMBER};
use serde_json::{Map, Value, json};

use super::abilities::Ability;
use super::dates;
use super::intents::{Material, Wish, is_json, json_table, text_of};
use super::round::Round;
use super::tables::Table;
use crate::models::{Message, ModelRequest};

/// How much of a page is read: as much as the planner is shown whole.
const PAGE_CHARS: usize = 14_000;

/// A tool call to make.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub tool: Cow<'static, str>,
    pub arguments: Value,
}

/// A call that was made, and its result.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub call_id: String,
    pub tool: String,
    pub arguments: Value,
    pub content: String,
    pub is_error: bool,
}

/// What a wish needs next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// These calls, side by side.
    Calls(Vec<Call>),
    /// The result of another wish.
    Waits,
    /// Nothing more: the results are there, or never will be.
    Ready,
}

/// All that planning looks at.
pub(super) struct Plan<'a> {
    pub wishes: &'a [Wish],
    pub context: Option<&'a str>,
    pub made: Vec<Made>,
    pub now: Timestamp,
    offered: Vec<&'a str>,
}

impl<'a> Plan<'a> {
    pub fn new(request: &'a ModelRequest, round: &Round<'a>, wishes: &'a [Wish]) -> Self {
        let mut made: Vec<Made> = Vec::new();
        // Calls of earlier rounds are answered with; the same question may have another answer now.
        for message in round.messages {
            match message {
                Message::Assistant { calls, .. } => made.extend(calls.iter().map(|call| Made {
                    call_id: call.call_id.clone(),
                    tool: call.tool.clone(),
                    arguments: call.arguments.clone(),
                    content: "the tool gave no answer".to_owned(),
                    is_error: true,
                })),
                Message::Tool { call_id, content, is_error, .. } => {
                    if let Some(call) = made.iter_mut().find(|call| call.call_id == *call_id) {
                        call.content.clone_from(content);
                        call.is_error = *is_error;
                    }
                }
                Message::User { .. } => {}
            }
        }
        let offered = request.tools.iter().map(|tool| tool.name.as_str()).collect();
        Self { wishes, context: round.context, made, now: request.now, offered }
    }

    /// Whether the tool may be called now.
    pub fn may_call(&self, tool: &str) -> bool {
        self.offered.contains(&tool)
    }

    /// Whether nothing may be called any more, although something was: the last step.
    pub fn is_last_step(&self) -> bool {
        self.offered.is_empty() && !self.made.is_empty()
    }

    /// The call as it was made, if it was.
    pub fn find(&self, call: &Call) -> Option<&Made> {
        self.made.iter().find(|made| made.tool == call.tool && made.arguments == call.arguments)
    }

    /// The calls that can be made now, each once.
    pub fn next_calls(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        for index in 0..self.wishes.len() {
            if let Stage::Calls(next) = self.stage(index) {
                for call in next {
                    if self.may_call(&call.tool) && !calls.contains(&call) {
                        calls.push(call);
                    }
                }
            }
        }
        calls
    }

    /// Whether more calls will follow the ones that can be made now.
    pub fn has_more_to_come(&self) -> bool {
        (0..self.wishes.len()).any(|index| match self.stage(index) {
            Stage::Waits => true,
            Stage::Calls(calls) => calls.iter().any(|call| call.tool == "http_fetch"),
            Stage::Ready => false,
        })
    }

    /// The tools that the wish needs and may not call.
    pub fn missing(&self, index: usize) -> Vec<Cow<'static, str>> {
        match self.stage(index) {
            Stage::Calls(calls) => {
                let mut missing: Vec<_> = calls
                    .into_iter()
                    .map(|call| call.tool)
                    .filter(|tool| !self.may_call(tool))
                    .collect();
                missing.sort_unstable();
                missing.dedup();
                missing
            }
            _ => Vec::new(),
        }
    }

    /// What the wish needs next.
    pub fn stage(&self, index: usize) -> Stage {
        let Ok(calls) = self.calls(index) else {
            return Stage::Waits;
        };
        // Chains are given link by link: the first link that was not called is the next.
        let open: Vec<_> = calls.into_iter().filter(|call| self.find(call).is_none()).collect();
        if open.is_empty() {
            return Stage::Ready;
        }
        // A wish of several tools does what it may; a wish of one is missing its tool.
        let allowed: Vec<_> =
            open.iter().filter(|call| self.may_call(&call.tool)).cloned().collect();
        let has_any =
            self.calls(index).is_ok_and(|all| all.iter().any(|call| self.find(call).is_some()));
        match (allowed.is_empty(), has_any) {
            (false, _) => Stage::Calls(allowed),
            (true, true) => Stage::Ready,
            (true, false) => Stage::Calls(open),
        }
    }

    /// The calls of a wish, as far as they can be told now. `Err`: another wish comes first.
    pub fn calls(&self, index: usize) -> Result<Vec<Call>, ()> {
        match &self.wishes[index] {
            Wish::Calculate { expression, on_previous } => {
                let expression = if *on_previous {
                    expression.replace("{}", &self.number_before(index)?)
                } else {
                    expression.clone()
                };
                Ok(vec![Call {
                    tool: "calculator".into(),
                    arguments: json!({ "expression": expression }),
                }])
            }
            Wish::Date { arguments, on_previous } => {
                let mut arguments = arguments.clone();
                if *on_previous {
                    arguments["date"] = self.date_before(index)?.into();
                }
                Ok(vec![Call { tool: "datetime".into(), arguments }])
            }
            Wish::Text { ability, material, amount } => {
                Ok(self.on_text(*ability, material, *amount))
            }
            Wish::Compare { left, right } => Ok(self.compare(left, right)),
            Wish::DatesAway { material } => Ok(self.dates_away(material)),
            Wish::Query { material, query } => Ok(self.table_call(material, query)),
            Wish::Path { material, path } => Ok(self.with_source(material, |source| {
                vec![call("json_query", source, json!({ "operation": "get", "path": path }))]
            })),
            Wish::LookUp { question } => Ok(vec![super::kept::look_up(question)]),
            Wish::Ask { tool, arguments } => {
                Ok(vec![Call { tool: Cow::Owned(tool.clone()), arguments: arguments.clone() }])
            }
            Wish::Lacking { .. } => Ok(Vec::new()),
            Wish::Remember { key, text } => Ok(vec![Call {
                tool: REMEMBER.into(),
                arguments: json!({ "key": key, "text": text }),
            }]),
            Wish::Recall { about } => Ok(vec![Call {
                tool: RECALL.into(),
                arguments: match about {
                    Some(about) => json!({ "query": about }),
                    None => json!({}),
                },
            }]),
        }
    }

    /// The number that the wish before found.
    fn number_before(&self, index: usize) -> Result<String, ()> {
        let (before, made) = self.result_before(index)?;
        if !matches!(self.wishes[before], Wish::Calculate { .. } | Wish::Date { .. }) {
            return Err(());
        }
        let after = made.content.rsplit(['=', '≈']).next().unwrap_or("").trim();
        let number: String = after
            .chars()
            .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | ',' | ' '))
            .collect();
        let number = number.trim().replace([',', ' '], "");
        if number.is_empty() { Err(()) } else { Ok(number) }
    }

    /// The date that the wish before found.
    fn date_before(&self, index: usize) -> Result<String, ()> {
        let (_, made) = self.result_before(index)?;
        let result: Value = serde_json::from_str(&made.content).map_err(|_| ())?;
        result["date"].as_str().map(str::to_owned).ok_or(())
    }

    fn result_before(&self, index: usize) -> Result<(usize, &Made), ()> {
        let before = index.checked_sub(1).ok_or(())?;
        let calls = self.calls(before)?;
        let made = calls.last().and_then(|call| self.find(call)).filter(|made| !made.is_error);
        made.map(|made| (before, made)).ok_or(())
    }

    /// Where a material is read from: directly, or from the page once it was fetched.
    fn source(&self, material: &Material) -> Result<Map<String, Value>, Vec<Call>> {
        let mut source = Map::new();
        match material {
            Material::Context => {
                source.insert("source".into(), "context".into());
            }
            Material::Text(text) => {
                source.insert("text".into(), text.clone().into());
            }
            Material::Page(url) => {
                let fetch = fetch(url);
                match self.find(&fetch) {
                    Some(made) if !made.is_error && !is_refused(&made.content) => {
                        source.insert("source".into(), made.call_id.clone().into());
                    }
                    // Not fetched yet, or never: there is nothing behind it.
                    _ => return Err(vec![fetch]),
                }
            }
        }
        Ok(source)
    }

    /// The calls on a material. A page is fetched first.
    fn with_source(
        &self,
        material: &Material,
        calls: impl FnOnce(Map<String, Value>) -> Vec<Call>,
    ) -> Vec<Call> {
        match self.source(material) {
            Ok(source) => {
                let mut all = match material {
                    Material::Page(url) => vec![fetch(url)],
                    Material::Context | Material::Text(_) => Vec::new(),
                };
                all.extend(calls(source));
                all
            }
            Err(first) => first,
        }
    }

    /// The text of a material, as far as it is known: a page's once it was fetched.
    pub fn text(&self, material: &Material) -> Option<String> {
        match material {
            Material::Page(url) => {
                let made = self.find(&fetch(url)).filter(|made| !made.is_error)?;
                Some(page_text(&made.content))
            }
            other => text_of(other, self.context).map(str::to_owned),
        }
    }

    /// What is done in the end: a page that turns out to be JSON is laid out, not summarised.
    pub fn ability_for(&self, ability: Ability, material: &Material) -> Ability {
        let is_prose_ability =
            matches!(ability, Ability::Summarise | Ability::KeyPoints | Ability::Fetch);
        let is_data = matches!(material, Material::Page(_))
            && is_prose_ability
            && self.text(material).is_some_and(|text| is_json(&text));
        if is_data && self.may_call_or_made("json_query") { Ability::Json } else { ability }
    }

    fn on_text(&self, ability: Ability, material: &Material, amount: Option<u32>) -> Vec<Call> {
        let ability = self.ability_for(ability, material);
        if ability == Ability::Links
            && let Material::Page(url) = material
            && self.may_call_or_made("html_to_text")
        {
            return self.page_links(url);
        }
        match ability {
            Ability::Table => return self.table_call(material, &json!({ "output": "describe" })),
            Ability::Totals => {
                let query = self.totals(material);
                return self.table_call(material, &query);
            }
            Ability::Json | Ability::Csv => return self.converted(ability, material),
            _ => {}
        }
        self.with_source(material, |source| {
            let mut calls = Vec::new();
            let is_long = self.text(material).is_some_and(|text| text.len() > 4_000);
            let usual = if is_long { 5 } else { 3 };
            match ability {
                Ability::Summarise => {
                    let sentences = amount.unwrap_or(usual).clamp(1, 10);
                    calls.push(call(
                        "summarise",
                        source.clone(),
                        json!({ "sentences": sentences }),
                    ));
                }
                Ability::KeyPoints | Ability::Outline => {
                    let sentences =
                        amount.filter(|_| ability == Ability::KeyPoints).unwrap_or(5).clamp(1, 10);
                    calls.push(call(
                        "summarise",
                        source.clone(),
                        json!({ "sentences": sentences, "bullets": true }),
                    ));
                }
                Ability::Reply => {
                    calls.push(call("summarise", source.clone(), json!({ "sentences": 2 })));
                }
                _ => {}
            }
            if !kinds(ability).is_empty() {
                calls.push(call("extract", source, json!({ "what": self.kinds_of(material) })));
            }
            calls
        })
    }

    fn may_call_or_made(&self, tool: &str) -> bool {
        self.may_call(tool) || self.made.iter().any(|made| made.tool == tool)
    }

    /// A page's links are in its HTML, not in its text.
    fn page_links(&self, url: &str) -> Vec<Call> {
        let raw = Call {
            tool: "http_fetch".into(),
            arguments: json!({ "url": url, "as": "raw", "max_characters": 60_000 }),
        };
        match self.find(&raw) {
            Some(made) if !made.is_error => {
                let mut source = Map::new();
                source.insert("source".into(), made.call_id.clone().into());
                vec![raw, call("html_to_text", source, json!({ "links": true }))]
            }
            _ => vec![raw],
        }
    }

    /// Everything that is extracted from a material, in one call: the tool takes several kinds.
    fn kinds_of(&self, material: &Material) -> Vec<&'static str> {
        let mut all: Vec<&'static str> = Vec::new();
        for wish in self.wishes {
            let kinds = match wish {
                Wish::Text { ability, material: other, .. } if other == material => kinds(*ability),
                Wish::DatesAway { material: other } if other == material => &["dates"],
                _ => &[],
            };
            for kind in kinds {
                if !all.contains(kind) {
                    all.push(kind);
                }
            }
        }
        all
    }

    fn compare(&self, left: &Material, right: &Material) -> Vec<Call> {
        let mut calls = Vec::new();
        let mut sources = Vec::new();
        for material in [left, right] {
            if let Material::Page(url) = material {
                calls.push(fetch(url));
            }
            if let Ok(source) = self.source(material) {
                sources.push(source);
            }
        }
        if let [left, right] = &sources[..] {
            let mut arguments = left.clone();
            for (name, other) in [("text", "other"), ("source", "other_source")] {
                if let Some(value) = right.get(name) {
                    arguments.insert(other.into(), value.clone());
                }
            }
            calls.push(call("extract", arguments, json!({ "what": ["compare"] })));
        }
        calls
    }

    fn dates_away(&self, material: &Material) -> Vec<Call> {
        let calls = self.with_source(material, |source| {
            vec![call("extract", source, json!({ "what": self.kinds_of(material) }))]
        });
        let Some(made) =
            calls.last().and_then(|call| self.find(call)).filter(|made| !made.is_error)
        else {
            return calls;
        };
        let today = dates::today(self.now).to_string();
        let found = iso_dates(&made.content);
        let mut calls = calls;
        calls.extend(found.into_iter().take(20).map(|(_, date)| Call {
            tool: "datetime".into(),
            arguments: json!({ "operation": "difference", "date": today, "other": date }),
        }));
        calls
    }

    /// A question about a table; JSON becomes a table first.
    fn table_call(&self, material: &Material, query: &Value) -> Vec<Call> {
        let text = self.text(material);
        let path = text.as_deref().and_then(json_table).map(|(path, _)| path);
        self.with_source(material, |source| match path {
            Some(path) => {
                let to_csv =
                    call("json_query", source, json!({ "operation": "to_csv", "path": path }));
                match self.find(&to_csv) {
                    Some(made) if !made.is_error => {
                        let mut source = Map::new();
                        source.insert("source".into(), made.call_id.clone().into());
                        vec![to_csv, call("csv_table", source, query.clone())]
                    }
                    _ => vec![to_csv],
                }
            }
            None => vec![call("csv_table", source, query.clone())],
        })
    }

    /// The sums of what can be summed, by the first column that parts the rows.
    fn totals(&self, material: &Material) -> Value {
        let table = self.text(material).and_then(|text| {
            Table::read(&text).or_else(|| json_table(&text).map(|(_, table)| table))
        });
        let Some(table) = table else {
            return json!({ "output": "describe" });
        };
        let sums: Vec<_> = table
            .summable()
            .into_iter()
            .take(4)
            .map(|column| json!({ "function": "sum", "column": column }))
            .collect();
        if sums.is_empty() {
            return json!({ "output": "describe" });
        }
        match table.grouping() {
            Some(group) => json!({ "group_by": [group], "aggregates": sums }),
            None => json!({ "aggregates": sums }),
        }
    }

    fn converted(&self, ability: Ability, material: &Material) -> Vec<Call> {
        let text = self.text(material).unwrap_or_default();
        let is_json = is_json(&text) || Table::read(&text).is_none();
        let path = json_table(&text).map_or_else(|| "$".to_owned(), |(path, _)| path);
        self.with_source(material, |source| {
            vec![match ability {
                Ability::Csv => {
                    call("json_query", source, json!({ "operation": "to_csv", "path": path }))
                }
                _ if is_json => call("json_query", source, json!({ "operation": "pretty" })),
                _ => call("csv_table", source, json!({ "output": "json" })),
            }]
        })
    }
}

/// What `extract` is asked for by each ability.
const fn kinds(ability: Ability) -> &'static [&'static str] {
    match ability {
        Ability::Keywords | Ability::Outline => &["keywords"],
        Ability::ActionItems => &["todos"],
        Ability::Questions => &["questions"],
        Ability::Dates => &["dates"],
        Ability::Amounts => &["amounts"],
        Ability::Emails => &["emails"],
        Ability::Links => &["urls"],
        Ability::Numbers => &["numbers"],
        Ability::Count => &["counts"],
        Ability::Reply => &["questions", "todos", "dates", "amounts"],
        Ability::Checklist => &["todos", "dates", "questions"],
        _ => &[],
    }
}

fn fetch(url: &str) -> Call {
    Call {
        tool: "http_fetch".into(),
        arguments: json!({ "url": url, "max_characters": PAGE_CHARS }),
    }
}

fn call(tool: &'static str, mut source: Map<String, Value>, more: Value) -> Call {
    if let Value::Object(more) = more {
        source.extend(more);
    }
    Call { tool: tool.into(), arguments: Value::Object(source) }
}

/// Whether a page answered with an error: there is nothing to read in it.
pub(super) fn is_refused(result: &str) -> bool {
    serde_json::from_str::<Value>(result)
        .is_ok_and(|page| page["status"].as_u64().is_some_and(|status| status >= 400))
}

/// The text of a fetched page.
pub(super) fn page_text(result: &str) -> String {
    // A long result is shortened for the planner and then no JSON any more.
    match serde_json::from_str::<Value>(result) {
        Ok(page) => page["text"].as_str().unwrap_or_default().to_owned(),
        Err(_) => result.to_owned(),
    }
}

/// The dates of an extraction that are whole, each with the words that name it, in order of time.
pub(super) fn iso_dates(result: &str) -> Vec<(String, String)> {
    let value: Value = serde_json::from_str(result).unwrap_or_default();
    let mut found: Vec<(String, String)> = Vec::new();
    for item in value["dates"].as_array().into_iter().flatten() {
        let text = item.as_str().or_else(|| item["text"].as_str()).unwrap_or_default();
        let iso =
            ["iso", "date", "value"].iter().find_map(|name| item[*name].as_str()).unwrap_or(text);
        if let Some(iso) = iso.get(..10).filter(|iso| iso.parse::<jiff::civil::Date>().is_ok())
            && !found.iter().any(|(_, known)| known == iso)
        {
            found.push((text.to_owned(), iso.to_owned()));
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found
}

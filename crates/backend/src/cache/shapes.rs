//! The shapes of what is kept. A process reads what one of another release has put into Redis: a field
//! that has a default would be missing there without a word. So another shape needs another number.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::agent::AgentEntry;
use super::agent_page::AgentPageEntry;
use super::api_key::ApiKeyEntry;
use super::listing::{ListingEntry, TemplatesEntry};
use super::listing_facts::ListingFactsEntry;
use super::listing_page::ListingPageEntry;
use super::picture::{CardEntry, PictureEntry};
use super::session::SessionEntry;
use super::shelves::{CollectionEntry, FeaturedEntry, PublisherEntry};
use super::sign_in::SignInEntry;
use super::{Counters, Entry, Kind, hex};

const KNOWN: &str = include_str!("shapes.txt");
const HEAD: &str = "# What is kept: its kind, the number of its shape, a digest of its JSON schema. \
                    RESONANT_WRITE_FIGURES=1\n# writes this anew, but for a shape that has changed and \
                    kept its number (`Entry::SCHEMA`).\n";

/// A kind, the number of its shape and a digest of that.
struct Shape {
    kind: &'static str,
    number: u16,
    digest: String,
}

fn shape<E: Entry>() -> Shape
where
    E::Value: JsonSchema,
{
    let schema = SchemaGenerator::default().into_root_schema_for::<E::Value>().to_value();
    let digest = Sha256::digest(bare(schema).to_string());
    Shape { kind: E::KIND.as_str(), number: E::SCHEMA, digest: hex(&digest[..8]) }
}

/// A schema without the words that tell people what it means, its keys in order.
fn bare(schema: Value) -> Value {
    match schema {
        Value::Object(entries) => {
            let is_told = |key: &str, value: &Value| {
                matches!(key, "title" | "description") && value.is_string()
            };
            let entries: BTreeMap<_, _> = entries
                .into_iter()
                .filter(|(key, value)| !is_told(key, value))
                .map(|(key, value)| (key, bare(value)))
                .collect();
            entries.into_iter().collect()
        }
        Value::Array(items) => items.into_iter().map(bare).collect(),
        other => other,
    }
}

fn shapes() -> Vec<Shape> {
    vec![
        shape::<AgentEntry>(),
        shape::<AgentPageEntry>(),
        shape::<ApiKeyEntry>(),
        shape::<CardEntry>(),
        shape::<CollectionEntry>(),
        shape::<FeaturedEntry>(),
        shape::<ListingEntry>(),
        shape::<ListingFactsEntry>(),
        shape::<ListingPageEntry>(),
        shape::<PictureEntry>(),
        shape::<PublisherEntry>(),
        shape::<SessionEntry>(),
        shape::<SignInEntry>(),
        shape::<TemplatesEntry>(),
    ]
}

/// The number and the digest that a kind had when the table was written.
fn known() -> BTreeMap<&'static str, (u16, &'static str)> {
    let lines = KNOWN.lines().filter(|line| !line.starts_with('#'));
    let known = lines.filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, (words.next()?.parse().ok()?, words.next()?)))
    });
    known.collect()
}

/// Writes the table anew where somebody asks for it.
#[expect(clippy::disallowed_methods, reason = "a test has no settings but this one")]
fn is_written(table: &str) -> bool {
    if std::env::var("RESONANT_WRITE_FIGURES").is_err() {
        return false;
    }
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cache/shapes.txt");
    std::fs::write(place, table).unwrap();
    true
}

#[test]
fn another_shape_has_another_number() {
    let (shapes, known) = (shapes(), known());
    let mut table = HEAD.to_owned();
    for Shape { kind, number, digest } in &shapes {
        if let Some((before, was)) = known.get(kind) {
            let is_told = digest == was || number > before;
            assert!(is_told, "{kind} has another shape than the table says: raise its SCHEMA");
        }
        writeln!(table, "{kind} {number} {digest}").unwrap();
    }
    assert!(
        is_written(&table) || table == KNOWN,
        "shapes.txt is out of date, see its head:\n{table}"
    );
}

#[test]
fn each_kind_has_its_shape() {
    let named: BTreeSet<_> = shapes().iter().map(|shape| shape.kind).collect();
    let all: BTreeSet<_> =
        Counters::default().figures().into_iter().map(|figures| figures.kind).collect();
    // Pages are kept where they are rendered, in this process alone.
    let apart = BTreeSet::from([Kind::Page.as_str()]);
    assert_eq!(named, all.difference(&apart).copied().collect::<BTreeSet<_>>());
}

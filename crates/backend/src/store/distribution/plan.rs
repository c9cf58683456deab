//! Which steps hand the tables to Citus, and in which order. No SQL is run here.

use super::Schema;

/// Stays on the coordinator: workers take what is due of all owners, which only one node can lock.
const QUEUE: &str = "session_queue";
/// What all else hangs on: the first table that is spread, beside which the others lie.
const FIRST: &str = "agents";
/// People, to whom owners' tables refer.
const PEOPLE: &str = "users";
/// What is copied to every node: people, and what `is_owner_held` looks into.
pub(super) const COPIED: [&str; 2] = [PEOPLE, "bucket_states"];
/// Refers to nobody: it is written too often to ask for its owner each time.
const UNBOUND: &str = "session_events";
/// What the statement that ends a session does itself.
const TRIGGERS: [&str; 2] = ["sessions_record_listing_run", "sessions_tell_webhooks"];
/// What the functions are made of.
const EXTENSIONS: [&str; 2] = ["pg_trgm", "vector"];
/// The functions that statements on owners' tables call, where they run.
const FUNCTIONS: [&str; 5] = [
    "bucket_of(uuid)",
    "first_id_at(timestamptz)",
    "is_owner_held(uuid)",
    "meaning_likeness(real[], real[])",
    "word_likeness(text, text)",
];

/// What a table is to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its rows are spread over the nodes.
    Spread,
    /// Each node has all of it.
    Copied,
    /// The coordinator alone has it.
    Here,
}

/// A step on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What it does, for whoever watches.
    pub(crate) name: String,
    pub(crate) statement: String,
}

fn step(name: String, statement: String) -> Step {
    Step { name, statement }
}

/// The steps that are yet to be taken.
///
/// Foreign keys to people go before people are copied and come back behind the tables: a table that is
/// tied to a copied one is taken for one of the coordinator's, and no such table may refer to one that
/// is spread.
///
/// # Errors
/// What stands in the way.
pub(crate) fn plan(schema: &Schema) -> Result<Vec<Step>, String> {
    check(schema)?;
    let is = |table: &str, kind| schema.known.get(table) == Some(&kind);
    let tables = in_order(schema);
    let mut steps = Vec::new();
    for (table, name) in &schema.triggers {
        let statement = format!("DROP TRIGGER {name} ON {table}");
        steps.push(step(format!("{table} loses the trigger {name}"), statement));
    }
    for key in schema.references.iter().filter(|key| key.other == PEOPLE) {
        if !is(&key.table, Kind::Spread) {
            let statement = format!("ALTER TABLE {} DROP CONSTRAINT {}", key.table, key.name);
            let name = format!("{} lets go of {PEOPLE} for a while", key.table);
            steps.push(step(name, statement));
        }
    }
    for table in COPIED {
        if !is(table, Kind::Copied) {
            let statement = format!("SELECT create_reference_table('{table}')");
            steps.push(step(format!("{table} is copied to every node"), statement));
        }
    }
    for table in &tables {
        if !is(table, Kind::Spread) {
            let beside = if *table == FIRST { "none" } else { FIRST };
            let statement = format!(
                "SELECT create_distributed_table('{table}', 'owner_id', colocate_with => '{beside}')"
            );
            steps.push(step(format!("{table} is spread by owner"), statement));
        }
    }
    for table in tables.iter().filter(|table| is_bound(schema, table)) {
        let refers = schema.references.iter().any(|key| key.table == *table && key.other == PEOPLE);
        if !is(table, Kind::Spread) || !refers {
            let statement = format!(
                "ALTER TABLE {table} ADD CONSTRAINT {table}_owner_id_fkey
                     FOREIGN KEY (owner_id) REFERENCES {PEOPLE} (user_id) ON DELETE CASCADE"
            );
            steps.push(step(format!("{table} refers to {PEOPLE} again"), statement));
        }
    }
    // Last, when each table that refers to them is the cluster's too: what refers to them goes with them.
    for table in tables.iter().map(String::as_str).chain(COPIED) {
        if schema.filled.iter().any(|filled| filled == table) {
            let statement =
                format!("SELECT truncate_local_data_after_distributing_table('{table}')");
            let name = format!("the coordinator deletes what it itself had of {table}");
            steps.push(step(name, statement));
        }
    }
    if steps.is_empty() {
        return Ok(steps);
    }
    for extension in EXTENSIONS {
        if schema.extensions.iter().any(|there| there == extension) {
            let statement = format!("CREATE EXTENSION IF NOT EXISTS {extension}");
            steps.push(step(format!("every node has {extension}"), statement));
        }
    }
    for function in FUNCTIONS {
        let statement = format!("SELECT create_distributed_function('{function}')");
        steps.push(step(format!("every node has {function}"), statement));
    }
    Ok(steps)
}

/// Whether a table refers to its owner itself: what belongs to another table of the owner goes with it.
fn is_bound(schema: &Schema, table: &str) -> bool {
    let belongs = schema
        .references
        .iter()
        .any(|key| key.table == table && schema.tables.contains(&key.other));
    table != UNBOUND && !belongs
}

fn check(schema: &Schema) -> Result<(), String> {
    for (table, name) in &schema.triggers {
        if !TRIGGERS.contains(&name.as_str()) {
            return Err(format!("Tables that are spread have no triggers, but {table} has {name}"));
        }
    }
    for key in &schema.references {
        let is_owned = |table: &String| schema.tables.contains(table) && table != QUEUE;
        let is_bad = match (is_owned(&key.table), is_owned(&key.other)) {
            (true, true) => false,
            (true, false) => key.other != PEOPLE,
            (false, _) => true,
        };
        if is_bad {
            return Err(format!(
                "{} of {} refers to {}, which another node may have",
                key.name, key.table, key.other
            ));
        }
    }
    Ok(())
}

/// The tables that are spread: the one that the others lie beside first, each behind those that it
/// refers to. Citus spreads no table that refers to one that is not spread.
fn in_order(schema: &Schema) -> Vec<String> {
    let mut rest = schema.tables.clone();
    rest.retain(|table| table != QUEUE);
    rest.sort_by_key(|table| table != FIRST);
    let mut ordered = Vec::new();
    let is_free = |table: &String, rest: &[String]| {
        schema
            .references
            .iter()
            .all(|key| key.table != *table || key.other == *table || !rest.contains(&key.other))
    };
    while let Some(at) = rest.iter().position(|table| is_free(table, &rest)) {
        ordered.push(rest.remove(at));
    }
    ordered.extend(rest);
    ordered
}

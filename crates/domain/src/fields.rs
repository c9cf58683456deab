//! Which fields of a thing a caller wants to see.

use std::collections::HashMap;
use std::marker::PhantomData;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::fault::FieldFault;

/// A thing whose fields can be chosen.
pub trait Choosable: Serialize + Clone {
    /// The names of its fields, as they stand in JSON.
    const FIELDS: &'static [&'static str];
}

/// Reads names of fields with commas between them; the fault tells which are known.
pub fn chosen<'a>(text: &str, known: &[&'a str]) -> Result<Vec<&'a str>, FieldFault> {
    let name = |part: &str| known.iter().copied().find(|known| *known == part.trim());
    text.split(',').map(name).collect::<Option<_>>().ok_or_else(|| {
        let known = known.join(", ");
        FieldFault::new("fields", format!("must be some of {known}; separated by commas"))
    })
}

/// Some of the fields of a `T`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields<T> {
    names: Vec<&'static str>,
    of: PhantomData<fn() -> T>,
}

impl<T: Choosable> Fields<T> {
    /// Every field.
    #[must_use]
    pub fn all() -> Self {
        Self { names: T::FIELDS.to_vec(), of: PhantomData }
    }

    /// Reads names with commas between them; the fault tells which there are.
    pub fn parse(text: &str) -> Result<Self, FieldFault> {
        Ok(Self { names: chosen(text, T::FIELDS)?, of: PhantomData })
    }

    /// Whether the field is wanted.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// What is wanted of a thing. What is not wanted need not be known: no one sees it.
    #[must_use]
    pub fn of(&self, whole: T) -> Part<T> {
        Part { whole, fields: self.clone() }
    }
}

impl<T> Default for Fields<T>
where
    T: Choosable,
{
    fn default() -> Self {
        Self::all()
    }
}

/// A thing of which some fields are seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<T> {
    whole: T,
    fields: Fields<T>,
}

impl<T: Choosable> Serialize for Part<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if T::FIELDS.iter().all(|name| self.fields.has(name)) {
            return self.whole.serialize(serializer);
        }
        let json = serde_json::to_string(&self.whole).map_err(S::Error::custom)?;
        // The values stay the text that they are.
        let values: HashMap<&str, &RawValue> =
            serde_json::from_str(&json).map_err(S::Error::custom)?;
        let wanted = T::FIELDS.iter().filter(|name| self.fields.has(name));
        serializer.collect_map(wanted.filter_map(|name| values.get_key_value(name)))
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Part<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("PartOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = T::json_schema(generator);
        schema.remove("required");
        schema
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::{Agent, AgentSpec, AgentStatus};
    use crate::agent_version::AgentVersion;
    use crate::ids::{AgentId, ScheduleId, SessionId, TestRunId, TestSetId, UserId};
    use crate::listing::{Listing, ListingSummary};
    use crate::money::MicroUsd;
    use crate::schedule::Schedule;
    use crate::session::Session;
    use crate::test_set::{RunSummary, TestRun, TestSet};
    use crate::variable::Variable;

    fn agent() -> Agent {
        Agent {
            id: AgentId::from_uuid(uuid::Uuid::nil()),
            owner_id: UserId::from_uuid(uuid::Uuid::nil()),
            status: AgentStatus::Active,
            revision: 1,
            listing_id: None,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            spec: AgentSpec {
                name: "Reader".to_owned(),
                variables: vec![Variable::new("city")],
                ..AgentSpec::default()
            },
        }
    }

    fn version() -> AgentVersion {
        AgentVersion {
            agent_id: AgentId::from_uuid(uuid::Uuid::nil()),
            version: 1,
            notes: String::new(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            spec: AgentSpec::default(),
        }
    }

    fn schedule() -> Schedule {
        Schedule {
            id: ScheduleId::from_uuid(uuid::Uuid::nil()),
            agent_id: AgentId::from_uuid(uuid::Uuid::nil()),
            agent_name: "Reader".to_owned(),
            agent_version: Some(1),
            agent_revision: 1,
            cron: "0 7 * * *".to_owned(),
            time_zone: "UTC".to_owned(),
            goal: "Read".to_owned(),
            context: Some("the news".to_owned()),
            variables: [("city".to_owned(), "Oslo".to_owned())].into(),
            is_enabled: true,
            next_run_at: None,
            last_run_at: None,
            last_session_id: Some(SessionId::from_uuid(uuid::Uuid::nil())),
            last_error: Some("the agent is paused".to_owned()),
            created_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn run() -> TestRun {
        let summary = RunSummary {
            id: TestRunId::from_uuid(uuid::Uuid::nil()),
            agent_version: Some(1),
            started_at: jiff::Timestamp::UNIX_EPOCH,
            ended_at: None,
            cases: 0,
            passed: 0,
            failed: 0,
            cost: MicroUsd(0),
            duration_ms: 0,
        };
        let test_set_id = TestSetId::from_uuid(uuid::Uuid::nil());
        TestRun { previous: Some(summary.clone()), summary, test_set_id, results: Vec::new() }
    }

    fn test_set() -> TestSet {
        TestSet {
            id: TestSetId::from_uuid(uuid::Uuid::nil()),
            agent_id: AgentId::from_uuid(uuid::Uuid::nil()),
            name: "Basics".to_owned(),
            cases: Vec::new(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            last_run: Some(run().summary),
        }
    }

    /// Of a thing with all that it may have.
    fn check<T: Choosable>(whole: &T) {
        let whole = serde_json::to_value(whole).unwrap();
        let mut names: Vec<_> = whole.as_object().unwrap().keys().map(String::as_str).collect();
        let mut known = T::FIELDS.to_vec();
        names.sort_unstable();
        known.sort_unstable();
        assert_eq!(names, known);
    }

    /// The names in the JSON of a thing are its fields, no more and no less.
    #[test]
    fn every_field_can_be_chosen() {
        check(&agent());
        check(&version());
        check(&schedule());
        check(&test_set());
        check(&run());
        for fields in [Session::FIELDS, Listing::FIELDS, ListingSummary::FIELDS] {
            assert!(fields.contains(&"id"));
        }
    }

    #[test]
    fn only_what_is_wanted_is_seen() {
        let fields = Fields::<Agent>::parse("id, name,listing_id").unwrap();
        let seen = serde_json::to_value(fields.of(agent())).unwrap();
        let id = "00000000-0000-0000-0000-000000000000";
        assert_eq!(seen, json!({ "id": id, "name": "Reader", "listing_id": null }));
        let whole = serde_json::to_value(Fields::all().of(agent())).unwrap();
        assert_eq!(whole, serde_json::to_value(agent()).unwrap());
    }

    #[test]
    fn what_there_is_not_is_told_with_what_there_is() {
        for text in ["", "id,,name", "nmae", "id,password", "*"] {
            let fault = Fields::<Agent>::parse(text).unwrap_err();
            assert_eq!(fault.field, "fields", "{text}");
            assert!(fault.reason.starts_with("must be some of id, owner_id, "), "{}", fault.reason);
        }
    }
}

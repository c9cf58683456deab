//! Versions of an agent: the draft that its owner works on, and the numbered ones that were published
//! and never change.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::agent::AgentSpec;
use crate::fault::FieldFault;
use crate::fields::Choosable;
use crate::ids::AgentId;
#[cfg(feature = "schema")]
use crate::text::TEXT_PATTERN;
use crate::text::check_text;

/// The longest notes on a version, in characters.
pub const NOTES_MAX: usize = 4_000;

/// A published version. It never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentVersion {
    /// The agent.
    pub agent_id: AgentId,
    /// Counts from 1.
    pub version: u32,
    /// What its owner says of it.
    pub notes: String,
    /// When it was published.
    pub created_at: Timestamp,
    /// What the agent was made of then.
    pub spec: AgentSpec,
}

impl Choosable for AgentVersion {
    const FIELDS: &'static [&'static str] = &["agent_id", "version", "notes", "created_at", "spec"];
}

/// A published version in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "each field is the AgentVersion field of its name")]
pub struct VersionSummary {
    pub version: u32,
    pub notes: String,
    pub created_at: Timestamp,
}

/// What a caller writes to publish the draft: the JSON of `POST /api/v1/agents/{id}/versions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NewVersion {
    /// What is new in it, at most [`NOTES_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(max = NOTES_MAX), regex(pattern = TEXT_PATTERN)))]
    pub notes: String,
}

impl NewVersion {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "notes", &self.notes, 0, NOTES_MAX);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// One of an agent's versions, or its draft. As text `draft` or the number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Edition {
    /// What its owner works on.
    #[default]
    Draft,
    /// The version of this number.
    Version(u32),
}

/// The text is neither `draft` nor a version's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be draft or the number of a version")]
pub struct EditionError;

impl FromStr for Edition {
    type Err = EditionError;

    fn from_str(text: &str) -> Result<Self, EditionError> {
        match text {
            "draft" => Ok(Self::Draft),
            number => number
                .parse()
                .ok()
                .filter(|number| (1..=i32::MAX.unsigned_abs()).contains(number))
                .map(Self::Version)
                .ok_or(EditionError),
        }
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft => f.write_str("draft"),
            Self::Version(number) => number.fmt(f),
        }
    }
}

impl Serialize for Edition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Edition {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What an agent lacks to be published, field by field. A draft may lack it.
#[must_use]
pub fn missing(spec: &AgentSpec) -> Vec<FieldFault> {
    let lacks = [
        ("name", spec.name.trim().is_empty(), "needs a name"),
        ("description", spec.description.trim().is_empty(), "needs a sentence on what it is for"),
        ("system_prompt", spec.system_prompt.trim().is_empty(), "needs to say how it should work"),
    ];
    lacks
        .into_iter()
        .filter(|(_, is_missing, _)| *is_missing)
        .map(|(field, _, reason)| FieldFault::new(field, reason))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editions_read_back() {
        for (text, edition) in [("draft", Edition::Draft), ("1", Edition::Version(1))] {
            assert_eq!(text.parse(), Ok(edition));
            assert_eq!(edition.to_string(), text);
        }
        for text in ["", "0", "-1", "v1", "Draft", "4294967295", "1.0"] {
            assert_eq!(text.parse::<Edition>(), Err(EditionError), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named_field_by_field() {
        let mut spec = AgentSpec { name: "Reader".to_owned(), ..AgentSpec::default() };
        let fields = |spec: &AgentSpec| -> Vec<String> {
            missing(spec).into_iter().map(|fault| fault.field).collect()
        };
        assert_eq!(fields(&spec), ["description", "system_prompt"]);
        spec.description = "Reads".to_owned();
        spec.system_prompt = " ".to_owned();
        assert_eq!(fields(&spec), ["system_prompt"]);
        spec.system_prompt = "Read.".to_owned();
        assert_eq!(missing(&spec), []);
    }

    #[test]
    fn long_notes_are_refused() {
        let notes = |count| NewVersion { notes: "x".repeat(count) };
        assert!(notes(NOTES_MAX).check().is_ok());
        assert_eq!(notes(NOTES_MAX + 1).check().unwrap_err()[0].field, "notes");
    }
}

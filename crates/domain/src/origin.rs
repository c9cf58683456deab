//! What began a session.

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// What began a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Origin {
    /// What it is.
    pub kind: OriginKind,
    /// Which schedule, trigger or API key it was, also when that is gone by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
}

impl Origin {
    /// One of which nothing else is to be said.
    #[must_use]
    pub const fn of(kind: OriginKind) -> Self {
        Self { kind, id: None }
    }
}

/// Reads an origin; none where only a later release knows its kind. A list of sessions must not fail for it, nor a
/// page that a process of that release has answered.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Origin>, D::Error> {
    #[derive(Deserialize)]
    struct Told {
        kind: String,
        #[serde(default)]
        id: Option<Uuid>,
    }

    let told = Option::<Told>::deserialize(deserializer)?;
    Ok(told.and_then(|Told { kind, id }| Some(Origin { kind: OriginKind::parse(&kind)?, id })))
}

/// What can begin a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// A person, in the Studio.
    Person,
    /// A program, by an API key.
    Api,
    /// A client of the MCP server.
    Mcp,
    /// A schedule.
    Schedule,
    /// A message to a trigger.
    Trigger,
    /// A test set, for a case or for a judge of its answer.
    Test,
    /// Another agent, which waits for the answer.
    Agent,
    /// Somebody who tries a listing of the marketplace.
    Marketplace,
}

impl OriginKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Person,
        Self::Api,
        Self::Mcp,
        Self::Schedule,
        Self::Trigger,
        Self::Test,
        Self::Agent,
        Self::Marketplace,
    ];

    /// The kind as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Api => "api",
            Self::Mcp => "mcp",
            Self::Schedule => "schedule",
            Self::Trigger => "trigger",
            Self::Test => "test",
            Self::Agent => "agent",
            Self::Marketplace => "marketplace",
        }
    }

    /// The kind as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Person => "Person",
            Self::Api => "API",
            Self::Mcp => "MCP client",
            Self::Schedule => "Schedule",
            Self::Trigger => "Trigger",
            Self::Test => "Test",
            Self::Agent => "Another agent",
            Self::Marketplace => "Marketplace",
        }
    }

    /// Reads a kind from its text; `None` for one that this release does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_back() {
        for kind in OriginKind::ALL {
            assert_eq!(OriginKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(OriginKind::parse("comet"), None);
    }

    #[test]
    fn what_has_no_id_says_none() {
        let origin = Origin::of(OriginKind::Person);
        let written = serde_json::to_string(&origin).unwrap();
        assert_eq!(written, r#"{"kind":"person"}"#);
        assert_eq!(serde_json::from_str::<Origin>(&written).unwrap(), origin);
    }

    #[test]
    fn what_a_later_release_has_begun_says_nothing_here() {
        let id = Uuid::from_u128(7);
        let of = |json: serde_json::Value| read(json).unwrap();
        let known = of(serde_json::json!({ "kind": "api", "id": id }));
        assert_eq!(known, Some(Origin { kind: OriginKind::Api, id: Some(id) }));
        let bare = of(serde_json::json!({ "kind": "person", "id": null }));
        assert_eq!(bare, Some(Origin::of(OriginKind::Person)));
        assert_eq!(of(serde_json::json!({ "kind": "comet", "id": id })), None);
        assert_eq!(of(serde_json::Value::Null), None);
    }
}

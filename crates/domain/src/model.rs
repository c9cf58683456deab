//! Which model answers a step, and why.

use serde::{Deserialize, Serialize};

/// How much a step asks of a model. Each tier has models of its own in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModelTier {
    /// Short questions, one tool at most.
    Simple,
    /// Several parts or tools.
    Moderate,
    /// Long material, many parts, a history of failures.
    Complex,
}

impl ModelTier {
    /// Every tier, from the least to the most able.
    pub const ALL: [Self; 3] = [Self::Simple, Self::Moderate, Self::Complex];

    /// The tier as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Moderate => "moderate",
            Self::Complex => "complex",
        }
    }

    /// The next tier above.
    #[must_use]
    pub const fn above(self) -> Option<Self> {
        match self {
            Self::Simple => Some(Self::Moderate),
            Self::Moderate => Some(Self::Complex),
            Self::Complex => None,
        }
    }
}

/// One part of a complexity score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScorePart {
    /// What was looked at, in a few words: `goal: 3 requests`.
    pub what: String,
    /// What it adds.
    pub points: u32,
}

/// The model that answers from a step on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelChoice {
    /// The tier that it was chosen from; absent where the agent names its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<ModelTier>,
    /// Who answers.
    pub provider: String,
    /// The model's name as the provider knows it.
    pub model: String,
    /// Why, in one sentence.
    pub reason: String,
    /// The points that led to the tier; empty where none were needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub score: Vec<ScorePart>,
    /// Whether nobody has told its price: what it costs is counted at the dearest of its provider's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_price_presumed: bool,
}

//! Memory: facts that an agent keeps from one session to the next, for each person apart.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::ids::MemoryId;
use crate::text::check_text;

/// The most facts that an agent keeps for one person. The one that was written longest ago gives way.
pub const MEMORIES_MAX: usize = 100;
/// The longest key, in characters.
pub const KEY_MAX: usize = 100;
/// The longest text, in characters.
pub const MEMORY_MAX: usize = 1_000;

/// A fact that an agent keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Memory {
    /// Its identity.
    pub id: MemoryId,
    /// What it is about. A fact of the same key takes its place.
    pub key: String,
    /// The fact.
    pub text: String,
    /// When it was written last.
    pub updated_at: Timestamp,
}

/// A fact to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMemory {
    /// What it is about: 1 to [`KEY_MAX`] characters.
    pub key: String,
    /// The fact: 1 to [`MEMORY_MAX`] characters.
    pub text: String,
}

impl NewMemory {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "key", &self.key, 1, KEY_MAX);
        check_text(&mut faults, "text", &self.text, 1, MEMORY_MAX);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

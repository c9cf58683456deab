//! Messages that people pin: a model is shown them word for word, however long the session grows.
//!
//! A message is known by the number of the event that ends it: a `message`, the `step_complete` of a
//! step that wrote something, the `tool_result` of a question that a person answered. The goal, which
//! is no event, has the number 0.

use serde::{Deserialize, Serialize};

/// The most messages of a session that can be pinned.
pub const PINS_MAX: usize = 20;
/// The number by which the goal is pinned.
pub const GOAL_NUMBER: i64 = 0;

/// A message to pin or to let go: the JSON of `PUT /api/v1/sessions/{id}/pins`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPin {
    /// The number of the event that ends the message: a `message`, the `step_complete` of a step that
    /// wrote something, the `tool_result` of a question to a person. 0: the goal.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub message: i64,
    /// Whether it shall be pinned.
    pub is_pinned: bool,
}

/// Which messages of a session are pinned, as live streams tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// The messages, by the numbers of their events; 0 is the goal.
    pub pins: Vec<i64>,
}

impl Pins {
    /// What the event is called in a stream.
    pub const EVENT: &str = "pins";
}

impl NewPin {
    /// The pins of a session after this one, in the order of its messages; `None`: they stay as they
    /// are.
    #[must_use]
    pub fn over(self, pins: &[i64]) -> Option<Vec<i64>> {
        if pins.contains(&self.message) == self.is_pinned {
            return None;
        }
        let mut pins = pins.to_vec();
        if self.is_pinned {
            pins.push(self.message);
            pins.sort_unstable();
        } else {
            pins.retain(|pin| *pin != self.message);
        }
        Some(pins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_pinned_once_and_let_go_once() {
        for (pins, message, is_pinned, then) in [
            (vec![], 3, true, Some(vec![3])),
            (vec![3], 3, true, None),
            (vec![3], 0, true, Some(vec![0, 3])),
            (vec![0, 3], 3, false, Some(vec![0])),
            (vec![0], 3, false, None),
        ] {
            assert_eq!(NewPin { message, is_pinned }.over(&pins), then, "{pins:?}");
        }
    }
}

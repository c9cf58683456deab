//! The way by which a reader has come to a session.

use resonant_domain::SessionId;
use serde::{Deserialize, Serialize};

use crate::paths;

/// What a reader shows to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// Who they are: the session is theirs, or shared with a team of theirs.
    Own(SessionId),
    /// The token of a link.
    Link(String),
}

impl Door {
    /// The page of the session.
    pub(super) fn page(&self) -> String {
        match self {
            Self::Own(id) => paths::session(*id),
            Self::Link(token) => paths::shared(token),
        }
    }

    /// Its events after the given one, live.
    pub(super) fn stream(&self, after: i64) -> String {
        match self {
            Self::Own(id) => paths::session_stream(*id, after),
            Self::Link(token) => paths::shared_stream(token, after),
        }
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    /// What a server function is sent.
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Sent {
        door: Door,
        after: i64,
    }

    #[test]
    fn a_door_crosses_the_network_whole() {
        let id: SessionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        for door in [Door::Own(id), Door::Link("a-_b=&c".to_owned())] {
            let sent = Sent { door, after: i64::MAX };
            let text = serde_qs::to_string(&sent).unwrap();
            assert_eq!(serde_qs::from_str::<Sent>(&text).unwrap(), sent, "{text}");
        }
    }
}

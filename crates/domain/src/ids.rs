//! Identities. Each kind of thing has its own type, so that one cannot stand in for another.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// The text is not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an id such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct IdError;

/// Reads the text of an id. What is none is told in our words.
struct IdText;

impl Visitor<'_> for IdText {
    type Value = Uuid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id such as 01890a5d-ac96-774b-bcce-b302099a8057")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Uuid, E> {
        Uuid::parse_str(text).map_err(|_| E::custom(IdError))
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A UUID of version 7 (RFC 9562): ids made later sort later.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes over an id that was made by the clock or read from the store.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as the store keeps it.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(IdText).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| IdError)
            }
        }
    };
}

id!(/// An agent.
    AgentId);
id!(/// A session: one execution of an agent.
    SessionId);
id!(/// A listing of the marketplace.
    ListingId);
id!(/// A review of a listing.
    ReviewId);
id!(/// A version of a listing on its way to the marketplace.
    SubmissionId);
id!(/// A report of abuse.
    ReportId);
id!(/// A shelf of the marketplace.
    CollectionId);
id!(/// A picture that a publisher uploaded.
    ImageId);
id!(/// Something that an account was told.
    NoticeId);
id!(/// A person, guest or member.
    UserId);
id!(/// A team.
    TeamId);
id!(/// An invitation to a team.
    TeamInvitationId);
id!(/// An API key.
    ApiKeyId);
id!(/// An entry of the audit log.
    AuditEntryId);
id!(/// A schedule of an agent.
    ScheduleId);
id!(/// An address at which a message starts a session.
    TriggerId);
id!(/// An address that is told when a session ends.
    WebhookId);
id!(/// A message to a webhook.
    DeliveryId);
id!(/// A document that an agent looks things up in.
    DocumentId);
id!(/// A fact that an agent keeps.
    MemoryId);
id!(/// A test set of an agent.
    TestSetId);
id!(/// A run of a test set.
    TestRunId);
id!(/// An alert.
    AlertId);
id!(/// An entry of an alert's history.
    AlertEventId);
id!(/// A purchase of a listing.
    PurchaseId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_told_in_our_words() {
        let text = "01890a5d-ac96-774b-bcce-b302099a8057";
        let read = |json: &str| serde_json::from_str::<AgentId>(json);
        assert_eq!(read(&format!("\"{text}\"")).unwrap().to_string(), text);
        for json in ["\"x\"", "\"\"", "7", "null", "{}"] {
            let told = read(json).unwrap_err().to_string();
            assert!(told.contains("an id such as 01890a5d"), "{json}: {told}");
        }
    }
}

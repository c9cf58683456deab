//! What an account is told: decisions, reviews, answers, newer versions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, NoticeId};

/// The longest text of a notice, in characters.
pub const TEXT_MAX: usize = 300;
/// The text of a notice of what somebody published whose account is gone.
pub const BY_NOBODY: &str = "By a deleted account";
/// The most notices that can be marked by name at the same time.
pub const MARKED_MAX: usize = 200;

/// Something that an account was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Notice {
    /// Its identity.
    pub id: NoticeId,
    /// What happened.
    pub kind: NoticeKind,
    /// The name of the listing, or of the team, that it is about.
    pub about: String,
    /// The place of the listing, or of the team, in URLs, where it has one.
    pub slug: Option<String>,
    /// The reader's agent that it is about, if it is about one.
    pub agent_id: Option<AgentId>,
    /// What a person said, shortened; empty for nothing.
    pub text: String,
    /// Whether it was read.
    pub is_read: bool,
    /// When it happened.
    pub created_at: Timestamp,
}

/// How many notices an account has not read, as live streams tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unread {
    /// The number.
    pub unread: i64,
}

impl Unread {
    /// What the event is called in a stream.
    pub const EVENT: &str = "notices";
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Moderators approved what was handed in.
    Approved,
    /// Moderators ask for changes.
    ChangesRequested,
    /// Somebody reviewed a listing of the reader's.
    Reviewed,
    /// The publisher answered the reader's review.
    Answered,
    /// Moderators looked at the reader's report: the listing stays.
    ReportDismissed,
    /// Moderators looked at the reader's report: the listing is gone.
    ReportUpheld,
    /// Moderators removed a listing of the reader's.
    Removed,
    /// A listing that the reader installed has a newer version.
    UpdateAvailable,
    /// A listing that the reader installed is kept up no more.
    Deprecated,
    /// A publisher whom the reader follows has a new listing.
    FollowedListing,
    /// A listing of a publisher whom the reader follows has a new version.
    FollowedVersion,
    /// The reader is invited to a team.
    TeamInvited,
    /// Moderators looked at the reader's report of a review: the review stays.
    ReviewReportDismissed,
    /// Moderators looked at the reader's report of a review: the review is gone.
    ReviewReportUpheld,
    /// Moderators removed a review of the reader's.
    ReviewRemoved,
    /// Moderators put a review of the reader's back.
    ReviewRestored,
    /// Something that a newer release tells.
    #[serde(other)]
    Other,
}

impl NoticeKind {
    /// Every kind that this release tells.
    pub const ALL: [Self; 16] = [
        Self::Approved,
        Self::ChangesRequested,
        Self::Reviewed,
        Self::Answered,
        Self::ReportDismissed,
        Self::ReportUpheld,
        Self::Removed,
        Self::UpdateAvailable,
        Self::Deprecated,
        Self::FollowedListing,
        Self::FollowedVersion,
        Self::TeamInvited,
        Self::ReviewReportDismissed,
        Self::ReviewReportUpheld,
        Self::ReviewRemoved,
        Self::ReviewRestored,
    ];

    /// The kind as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::ChangesRequested => "changes_requested",
            Self::Reviewed => "reviewed",
            Self::Answered => "answered",
            Self::ReportDismissed => "report_dismissed",
            Self::ReportUpheld => "report_upheld",
            Self::Removed => "removed",
            Self::UpdateAvailable => "update_available",
            Self::Deprecated => "deprecated",
            Self::FollowedListing => "followed_listing",
            Self::FollowedVersion => "followed_version",
            Self::TeamInvited => "team_invited",
            Self::ReviewReportDismissed => "review_report_dismissed",
            Self::ReviewReportUpheld => "review_report_upheld",
            Self::ReviewRemoved => "review_removed",
            Self::ReviewRestored => "review_restored",
            Self::Other => "other",
        }
    }

    /// What a person reads behind the name of the listing.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Approved => "was approved and is in the marketplace",
            Self::ChangesRequested => "was looked at: a moderator asks for changes",
            Self::Reviewed => "has a new review",
            Self::Answered => "– its publisher answered your review",
            Self::ReportDismissed => "– moderators looked at your report, and the listing stays",
            Self::ReportUpheld => "– moderators looked at your report and removed the listing",
            Self::Removed => "was removed by moderators",
            Self::UpdateAvailable => "has a newer version than the one you installed",
            Self::Deprecated => "is not kept up any more by its publisher",
            Self::FollowedListing => "is new, by a publisher whom you follow",
            Self::FollowedVersion => "has a new version, by a publisher whom you follow",
            Self::TeamInvited => "is a team that you are invited to",
            Self::ReviewReportDismissed => {
                "– moderators looked at your report, and the review stays"
            }
            Self::ReviewReportUpheld => "– moderators looked at your report and removed the review",
            Self::ReviewRemoved => "– moderators removed your review",
            Self::ReviewRestored => "– moderators put your review back",
            Self::Other => "has news",
        }
    }

    /// Whether it tells followers of what somebody published.
    #[must_use]
    pub const fn is_of_followed(self) -> bool {
        matches!(self, Self::FollowedListing | Self::FollowedVersion)
    }

    /// The nearest kind that the last release has a word for. It reads no other one, and beside it nobody could read
    /// what they were told. Goes with the next release: from this one on an unknown kind is [`Self::Other`].
    #[must_use]
    pub const fn of_last_release(self) -> Self {
        match self {
            // Both are true: the listing stays.
            Self::ReviewReportDismissed | Self::ReviewReportUpheld => Self::ReportDismissed,
            Self::ReviewRemoved => Self::ChangesRequested,
            Self::ReviewRestored | Self::Other => Self::Approved,
            known => known,
        }
    }

    /// Reads a kind from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The same, where a newer release may have told it.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_survives_its_text() {
        for kind in NoticeKind::ALL {
            assert_eq!(NoticeKind::parse(kind.as_str()), Some(kind));
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json, kind.as_str());
        }
    }

    #[test]
    fn a_kind_of_a_newer_release_is_read_all_the_same() {
        assert_eq!(NoticeKind::read("removed"), NoticeKind::Removed);
        assert_eq!(NoticeKind::read("sung"), NoticeKind::Other);
        // By a page that was loaded before.
        let told: NoticeKind = serde_json::from_value("sung".into()).unwrap();
        assert_eq!(told, NoticeKind::Other);
    }
}

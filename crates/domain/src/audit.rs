//! The audit log: who did what, when, from where, to what. It holds names and never contents or secrets.

use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::fault::FieldFault;
use crate::ids::{AuditEntryId, UserId};
use crate::words::words;

/// The longest name of a subject that is kept, in characters.
pub const NAME_MAX: usize = 200;
/// The first line of a log as comma-separated values.
pub const CSV_HEAD: &str = "at,deed,words,account_id,account_name,actor,actor_id,actor_name,\
                            key_prefix,subject,subject_id,subject_name,address,request_id\r\n";

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// Its identity.
    pub id: AuditEntryId,
    /// When it happened.
    pub at: Timestamp,
    /// What was done.
    pub deed: Deed,
    /// Whose account it concerns; absent: the installation.
    pub account_id: Option<UserId>,
    /// What that account is called at present.
    pub account_name: Option<String>,
    /// Who did it.
    pub actor: AuditActor,
    /// What it was done to, where that is not the account itself.
    pub subject: Option<AuditSubject>,
    /// The network address that it came from, where it came from one.
    pub address: Option<String>,
    /// The request that did it.
    pub request_id: String,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditActor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// The person, or the owner of the key; absent for someone whose account is gone, too.
    pub id: Option<UserId>,
    /// What that person is called at present.
    pub name: Option<String>,
    /// How the key begins.
    pub key_prefix: Option<String>,
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditSubject {
    /// What kind of thing.
    pub kind: SubjectKind,
    /// Its identity, where it has one.
    pub id: Option<Uuid>,
    /// What it was called then.
    pub name: String,
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditFilter {
    /// Deeds of this group alone.
    #[serde(default)]
    pub group: Option<DeedGroup>,
    /// What happened at this instant or after it.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// What happened before this instant.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Reads a filter as a form sends it: a group's name, the first day and the last one, in UTC; what is
    /// empty is not filtered by.
    pub fn of_form(group: &str, since: &str, until: &str) -> Result<Self, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let mut day = |field: &str, text: &str, later: i64| {
            let day = text.trim();
            if day.is_empty() {
                return None;
            }
            let start = day.parse::<Date>().and_then(|day| {
                day.checked_add(later.days())?.to_zoned(TimeZone::UTC).map(|at| at.timestamp())
            });
            if start.is_err() {
                faults.push(FieldFault::new(field, "must be a day such as 2026-01-31"));
            }
            start.ok()
        };
        // The last day counts to its end.
        let (since, until) = (day("since", since, 0), day("until", until, 1));
        let group = match group {
            "" => None,
            text => {
                let group = DeedGroup::parse(text);
                if group.is_none() {
                    faults.push(FieldFault::new("group", "must be a group of deeds"));
                }
                group
            }
        };
        let filter = Self { group, since, until };
        if faults.is_empty() {
            faults.extend(filter.check().err().unwrap_or_default());
        }
        if faults.is_empty() { Ok(filter) } else { Err(faults) }
    }

    /// Checks that there is time between its ends.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if since >= until => {
                Err(vec![FieldFault::new("until", "must be later than since")])
            }
            _ => Ok(()),
        }
    }
}

words! {
    /// What kind of actor did something.
    ActorKind {
        /// A person in a browser.
        Person "person" "A person",
        /// A program, by a key.
        Key "key" "A key",
        /// The installation itself, or whoever runs its program.
        System "system" "The system",
        /// Somebody who was not signed in.
        Nobody "nobody" "Somebody",
    }
}

words! {
    /// What kind of thing something was done to.
    SubjectKind {
        /// An account.
        Account "account" "account",
        /// An API key.
        Key "key" "key",
        /// A secret.
        Secret "secret" "secret",
        /// An agent.
        Agent "agent" "agent",
        /// A session.
        Session "session" "session",
        /// A schedule.
        Schedule "schedule" "schedule",
        /// A trigger.
        Trigger "trigger" "trigger",
        /// A webhook.
        Webhook "webhook" "webhook",
        /// A listing, or a version of one on its way.
        Listing "listing" "listing",
        /// A team.
        Team "team" "team",
        /// An alert.
        Alert "alert" "alert",
    }
}

words! {
    /// Deeds that belong together.
    DeedGroup {
        /// Accounts, passwords, sign-ins.
        Access "access" "Account and sign-ins",
        /// API keys.
        Keys "keys" "Keys",
        /// Secrets.
        Secrets "secrets" "Secrets",
        /// Agents.
        Agents "agents" "Agents",
        /// Links to sessions.
        Sessions "sessions" "Sessions",
        /// Schedules, triggers, webhooks.
        Automations "automations" "Automations",
        /// Budgets.
        Budgets "budgets" "Budgets",
        /// Listings, purchases, moderation.
        Marketplace "marketplace" "Marketplace",
        /// Teams and their members.
        Teams "teams" "Teams",
        /// Alerts of the installation.
        Alerts "alerts" "Alerts",
    }
}

words! {
    /// What was done.
    Deed {
        /// Became a member.
        SignedUp "signed_up" "created the account",
        /// Signed in.
        SignedIn "signed_in" "signed in",
        /// Signed out.
        SignedOut "signed_out" "signed out",
        /// Tried to sign in with a wrong password or address.
        SignInFailed "sign_in_failed" "failed to sign in",
        /// Ended the sign-ins in other browsers.
        SignInsEnded "sign_ins_ended" "signed the other browsers out",
        /// Changed the password.
        PasswordChanged "password_changed" "changed the password",
        /// Set a new password by a mailed link.
        PasswordReset "password_reset" "set a new password by a mailed link",
        /// Asked for another e-mail address.
        EmailChangeAsked "email_change_asked" "asked for another e-mail address",
        /// Changed the e-mail address.
        EmailChanged "email_changed" "changed the e-mail address",
        /// Took all data of the account along.
        AccountExported "account_exported" "exported the account",
        /// Closed the account.
        AccountClosed "account_closed" "closed the account",
        /// What a closed account owned was deleted.
        AccountDeleted "account_deleted" "deleted a closed account",
        /// Made a member an admin.
        AdminAppointed "admin_appointed" "made an admin of",
        /// Made an admin a member as all others.
        AdminDismissed "admin_dismissed" "took the rights of an admin from",
        /// Made an API key.
        KeyCreated "key_created" "made the key",
        /// Revoked an API key.
        KeyRevoked "key_revoked" "revoked the key",
        /// Made a secret.
        SecretCreated "secret_created" "made the secret",
        /// Changed a secret.
        SecretChanged "secret_changed" "changed the secret",
        /// Deleted a secret.
        SecretDeleted "secret_deleted" "deleted the secret",
        /// Sealed all secrets under another key of the installation.
        SecretsReencrypted "secrets_reencrypted" "encrypted the secrets anew",
        /// Made an agent.
        AgentCreated "agent_created" "made the agent",
        /// Published a version of an agent.
        AgentPublished "agent_published" "published the agent",
        /// Let an agent run again.
        AgentActivated "agent_activated" "activated the agent",
        /// Paused an agent.
        AgentPaused "agent_paused" "paused the agent",
        /// Archived an agent.
        AgentArchived "agent_archived" "archived the agent",
        /// Put an agent into the trash.
        AgentDeleted "agent_deleted" "deleted the agent",
        /// Took an agent out of the trash.
        AgentRestored "agent_restored" "restored the agent",
        /// Deleted an agent of the trash for good.
        AgentErased "agent_erased" "deleted for good an agent",
        /// Gave others a right to an agent.
        AgentShared "agent_shared" "shared the agent",
        /// Took that right back.
        AgentUnshared "agent_unshared" "stopped sharing the agent",
        /// Made a link to a session.
        SessionShared "session_shared" "made a link to the session",
        /// Took the link back.
        SessionUnshared "session_unshared" "took back the link to the session",
        /// Made a schedule.
        ScheduleCreated "schedule_created" "made the schedule",
        /// Changed a schedule.
        ScheduleChanged "schedule_changed" "changed the schedule",
        /// Deleted a schedule.
        ScheduleDeleted "schedule_deleted" "deleted the schedule",
        /// Made a trigger.
        TriggerCreated "trigger_created" "made the trigger",
        /// Deleted a trigger.
        TriggerDeleted "trigger_deleted" "deleted the trigger",
        /// Made a webhook.
        WebhookCreated "webhook_created" "made the webhook",
        /// Deleted a webhook.
        WebhookDeleted "webhook_deleted" "deleted the webhook",
        /// Set a monthly budget.
        BudgetChanged "budget_changed" "set the budget",
        /// Handed a version of a listing in.
        ListingSubmitted "listing_submitted" "handed in the listing",
        /// Took what was handed in back.
        ListingWithdrawn "listing_withdrawn" "took back the listing",
        /// Put a listing back into the marketplace.
        ListingPublished "listing_published" "published the listing",
        /// Paused a listing.
        ListingPaused "listing_paused" "paused the listing",
        /// Took a listing off the marketplace.
        ListingUnlisted "listing_unlisted" "unlisted the listing",
        /// Said that a listing is kept up no more.
        ListingDeprecated "listing_deprecated" "deprecated the listing",
        /// Said that it is kept up once more.
        ListingKeptUp "listing_kept_up" "keeps up once more the listing",
        /// Deleted a version of a listing.
        ListingVersionDeleted "listing_version_deleted" "deleted a version of the listing",
        /// Approved a submission.
        SubmissionApproved "submission_approved" "approved the listing",
        /// Asked for changes of a submission.
        ChangesRequested "changes_requested" "asked for changes of the listing",
        /// Looked at a report and let the listing stay.
        ReportDismissed "report_dismissed" "dismissed a report on the listing",
        /// Looked at a report and removed the listing.
        ReportUpheld "report_upheld" "removed, after a report, the listing",
        /// Looked at a report and let the review stay.
        ReviewReportDismissed "review_report_dismissed" "dismissed a report on a review of the listing",
        /// Looked at a report and removed the review, or left it removed.
        ReviewRemoved "review_removed" "removed a review of the listing",
        /// Put back a review that was removed and has been changed since.
        ReviewRestored "review_restored" "put back a review of the listing",
        /// Vouched for a publisher.
        PublisherVerified "publisher_verified" "marked as verified the publisher",
        /// Vouched no more for a publisher.
        PublisherUnverified "publisher_unverified" "took the mark from the publisher",
        /// Paid for a listing.
        ListingBought "listing_bought" "bought the listing",
        /// Gave a purchase up, or ended a subscription.
        PurchaseCancelled "purchase_cancelled" "cancelled the purchase of the listing",
        /// Gave the money for a purchase back.
        PurchaseRefunded "purchase_refunded" "gave the money back for the listing",
        /// Made a team.
        TeamCreated "team_created" "made the team",
        /// Changed a team.
        TeamChanged "team_changed" "changed the team",
        /// Deleted a team.
        TeamDeleted "team_deleted" "deleted the team",
        /// Invited somebody into a team.
        TeamInvited "team_invited" "invited into the team",
        /// Took an invitation back.
        TeamInvitationRevoked "team_invitation_revoked" "took back an invitation into the team",
        /// Joined a team.
        TeamJoined "team_joined" "joined the team",
        /// Left a team.
        TeamLeft "team_left" "left the team",
        /// Took somebody out of a team.
        TeamMemberRemoved "team_member_removed" "took out of the team",
        /// Gave a member of a team another role.
        TeamRoleChanged "team_role_changed" "changed the role in the team of",
        /// Made an alert.
        AlertCreated "alert_created" "made the alert",
        /// Changed an alert.
        AlertChanged "alert_changed" "changed the alert",
        /// Deleted an alert.
        AlertDeleted "alert_deleted" "deleted the alert",
        /// Noted that an alert was seen.
        AlertAcknowledged "alert_acknowledged" "acknowledged the alert",
        /// Silenced an alert.
        AlertSilenced "alert_silenced" "silenced the alert",
        /// Ended the silence of an alert.
        AlertUnsilenced "alert_unsilenced" "ended the silence of the alert",
        /// Took an alert as over.
        AlertResolved "alert_resolved" "resolved the alert",
        /// Sent a test message of an alert.
        AlertTested "alert_tested" "sent a test message of the alert",
    }
}

impl Deed {
    /// Where it belongs.
    #[must_use]
    pub const fn group(self) -> DeedGroup {
        match self {
            Self::SignedUp
            | Self::SignedIn
            | Self::SignedOut
            | Self::SignInFailed
            | Self::SignInsEnded
            | Self::PasswordChanged
            | Self::PasswordReset
            | Self::EmailChangeAsked
            | Self::EmailChanged
            | Self::AccountExported
            | Self::AccountClosed
            | Self::AccountDeleted
            | Self::AdminAppointed
            | Self::AdminDismissed => DeedGroup::Access,
            Self::KeyCreated | Self::KeyRevoked => DeedGroup::Keys,
            Self::SecretCreated
            | Self::SecretChanged
            | Self::SecretDeleted
            | Self::SecretsReencrypted => DeedGroup::Secrets,
            Self::AgentCreated
            | Self::AgentPublished
            | Self::AgentActivated
            | Self::AgentPaused
            | Self::AgentArchived
            | Self::AgentDeleted
            | Self::AgentRestored
            | Self::AgentErased
            | Self::AgentShared
            | Self::AgentUnshared => DeedGroup::Agents,
            Self::SessionShared | Self::SessionUnshared => DeedGroup::Sessions,
            Self::ScheduleCreated
            | Self::ScheduleChanged
            | Self::ScheduleDeleted
            | Self::TriggerCreated
            | Self::TriggerDeleted
            | Self::WebhookCreated
            | Self::WebhookDeleted => DeedGroup::Automations,
            Self::BudgetChanged => DeedGroup::Budgets,
            Self::ListingSubmitted
            | Self::ListingWithdrawn
            | Self::ListingPublished
            | Self::ListingPaused
            | Self::ListingUnlisted
            | Self::ListingDeprecated
            | Self::ListingKeptUp
            | Self::ListingVersionDeleted
            | Self::SubmissionApproved
            | Self::ChangesRequested
            | Self::ReportDismissed
            | Self::ReportUpheld
            | Self::ReviewReportDismissed
            | Self::ReviewRemoved
            | Self::ReviewRestored
            | Self::PublisherVerified
            | Self::PublisherUnverified
            | Self::ListingBought
            | Self::PurchaseCancelled
            | Self::PurchaseRefunded => DeedGroup::Marketplace,
            Self::TeamCreated
            | Self::TeamChanged
            | Self::TeamDeleted
            | Self::TeamInvited
            | Self::TeamInvitationRevoked
            | Self::TeamJoined
            | Self::TeamLeft
            | Self::TeamMemberRemoved
            | Self::TeamRoleChanged => DeedGroup::Teams,
            Self::AlertCreated
            | Self::AlertChanged
            | Self::AlertDeleted
            | Self::AlertAcknowledged
            | Self::AlertSilenced
            | Self::AlertUnsilenced
            | Self::AlertResolved
            | Self::AlertTested => DeedGroup::Alerts,
        }
    }

    /// The deeds of a group, or all of them.
    pub fn of(group: Option<DeedGroup>) -> impl Iterator<Item = Self> {
        let all = Self::ALL.iter().copied();
        all.filter(move |deed| group.is_none_or(|group| deed.group() == group))
    }
}

impl AuditEntry {
    /// The entry as a line of comma-separated values (RFC 4180), in the order of [`CSV_HEAD`].
    #[must_use]
    pub fn to_csv(&self) -> String {
        let id = |id: Option<UserId>| id.map(|id| id.to_string()).unwrap_or_default();
        let subject = self.subject.as_ref();
        let values = [
            self.at.to_string(),
            self.deed.as_str().to_owned(),
            self.deed.title().to_owned(),
            id(self.account_id),
            self.account_name.clone().unwrap_or_default(),
            self.actor.kind.as_str().to_owned(),
            id(self.actor.id),
            self.actor.name.clone().unwrap_or_default(),
            self.actor.key_prefix.clone().unwrap_or_default(),
            subject.map(|subject| subject.kind.as_str().to_owned()).unwrap_or_default(),
            subject.and_then(|subject| Some(subject.id?.to_string())).unwrap_or_default(),
            subject.map(|subject| subject.name.clone()).unwrap_or_default(),
            self.address.clone().unwrap_or_default(),
            self.request_id.clone(),
        ];
        let mut line = String::new();
        for (at, value) in values.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            // A spreadsheet takes what begins like this for a formula.
            let mark = if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
            // Writing to a String cannot fail.
            let _ = if mark.is_empty() && !value.contains([',', '"', '\r', '\n']) {
                write!(line, "{comma}{value}")
            } else {
                write!(line, "{comma}\"{mark}{}\"", value.replace('"', "\"\""))
            };
        }
        line.push_str("\r\n");
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_survives_its_text() {
        for &deed in Deed::ALL {
            assert_eq!(Deed::parse(deed.as_str()), Some(deed));
            assert_eq!(serde_json::to_value(deed).unwrap(), deed.as_str());
        }
        for &kind in ActorKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for &kind in SubjectKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for &group in DeedGroup::ALL {
            assert_eq!(DeedGroup::parse(group.as_str()), Some(group));
            assert_eq!(serde_json::to_value(group).unwrap(), group.as_str());
            assert!(Deed::of(Some(group)).count() > 0, "{group:?}");
        }
        assert_eq!(Deed::of(None).count(), Deed::ALL.len());
    }

    #[test]
    fn a_filter_has_time_between_its_ends() {
        let at = |second| Timestamp::from_second(second).ok();
        for (since, until, is_fit) in [
            (None, None, true),
            (at(1), None, true),
            (None, at(1), true),
            (at(1), at(2), true),
            (at(2), at(2), false),
            (at(3), at(2), false),
        ] {
            let filter = AuditFilter { group: None, since, until };
            assert_eq!(filter.check().is_ok(), is_fit, "{filter:?}");
        }
    }

    #[test]
    fn a_form_tells_days() {
        let filter = AuditFilter::of_form("keys", "2026-01-31", " 2026-01-31 ").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().ok();
        assert_eq!(filter.group, Some(DeedGroup::Keys));
        assert_eq!(filter.since, at("2026-01-31T00:00:00Z"));
        assert_eq!(filter.until, at("2026-02-01T00:00:00Z"));
        assert_eq!(AuditFilter::of_form("", "", ""), Ok(AuditFilter::default()));
        for (group, since, until, field) in [
            ("all", "", "", "group"),
            ("", "yesterday", "", "since"),
            ("", "", "2026-02-30", "until"),
            ("", "2026-02-02", "2026-02-01", "until"),
        ] {
            let faults = AuditFilter::of_form(group, since, until).unwrap_err();
            let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(fields, [field]);
        }
    }

    #[test]
    fn a_line_keeps_its_columns_and_runs_nothing() {
        let entry = AuditEntry {
            id: AuditEntryId::from_uuid(Uuid::nil()),
            at: Timestamp::UNIX_EPOCH,
            deed: Deed::AgentCreated,
            account_id: Some(UserId::from_uuid(Uuid::nil())),
            account_name: Some("Ada".to_owned()),
            actor: AuditActor {
                kind: ActorKind::Key,
                id: None,
                name: None,
                key_prefix: Some("rk_live_abcd".to_owned()),
            },
            subject: Some(AuditSubject {
                kind: SubjectKind::Agent,
                id: None,
                name: "=SUM(\"a\", b)".to_owned(),
            }),
            address: Some("192.0.2.1".to_owned()),
            request_id: "request-1".to_owned(),
        };
        assert_eq!(
            entry.to_csv(),
            "1970-01-01T00:00:00Z,agent_created,made the agent,\
             00000000-0000-0000-0000-000000000000,Ada,key,,,rk_live_abcd,agent,,\
             \"'=SUM(\"\"a\"\", b)\",192.0.2.1,request-1\r\n"
        );
        let columns = CSV_HEAD.trim_end().split(',').count();
        let plain = AuditEntry { subject: None, ..entry };
        assert_eq!(plain.to_csv().trim_end().split(',').count(), columns);
    }
}

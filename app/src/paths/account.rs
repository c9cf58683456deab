//! What belongs to the viewer: their account, what they were told, bought and used, and their teams.

use resonant_domain::AgentId;

use super::{escape, with_query};

/// The viewer's account.
pub const ACCOUNT: &str = "/account";
/// For whoever has forgotten their password.
pub const FORGOT_PASSWORD: &str = "/forgot-password";
/// Another password, by the link that was opened last.
pub const RESET_PASSWORD: &str = "/reset-password";
/// Where the link in a letter leads; as the server's routes have it.
pub const PASSWORD_LINK: &str = "/reset-password/{token}";
/// Another address, by the link that was opened last.
pub const CONFIRM_EMAIL: &str = "/confirm-email";
/// Where the link in a letter leads; as the server's routes have it.
pub const EMAIL_LINK: &str = "/confirm-email/{token}";
/// What the viewer's agents used, and what they may use.
pub const USAGE: &str = "/account/usage";
/// The viewer's secrets.
pub const SECRETS: &str = "/account/secrets";
/// The viewer's password, sign-ins and data.
pub const SECURITY: &str = "/account/security";
/// What the viewer bought, and what their listings earned.
pub const PURCHASES: &str = "/account/purchases";
/// The publishers whom the viewer follows.
pub const FOLLOWING: &str = "/account/following";
/// All that is kept of the viewer, as a file.
pub const ACCOUNT_FILE: &str = "/account/export";
/// The viewer's API keys.
pub const KEYS: &str = "/account/keys";
/// What the viewer was told.
pub const NOTICES: &str = "/account/notices";
/// How many notices the viewer has not read, live.
pub const NOTICE_STREAM: &str = "/api/v1/notices/stream";
/// What was done to the viewer's account and things.
pub const AUDIT: &str = "/account/audit";
/// The same as a file.
pub const AUDIT_FILE: &str = "/account/audit/file";

/// An audit log, or its file, with what narrows it.
pub fn audit(path: &str, query: &[(&str, Option<&str>)]) -> String {
    with_query(path, query)
}

/// What the viewer's agents used, with the budget of one of them first.
pub fn usage_of(agent: AgentId) -> String {
    with_query(USAGE, &[("agent", Some(&agent.to_string()))])
}

/// What the viewer was told, from a cursor on.
pub fn notices_page(cursor: &str) -> String {
    with_query(NOTICES, &[("cursor", Some(cursor))])
}

/// What the viewer bought, from a cursor on.
pub fn purchases_page(cursor: &str) -> String {
    with_query(PURCHASES, &[("cursor", Some(cursor))])
}

/// What the viewer's listings earned, from a cursor on.
pub fn earnings_page(cursor: &str) -> String {
    format!("{}#earnings-title", with_query(PURCHASES, &[("earnings", Some(cursor))]))
}

/// The purchases of the viewer's listings, from a cursor on.
pub fn sales_page(cursor: &str) -> String {
    format!("{}#sales", with_query(PURCHASES, &[("sales", Some(cursor))]))
}

/// The publishers whom the viewer follows, from a cursor on.
pub fn following_page(cursor: &str) -> String {
    with_query(FOLLOWING, &[("cursor", Some(cursor))])
}

/// The viewer's teams.
pub const TEAMS: &str = "/account/teams";

/// What the viewer is invited to, from a cursor on, with their teams.
pub fn invitations_page(cursor: &str) -> String {
    with_query(TEAMS, &[("invitations", Some(cursor))])
}

/// An invitation to a team.
const JOIN: &str = "/teams/join";

/// One of the viewer's teams.
pub fn team(slug: &str) -> String {
    format!("/teams/{}", escape(slug))
}

/// The invitation of a link.
pub fn join_by_link(token: &str) -> String {
    with_query(JOIN, &[("token", Some(token))])
}

/// The invitation to a team that is for the viewer.
pub fn join_team(slug: &str) -> String {
    with_query(JOIN, &[("team", Some(slug))])
}

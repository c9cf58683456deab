//! Every address of Resonant as a function: no page writes one by hand.

use resonant_domain::agent::AgentStatus;
use resonant_domain::agent_list::{AgentQuery, AgentSort};
use resonant_domain::agent_version::Edition;
use resonant_domain::listing::Category;
use resonant_domain::{
    AgentId, AlertId, DocumentId, ImageId, SessionId, SubmissionId, TestRunId, TestSetId, WebhookId,
};

/// The landing page.
pub const HOME: &str = "/";
/// The marketplace, all listings.
pub const MARKETPLACE: &str = "/marketplace";
/// The viewer's agents.
pub const STUDIO: &str = "/studio";
/// The form for a new agent.
pub const NEW_AGENT: &str = "/studio/new";
/// The viewer's schedules, triggers and webhooks.
pub const AUTOMATIONS: &str = "/studio/automations";
/// The viewer's sessions.
pub const SESSIONS: &str = "/sessions";
/// The viewer's account.
pub const ACCOUNT: &str = "/account";
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
/// What was done to the viewer's account and things.
pub const AUDIT: &str = "/account/audit";
/// The same as a file.
pub const AUDIT_FILE: &str = "/account/audit/file";
/// What was done in the installation, for admins.
pub const ALL_AUDIT: &str = "/admin/audit";
/// The same as a file.
pub const ALL_AUDIT_FILE: &str = "/admin/audit/file";
/// The viewer's API keys.
pub const KEYS: &str = "/account/keys";
/// How the installation stands, for admins.
pub const ADMIN: &str = "/admin";
/// The service targets beside what was measured, for admins.
pub const SERVICE_LEVELS: &str = "/admin/service-levels";
/// The alerts, for admins.
pub const ALERTS: &str = "/admin/alerts";
/// The sign-in form.
pub const SIGN_IN: &str = "/sign-in";
/// The sign-up form.
pub const SIGN_UP: &str = "/sign-up";

/// What the viewer's agents used, with the budget of one of them first.
pub fn usage_of(agent: AgentId) -> String {
    with_query(USAGE, &[("agent", Some(&agent.to_string()))])
}

/// The messages of a webhook.
pub fn webhook(id: WebhookId) -> String {
    format!("{AUTOMATIONS}/webhooks/{id}")
}

/// The messages of a webhook, from a cursor on.
pub fn webhook_page(id: WebhookId, cursor: &str) -> String {
    with_query(&webhook(id), &[("cursor", Some(cursor))])
}

/// An audit log, or its file, with what narrows it.
pub fn audit(path: &str, query: &[(&str, Option<&str>)]) -> String {
    with_query(path, query)
}

/// One alert.
pub fn alert(id: AlertId) -> String {
    format!("{ALERTS}/{id}")
}

/// What happened to an alert, from a cursor on.
pub fn alert_events_page(id: AlertId, cursor: &str) -> String {
    format!("{}#alert-history", with_query(&alert(id), &[("events", Some(cursor))]))
}

/// The messages of an alert, from a cursor on.
pub fn alert_messages_page(id: AlertId, cursor: &str) -> String {
    format!("{}#alert-messages", with_query(&alert(id), &[("messages", Some(cursor))]))
}

/// A page of the administration over a period.
pub fn with_period(path: &str, period: &str) -> String {
    with_query(path, &[("period", Some(period))])
}

/// A listing of the marketplace.
pub fn listing(slug: &str) -> String {
    format!("{MARKETPLACE}/{}", escape(slug))
}

/// A shelf of the marketplace.
pub fn collection(slug: &str) -> String {
    format!("{MARKETPLACE}/collections/{}", escape(slug))
}

/// The marketplace's listings with one tag.
pub fn tag(tag: &str) -> String {
    with_query(MARKETPLACE, &[("tags", Some(tag))])
}

/// Somebody who publishes listings.
pub fn publisher(handle: &str) -> String {
    format!("/publishers/{}", escape(handle))
}

/// Somebody who publishes listings, with these from a cursor on.
pub fn publisher_page(handle: &str, cursor: &str) -> String {
    with_query(&publisher(handle), &[("cursor", Some(cursor))])
}

/// The shelves of the marketplace, for moderators.
pub const COLLECTIONS: &str = "/admin/collections";

/// One shelf as a moderator changes it.
pub fn edit_collection(slug: &str) -> String {
    with_query(COLLECTIONS, &[("edit", Some(slug))])
}

/// The shelves of the marketplace, for moderators, from a cursor on.
pub fn collections_page(cursor: &str) -> String {
    with_query(COLLECTIONS, &[("cursor", Some(cursor))])
}

/// What the viewer was told.
pub const NOTICES: &str = "/account/notices";

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
/// The agents that others share with the viewer.
pub const SHARED_AGENTS: &str = "/studio/shared";

/// What the viewer is invited to, from a cursor on, with their teams.
pub fn invitations_page(cursor: &str) -> String {
    with_query(TEAMS, &[("invitations", Some(cursor))])
}

/// The agents that others share with the viewer, from a cursor on.
pub fn shared_agents_page(cursor: &str) -> String {
    with_query(SHARED_AGENTS, &[("cursor", Some(cursor))])
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

/// What the viewer was told, from a cursor on.
pub fn notices_page(cursor: &str) -> String {
    with_query(NOTICES, &[("cursor", Some(cursor))])
}

/// The reviews of a listing, where the forms about them lead back to.
#[cfg(feature = "ssr")]
pub fn reviews(slug: &str) -> String {
    format!("{}#reviews", listing(slug))
}

/// The reviews of a listing, from a cursor on.
pub fn reviews_page(slug: &str, cursor: &str) -> String {
    format!("{}#reviews", with_query(&listing(slug), &[("reviews", Some(cursor))]))
}

/// A listing that the viewer has reported, where that form leads to.
#[cfg(feature = "ssr")]
pub fn reported(slug: &str) -> String {
    format!("{}?reported=yes#report", listing(slug))
}

/// What waits for a moderator.
pub const MODERATION: &str = "/admin/reviews";

/// What waits for a moderator, from a cursor on.
pub fn cases_page(cursor: &str) -> String {
    with_query(MODERATION, &[("cases", Some(cursor))])
}

/// What people report, from a cursor on.
pub fn reports_page(cursor: &str) -> String {
    format!("{}#reports-title", with_query(MODERATION, &[("reports", Some(cursor))]))
}

/// One submission as a moderator judges it.
pub fn case(id: SubmissionId) -> String {
    format!("{MODERATION}/{id}")
}

/// The newer version of the listing that an agent was copied from.
pub fn update(id: AgentId) -> String {
    format!("{}/update", agent(id))
}

/// The page that publishes an agent to the marketplace.
pub fn publish(id: AgentId) -> String {
    format!("{}/publish", agent(id))
}

/// What was handed in of an agent, from a cursor on.
pub fn submissions_page(id: AgentId, cursor: &str) -> String {
    format!("{}#history-title", with_query(&publish(id), &[("submissions", Some(cursor))]))
}

/// Where the form sends a picture that is added to what is handed in.
pub fn pictures(id: AgentId) -> String {
    format!("{}/pictures", agent(id))
}

/// One of the files of a picture: `webp`, `jpg` or `png`.
pub fn image(id: ImageId, width: u32, ending: &str) -> String {
    format!("/images/{id}/{width}.{ending}")
}

/// The listing that an agent would be, as its page will look.
pub fn preview(id: AgentId) -> String {
    format!("{}/preview", publish(id))
}

/// The marketplace's listings of one category.
pub fn category(category: Category) -> String {
    format!("{MARKETPLACE}?category={}", category.as_str())
}

/// The form for a new agent that starts as a copy of a template.
pub fn new_agent_from(slug: &str) -> String {
    format!("{NEW_AGENT}?template={}", escape(slug))
}

/// One of the viewer's agents.
pub fn agent(id: AgentId) -> String {
    format!("{STUDIO}/agents/{id}")
}

/// Two sessions side by side, to be chosen.
pub const COMPARE_SESSIONS: &str = "/sessions/compare";

/// A session beside another one that is chosen there.
pub fn compare_session(left: SessionId) -> String {
    format!("{COMPARE_SESSIONS}?left={left}")
}

/// A recorded session, event by event.
pub fn replay(id: SessionId) -> String {
    format!("{}/replay", session(id))
}

/// A recorded session after so many events.
pub fn replay_at(id: SessionId, at: usize) -> String {
    with_query(&replay(id), &[("at", Some(&at.to_string()))])
}

/// The page of a session with its log as it is written, event by event, in the place of its steps.
pub fn raw(page: &str) -> String {
    with_query(page, &[("view", Some("raw"))])
}

/// The page of a session with what a step was given.
pub fn step_input(page: &str, step: u32) -> String {
    let step = step.to_string();
    format!("{}#step-{step}", with_query(page, &[("input", Some(&step))]))
}

/// All that a tool answered in one of the viewer's sessions, as the router knows it.
pub const SESSION_RESULT: &str = "/sessions/{id}/results/{event}";
/// The same in a shared session.
pub const SHARED_RESULT: &str = "/shared/{token}/results/{event}";

/// All that a tool answered, by the page of the session and the number of the event.
pub fn result(page: &str, event: i64) -> String {
    format!("{page}/results/{event}")
}

/// A session as anyone reads it by a link.
pub fn shared(token: &str) -> String {
    format!("/shared/{}", escape(token))
}

/// The live events of a shared session after the given one.
pub fn shared_stream(token: &str, after: i64) -> String {
    format!("/api/v1/shared/{}/stream?after={after}", escape(token))
}

/// A session as a file: `md` or `json`.
pub fn session_file(id: SessionId, format: &str) -> String {
    format!("/api/v1/sessions/{id}/export?format={format}")
}

/// One of the viewer's sessions.
pub fn session(id: SessionId) -> String {
    format!("{SESSIONS}/{id}")
}

/// The sessions of one agent.
pub fn sessions_of(id: AgentId) -> String {
    format!("{SESSIONS}?agent={id}")
}

/// The form that sets an agent on a goal.
pub fn run_agent(id: AgentId) -> String {
    format!("{}#run", agent(id))
}

/// The form that sets an agent on the goal of an earlier session.
pub fn run_again(id: AgentId, session: SessionId) -> String {
    format!("{}?again={session}#run", agent(id))
}

/// The deleted agents of the viewer.
pub const TRASH: &str = "/studio/trash";

/// The deleted agents of the viewer, from a cursor on.
pub fn trash_page(cursor: &str) -> String {
    with_query(TRASH, &[("cursor", Some(cursor))])
}

/// A list of the viewer's agents, from the one of a rank on.
pub fn agents_list(query: &AgentQuery, from: usize) -> String {
    let sort = (query.sort != AgentSort::default()).then(|| query.sort.as_str());
    let from = (from > 0).then(|| from.to_string());
    with_query(
        STUDIO,
        &[
            ("status", query.status.map(AgentStatus::as_str)),
            ("text", query.text.as_deref()),
            ("sort", sort),
            ("from", from.as_deref()),
        ],
    )
}

/// How many notices the viewer has not read, live.
pub const NOTICE_STREAM: &str = "/api/v1/notices/stream";
/// The live changes of the viewer's agents, and of how many notices they have not read.
pub const AGENT_STREAM: &str = "/api/v1/agents/stream";

/// That something was measured, as Server-Sent Events.
pub const LEVEL_STREAM: &str = "/api/v1/service-levels/stream";
/// That alerts may have changed, as Server-Sent Events.
pub const ALERT_STREAM: &str = "/api/v1/alerts/stream";
/// The test sets of an agent.
pub fn bench(id: AgentId) -> String {
    format!("{}/bench", agent(id))
}

/// A test set and its newest run.
pub fn test_set(id: AgentId, set: TestSetId) -> String {
    with_query(&bench(id), &[("set", Some(&set.to_string()))])
}

/// A test set and its runs, from a cursor on.
pub fn test_runs_page(id: AgentId, set: TestSetId, cursor: &str) -> String {
    with_query(&bench(id), &[("set", Some(&set.to_string())), ("runs", Some(cursor))])
}

/// A run of a test set.
pub fn test_run(id: AgentId, set: TestSetId, run: TestRunId) -> String {
    let (set, run) = (set.to_string(), run.to_string());
    with_query(&bench(id), &[("set", Some(&set)), ("run", Some(&run))])
}

/// The form of a new test set.
pub fn new_test_set(id: AgentId) -> String {
    format!("{}/edit", bench(id))
}

/// The form of a test set.
pub fn edit_test_set(id: AgentId, set: TestSetId) -> String {
    with_query(&new_test_set(id), &[("set", Some(&set.to_string()))])
}

/// The tools of an agent.
pub fn tools(id: AgentId) -> String {
    format!("{}/tools", agent(id))
}

/// The form of a new tool of an agent's own.
pub fn new_tool(id: AgentId) -> String {
    format!("{}/edit", tools(id))
}

/// The form of one of an agent's own tools.
pub fn tool(id: AgentId, name: &str) -> String {
    with_query(&new_tool(id), &[("tool", Some(name))])
}

/// Where tools are read from a document or a server.
pub fn import_tools(id: AgentId) -> String {
    format!("{}/import", tools(id))
}

/// What an agent looks things up in, and what it remembers.
pub fn knowledge(id: AgentId) -> String {
    format!("{}/knowledge", agent(id))
}

/// A document of an agent, from its first passage on.
pub fn document(id: AgentId, document: DocumentId) -> String {
    format!("{}/{document}", knowledge(id))
}

/// A document of an agent, from the page on where a passage stands.
pub fn document_page(id: AgentId, of: DocumentId, from: u32) -> String {
    with_query(&document(id, of), &[("from", Some(&from.to_string()))])
}

/// What an agent did lately, in numbers.
pub fn numbers(id: AgentId) -> String {
    format!("{}/numbers", agent(id))
}

/// The published versions of an agent.
pub fn versions(id: AgentId) -> String {
    format!("{}/versions", agent(id))
}

/// The published versions of an agent, from a cursor on.
pub fn versions_page(id: AgentId, cursor: &str) -> String {
    with_query(&versions(id), &[("cursor", Some(cursor))])
}

/// Two editions of an agent side by side.
pub fn compare_versions(id: AgentId, before: Edition, after: Edition) -> String {
    let (before, after) = (before.to_string(), after.to_string());
    with_query(&versions(id), &[("before", Some(&before)), ("after", Some(&after))])
}

/// An agent's draft as a file.
pub fn agent_file(id: AgentId) -> String {
    format!("/api/v1/agents/{id}/export")
}

/// Where a file becomes a new agent.
pub const IMPORT: &str = "/studio/import";

/// Where a file becomes an agent's draft.
pub fn import_into(id: AgentId) -> String {
    with_query(IMPORT, &[("agent", Some(&id.to_string()))])
}

/// The viewer's sessions, of one agent alone if it is named, from a cursor on.
pub fn sessions_page(agent: Option<AgentId>, cursor: Option<&str>) -> String {
    let agent = agent.map(|agent| agent.to_string());
    with_query(SESSIONS, &[("agent", agent.as_deref()), ("cursor", cursor)])
}

/// The live events of a session after the given one.
pub fn session_stream(id: SessionId, after: i64) -> String {
    format!("/api/v1/sessions/{id}/stream?after={after}")
}

/// The sign-in form that leads back to `next`.
pub fn sign_in(next: &str) -> String {
    format!("{SIGN_IN}?next={}", escape(next))
}

/// The sign-up form that leads to `next` afterwards.
pub fn sign_up(next: &str) -> String {
    format!("{SIGN_UP}?next={}", escape(next))
}

/// A path with the site in front, as it is told to other sites.
pub fn absolute(path: &str) -> String {
    #[cfg(feature = "ssr")]
    let origin = crate::ssr::origin();
    #[cfg(not(feature = "ssr"))]
    let origin = crate::browser::origin();
    format!("{origin}{path}")
}

/// The path to go to after a sign-in: `next` when it is one of ours, `otherwise` when not.
///
/// An address with a host would lead people who trust our sign-in form to a stranger's page.
pub fn own<'a>(next: &'a str, otherwise: &'a str) -> &'a str {
    let is_own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.contains(|c: char| c.is_control() || !c.is_ascii());
    if is_own { next } else { otherwise }
}

/// A path with those parts of the query that have a value.
fn with_query(path: &str, query: &[(&str, Option<&str>)]) -> String {
    let pairs =
        query.iter().filter_map(|(name, value)| Some(format!("{name}={}", escape((*value)?))));
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn escape(text: &str) -> String {
    use std::fmt::Write as _;

    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_paths_are_followed() {
        for (next, ok) in [
            ("/studio", true),
            ("/sessions?agent=1&x=%20", true),
            ("", false),
            ("studio", false),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("https://evil.example", false),
            ("/a\r\nset-cookie: x", false),
            ("/\u{e9}", false),
        ] {
            assert_eq!(own(next, ACCOUNT), if ok { next } else { ACCOUNT }, "{next:?}");
        }
    }

    #[test]
    fn a_long_result_is_below_its_session() {
        let id: SessionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let own = SESSION_RESULT.replace("{id}", &id.to_string()).replace("{event}", "7");
        assert_eq!(result(&session(id), 7), own);
        let by_link = SHARED_RESULT.replace("{token}", "a-b").replace("{event}", "7");
        assert_eq!(result(&shared("a-b"), 7), by_link);
    }

    #[test]
    fn a_citation_leads_to_the_page_of_its_document() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let (agent, of): (AgentId, DocumentId) = (id.parse().unwrap(), id.parse().unwrap());
        let cited = resonant_domain::knowledge::passage_path(agent, of, 7);
        assert_eq!(cited, format!("{}?passage=7#passage-7", document(agent, of)));
    }

    #[test]
    fn a_query_value_is_escaped() {
        assert_eq!(sign_in("/a?b=c d"), "/sign-in?next=%2Fa%3Fb%3Dc%20d");
    }
}

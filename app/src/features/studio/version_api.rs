//! What the studio asks the server about versions.

use leptos::prelude::*;
use resonant_domain::agent::Agent;
use resonant_domain::agent_numbers::{Failure, VersionNumbers};
use resonant_domain::agent_version::{AgentVersion, Edition, VersionSummary};
use resonant_domain::ids::AgentId;
use resonant_domain::page::Page;
use resonant_domain::spec_diff::SpecDiff;
use resonant_domain::team::AgentStanding;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// A page of an agent's versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionsPage {
    /// The agent.
    pub agent_id: AgentId,
    /// Its name in the draft.
    pub agent_name: String,
    /// The draft's revision.
    pub revision: i64,
    /// Whether the draft is as the version that sessions run, so that nothing is lost with it.
    pub is_kept: bool,
    /// The version that sessions run.
    pub published: Option<u32>,
    /// The newest version, on whichever page it stands.
    pub newest: Option<u32>,
    /// The versions, the newest first.
    pub versions: Page<VersionSummary>,
    /// What the viewer may do with the agent, where it is another's.
    pub standing: Option<AgentStanding>,
}

/// Two editions side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The one before.
    pub before: Edition,
    /// The one after.
    pub after: Edition,
    /// What differs.
    pub diff: SpecDiff,
}

/// What an agent did lately, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumbersPage {
    /// The last of the days in UTC, such as `2026-11-25`.
    pub today: String,
    /// By version, the newest first; drafts before all.
    pub versions: Vec<VersionNumbers>,
    /// By day; days without a session are left out.
    pub days: Vec<DrawnDay>,
    /// The sessions that failed last.
    pub failures: Vec<Failure>,
    /// What the viewer may do with the agent, where it is another's.
    pub standing: Option<AgentStanding>,
    /// The models whose price nobody has told, of those that answer.
    pub presumed_prices: Vec<String>,
}

/// What happened on one day. The date is text: to reckon with it is the server's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnDay {
    /// The day in UTC, such as `2026-11-25`.
    pub date: String,
    /// How many days ago that is.
    pub ago: u64,
    /// Sessions that were started and reached an answer.
    pub completed: u64,
    /// Sessions that were started and failed or ran out of time.
    pub failed: u64,
    /// Sessions that were started and are not over or were cancelled.
    pub other: u64,
}

/// A page of an agent's versions.
#[server(prefix = "/api/fn", endpoint = "studio/list_versions")]
pub async fn list_versions(id: AgentId, cursor: Option<String>) -> Result<VersionsPage, AppError> {
    use resonant_backend::agents;
    use resonant_domain::page::PageRequest;

    let ctx = ssr::ctx()?;
    let agent = agents::get(&ctx, id).await.map_err(ssr::fail)?;
    let published = agents::published(&ctx, id).await.map_err(ssr::fail)?;
    let is_first = cursor.is_none();
    let page = PageRequest { cursor, limit: None };
    let versions = agents::versions(&ctx, id, page).await.map_err(ssr::fail)?;
    let newest = if is_first {
        versions.items.first().map(|summary| summary.version)
    } else {
        newest(&ctx, id).await?
    };
    let standing = super::api::standing(&ctx, &agent).await?;
    Ok(VersionsPage {
        agent_id: id,
        is_kept: published.as_ref().is_some_and(|version| version.spec == agent.spec),
        agent_name: agent.spec.name,
        revision: agent.revision,
        published: published.map(|version| version.version),
        newest,
        versions,
        standing,
    })
}

/// The newest version of an agent; `None` where none is published.
#[cfg(feature = "ssr")]
pub(super) async fn newest(
    ctx: &resonant_backend::Ctx,
    id: AgentId,
) -> Result<Option<u32>, AppError> {
    use resonant_domain::page::PageRequest;

    let page = PageRequest { cursor: None, limit: Some(1) };
    let first = resonant_backend::agents::versions(ctx, id, page).await.map_err(ssr::fail)?;
    Ok(first.items.first().map(|summary| summary.version))
}

/// What an agent did lately.
#[server(prefix = "/api/fn", endpoint = "studio/get_numbers")]
pub async fn get_numbers(id: AgentId) -> Result<NumbersPage, AppError> {
    use resonant_domain::agent_numbers::AgentNumbers;

    let ctx = ssr::ctx()?;
    let agent = resonant_backend::agents::get(&ctx, id).await.map_err(ssr::fail)?;
    let standing = super::api::standing(&ctx, &agent).await?;
    let AgentNumbers { today, versions, days, failures } =
        resonant_backend::agents::numbers(&ctx, id).await.map_err(ssr::fail)?;
    let days = days.into_iter().map(|day| DrawnDay::new(day, today)).collect();
    let today = today.to_string();
    let policy = Some(&agent.spec.model_policy);
    let presumed_prices = resonant_backend::usage::presumed_prices(&ctx, policy);
    Ok(NumbersPage { today, versions, days, failures, standing, presumed_prices })
}

#[cfg(feature = "ssr")]
impl DrawnDay {
    fn new(day: resonant_domain::agent_numbers::DayNumbers, today: jiff::civil::Date) -> Self {
        let ago = day.day.duration_until(today).as_hours() / 24;
        Self {
            date: day.day.to_string(),
            ago: u64::try_from(ago).unwrap_or(0),
            completed: day.completed,
            failed: day.failed,
            other: day.other,
        }
    }
}

/// What differs between two editions of an agent.
#[server(prefix = "/api/fn", endpoint = "studio/compare_editions")]
pub async fn compare_editions(
    id: AgentId,
    before: Edition,
    after: Edition,
) -> Result<Comparison, AppError> {
    let diff = resonant_backend::agents::compare(&ssr::ctx()?, id, before, after)
        .await
        .map_err(ssr::fail)?;
    Ok(Comparison { before, after, diff })
}

/// Publishes the draft as the next version. Where it runs already, with these notes, an earlier try has
/// published it, whose answer was lost.
#[server(prefix = "/api/fn", endpoint = "studio/publish_version")]
pub async fn publish_version(
    id: AgentId,
    revision: i64,
    #[server(default)] notes: String,
) -> Result<AgentVersion, AppError> {
    use resonant_backend::{Error, agents};
    use resonant_domain::agent_version::NewVersion;

    let ctx = ssr::ctx()?;
    // A form sends line ends as CR LF (WHATWG HTML 4.10.21.8); texts keep LF alone.
    let notes = notes.replace("\r\n", "\n");
    let new = NewVersion { notes: notes.clone() };
    let version = agents::publish(&ctx, id, new, Some(revision)).await;
    if matches!(version, Err(Error::Conflict(_))) {
        let runs = agents::published(&ctx, id).await.map_err(ssr::fail)?;
        let draft = agents::get(&ctx, id).await.map_err(ssr::fail)?;
        let is_wanted = |runs: &AgentVersion| runs.spec == draft.spec && runs.notes == notes.trim();
        if let Some(runs) = runs.filter(is_wanted) {
            return Ok(runs);
        }
    }
    version.map_err(ssr::fail)
}

/// Makes the draft what a version was, and goes to the editor. Where it is that already, an earlier try has
/// made it so, whose answer was lost.
#[server(prefix = "/api/fn", endpoint = "studio/restore_version")]
pub async fn restore_version(id: AgentId, version: u32, revision: i64) -> Result<Agent, AppError> {
    use resonant_backend::{Error, agents};

    let ctx = ssr::ctx()?;
    let restored = agents::restore_version(&ctx, id, version, Some(revision)).await;
    let agent = if matches!(restored, Err(Error::Changed(_))) {
        let now = agents::get(&ctx, id).await.map_err(ssr::fail)?;
        let wanted = agents::get_version(&ctx, id, version).await.map_err(ssr::fail)?;
        if wanted.spec == now.spec { Ok(now) } else { restored }
    } else {
        restored
    };
    let agent = agent.map_err(ssr::fail)?;
    ssr::redirect(&paths::agent(id));
    Ok(agent)
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use jiff::civil::date;
    use resonant_domain::agent_numbers::DayNumbers;

    use super::*;

    #[test]
    fn days_are_counted_from_today() {
        let ago = |day| {
            let day = DayNumbers { day, completed: 1, failed: 0, other: 0 };
            DrawnDay::new(day, date(2026, 11, 25)).ago
        };
        assert_eq!(ago(date(2026, 11, 25)), 0);
        assert_eq!(ago(date(2026, 11, 5)), 20);
        assert_eq!(ago(date(2026, 10, 27)), 29);
    }
}

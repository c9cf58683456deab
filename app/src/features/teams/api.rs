//! What the pages of teams ask the server.

use leptos::prelude::*;
use resonant_domain::page::Page;
#[cfg(feature = "ssr")]
use resonant_domain::page::PageRequest;
use resonant_domain::team::{
    InvitationOffer, MadeInvitation, SharedAgent, Team, TeamInvitation, TeamMember, TeamRole,
};
use resonant_domain::{AgentId, TeamInvitationId, UserId};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// The viewer's teams, and those that they are invited to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TeamsPage {
    /// By name.
    pub teams: Vec<Team>,
    /// The newest first.
    pub offers: Page<InvitationOffer>,
}

/// A team with its people, and what is shared with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TeamPage {
    /// The team.
    pub team: Team,
    /// Who looks.
    pub me: Option<UserId>,
    /// In the order in which they came.
    pub members: Vec<TeamMember>,
    /// Those that nobody has taken yet; none for who may not manage people.
    pub invitations: Vec<TeamInvitation>,
    /// The one that was shared last first.
    pub agents: Vec<SharedAgent>,
    /// The token of a link that a form without JavaScript has just made.
    pub made: Option<String>,
}

/// One of the viewer's teams, and whether it has an agent of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareChoice {
    /// The team's place in URLs.
    pub slug: String,
    /// The team's name.
    pub name: String,
    /// Whether it has the agent.
    pub is_shared: bool,
}

/// The viewer's teams, and what they are invited to, from a cursor on.
#[server(prefix = "/api/fn", endpoint = "teams/list_teams")]
pub async fn list_teams(
    #[server(default)] invitations: Option<String>,
) -> Result<TeamsPage, AppError> {
    use resonant_backend::teams;

    let ctx = ssr::ctx()?;
    let all = teams::list(&ctx, PageRequest::largest()).await.map_err(ssr::fail)?.items;
    let page = PageRequest { cursor: invitations, limit: None };
    let offers = teams::offers(&ctx, page).await.map_err(ssr::fail)?;
    Ok(TeamsPage { teams: all, offers })
}

/// Makes a team and goes to its page.
#[server(prefix = "/api/fn", endpoint = "teams/create_team")]
pub async fn create_team(name: String, slug: String) -> Result<(), AppError> {
    use resonant_domain::team::NewTeam;

    let new = NewTeam { name, slug };
    let team = resonant_backend::teams::create(&ssr::ctx()?, new).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::team(&team.slug));
    Ok(())
}

/// One of the viewer's teams.
#[server(prefix = "/api/fn", endpoint = "teams/get_team")]
pub async fn get_team(slug: String) -> Result<TeamPage, AppError> {
    use resonant_backend::{Actor, teams};

    let ctx = ssr::ctx()?;
    let team = teams::get(&ctx, &slug).await.map_err(ssr::fail)?;
    let all = PageRequest::largest;
    let members = teams::members(&ctx, &slug, all()).await.map_err(ssr::fail)?.items;
    let invitations = if team.role.may_manage() {
        teams::invitations(&ctx, &slug, all()).await.map_err(ssr::fail)?.items
    } else {
        Vec::new()
    };
    let agents = teams::agents(&ctx, &slug, all()).await.map_err(ssr::fail)?.items;
    let me = match ctx.actor() {
        Actor::User { id, .. } => Some(id),
        _ => None,
    };
    let made = ssr::take_note(&paths::team(&slug));
    Ok(TeamPage { team, me, members, invitations, agents, made })
}

/// Gives a team another name.
#[server(prefix = "/api/fn", endpoint = "teams/rename_team")]
pub async fn rename_team(slug: String, name: String) -> Result<(), AppError> {
    resonant_backend::teams::rename(&ssr::ctx()?, &slug, name).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::team(&slug));
    Ok(())
}

/// Deletes a team.
#[server(prefix = "/api/fn", endpoint = "teams/delete_team")]
pub async fn delete_team(slug: String) -> Result<(), AppError> {
    resonant_backend::teams::delete(&ssr::ctx()?, &slug).await.map_err(ssr::fail)?;
    ssr::redirect(paths::TEAMS);
    Ok(())
}

/// Invites an account by its address, or makes a link.
#[server(prefix = "/api/fn", endpoint = "teams/invite")]
pub async fn invite(
    slug: String,
    role: TeamRole,
    #[server(default)] email: String,
) -> Result<MadeInvitation, AppError> {
    use resonant_domain::team::NewInvitation;

    let new = NewInvitation { role, email: Some(email) };
    let made = resonant_backend::teams::invite(&ssr::ctx()?, &slug, new).await;
    let made = made.map_err(ssr::fail)?;
    let path = paths::team(&slug);
    if let Some(token) = &made.token {
        ssr::leave_note(&path, token);
    }
    ssr::redirect_form(&path);
    Ok(made)
}

/// Takes an invitation back.
#[server(prefix = "/api/fn", endpoint = "teams/revoke_invitation")]
pub async fn revoke_invitation(slug: String, id: TeamInvitationId) -> Result<(), AppError> {
    resonant_backend::teams::revoke(&ssr::ctx()?, &slug, id).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::team(&slug));
    Ok(())
}

/// Gives somebody another role.
#[server(prefix = "/api/fn", endpoint = "teams/set_role")]
pub async fn set_role(slug: String, user: UserId, role: TeamRole) -> Result<(), AppError> {
    let ctx = ssr::ctx()?;
    resonant_backend::teams::set_role(&ctx, &slug, user, role).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::team(&slug));
    Ok(())
}

/// Takes somebody out of a team.
#[server(prefix = "/api/fn", endpoint = "teams/remove_member")]
pub async fn remove_member(slug: String, user: UserId) -> Result<(), AppError> {
    resonant_backend::teams::remove(&ssr::ctx()?, &slug, user).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::team(&slug));
    Ok(())
}

/// Leaves a team.
#[server(prefix = "/api/fn", endpoint = "teams/leave_team")]
pub async fn leave_team(slug: String, user: UserId) -> Result<(), AppError> {
    resonant_backend::teams::remove(&ssr::ctx()?, &slug, user).await.map_err(ssr::fail)?;
    ssr::redirect(paths::TEAMS);
    Ok(())
}

/// What an invitation offers: that of a link's token, or the one to a team that is for the viewer. `None`
/// for who is in that team by now, and is led there.
#[server(prefix = "/api/fn", endpoint = "teams/get_offer")]
pub async fn get_offer(
    #[server(default)] token: String,
    #[server(default)] team: String,
) -> Result<Option<InvitationOffer>, AppError> {
    use resonant_backend::teams;
    use resonant_domain::FaultKind;

    let ctx = ssr::ctx()?;
    let error = match teams::offer(&ctx, invited(&token, &team)).await {
        Ok(offer) => return Ok(Some(offer)),
        Err(error) => error,
    };
    // The notice of an invitation stays when it was taken.
    let is_for_viewer = token.is_empty() && error.kind() == FaultKind::NotFound;
    if is_for_viewer && teams::get(&ctx, &team).await.is_ok() {
        ssr::redirect(&paths::team(&team));
        return Ok(None);
    }
    Err(ssr::fail(error))
}

/// Takes an invitation and goes to the team.
#[server(prefix = "/api/fn", endpoint = "teams/accept_invitation")]
pub async fn accept_invitation(
    #[server(default)] token: String,
    #[server(default)] team: String,
) -> Result<(), AppError> {
    let which = invited(&token, &team);
    let team = resonant_backend::teams::accept(&ssr::ctx()?, which).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::team(&team.slug));
    Ok(())
}

/// Says no to an invitation.
#[server(prefix = "/api/fn", endpoint = "teams/decline_invitation")]
pub async fn decline_invitation(team: String) -> Result<(), AppError> {
    resonant_backend::teams::decline(&ssr::ctx()?, &team).await.map_err(ssr::fail)?;
    ssr::redirect(paths::TEAMS);
    Ok(())
}

#[cfg(feature = "ssr")]
fn invited<'a>(token: &'a str, team: &'a str) -> resonant_backend::teams::Invited<'a> {
    use resonant_backend::teams::Invited;

    if token.is_empty() { Invited::To(team) } else { Invited::ByLink(token) }
}

/// The agents that others share with the viewer, the newest first, from a cursor on.
#[server(prefix = "/api/fn", endpoint = "teams/list_shared")]
pub async fn list_shared(
    #[server(default)] cursor: Option<String>,
) -> Result<Page<SharedAgent>, AppError> {
    let page = PageRequest { cursor, limit: None };
    resonant_backend::teams::shared_with_me(&ssr::ctx()?, page).await.map_err(ssr::fail)
}

/// The viewer's teams, and which of them have an agent of theirs.
#[server(prefix = "/api/fn", endpoint = "teams/list_share_choices")]
pub async fn list_share_choices(agent: AgentId) -> Result<Vec<ShareChoice>, AppError> {
    let teams = resonant_backend::teams::teams_of(&ssr::ctx()?, agent).await.map_err(ssr::fail)?;
    let choices = teams.into_iter().map(|choice| ShareChoice {
        slug: choice.team.slug,
        name: choice.team.name,
        is_shared: choice.is_shared,
    });
    Ok(choices.collect())
}

/// Shares one of the viewer's agents with a team.
#[server(prefix = "/api/fn", endpoint = "teams/share_agent")]
pub async fn share_agent(team: String, agent: AgentId) -> Result<(), AppError> {
    resonant_backend::teams::share(&ssr::ctx()?, &team, agent).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::agent(agent));
    Ok(())
}

/// Shares an agent with a team no more. From the team's page, where it says so, back there.
#[server(prefix = "/api/fn", endpoint = "teams/unshare_agent")]
pub async fn unshare_agent(
    team: String,
    agent: AgentId,
    #[server(default)] back_to_team: bool,
) -> Result<(), AppError> {
    resonant_backend::teams::unshare(&ssr::ctx()?, &team, agent).await.map_err(ssr::fail)?;
    let back = if back_to_team { paths::team(&team) } else { paths::agent(agent) };
    ssr::redirect_form(&back);
    Ok(())
}

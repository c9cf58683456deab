//! `/teams/{slug}`: a team, its people, and the agents that are shared with it.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_params_map;
use resonant_domain::team::{NAME_MAX, SharedAgent, Team, TeamRole};
use resonant_domain::{FaultKind, UserId};

use super::api::{
    DeleteTeam, Invite, LeaveTeam, RemoveMember, RenameTeam, RevokeInvitation, SetRole, TeamPage,
    UnshareAgent, get_team,
};
use super::invitations_part::invitations_part;
use super::members_part::{ChosenRoles, members_part};
use crate::error::{AppError, action_error, field_error, successes};
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::state::use_toasts;
use crate::ui::{
    Avatar, AvatarSize, Badge, Button, ButtonKind, Field, FormError, PageHead, Skeleton, Time,
    Tone, cannot_be_shown, kept, not_signed_in_page,
};

/// What can be done on the page.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    pub(super) rename: ServerAction<RenameTeam>,
    pub(super) delete: ServerAction<DeleteTeam>,
    pub(super) leave: ServerAction<LeaveTeam>,
    pub(super) invite: ServerAction<Invite>,
    pub(super) revoke: ServerAction<RevokeInvitation>,
    pub(super) set_role: ServerAction<SetRole>,
    pub(super) remove: ServerAction<RemoveMember>,
    pub(super) unshare: ServerAction<UnshareAgent>,
    pub(super) chosen: ChosenRoles,
}

/// The page of one team.
pub struct TeamRoute {
    page: Resource<Result<TeamPage, AppError>>,
    actions: Actions,
}

impl LazyPage for TeamRoute {
    fn data() -> Self {
        let params = use_params_map();
        let slug = Memo::new(move |_| params.read().get("slug").unwrap_or_default());
        let actions = Actions {
            rename: ServerAction::new(),
            delete: ServerAction::new(),
            leave: ServerAction::new(),
            invite: ServerAction::new(),
            revoke: ServerAction::new(),
            set_role: ServerAction::new(),
            remove: ServerAction::new(),
            unshare: ServerAction::new(),
            chosen: ChosenRoles::new(),
        };
        let changes = [
            successes(actions.rename),
            successes(actions.invite),
            successes(actions.revoke),
            successes(actions.set_role),
            successes(actions.remove),
            successes(actions.unshare),
        ];
        let page = Resource::new_blocking(
            move || (slug.get(), changes.map(|change| change.get())),
            |(slug, _)| get_team(slug),
        );
        Self { page, actions }
    }

    fn view(this: Self) -> AnyView {
        let TeamRoute { page, actions } = this;
        let (toasts, given) = (use_toasts(), actions.set_role.value());
        Effect::new(move |seen: Option<()>| {
            if given.with(|given| matches!(given, Some(Ok(())))) && seen.is_some() {
                toasts.show(Tone::Good, tr("Saved"));
            }
        });
        view! {
            <Meta name="description" content=tr("A team: its people and the agents that they share") />
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {kept(move || async move {
                    match page.await {
                        Ok(page) => shown(page, actions),
                        Err(error) if error.kind == FaultKind::Unauthenticated => nobody(),
                        Err(error) => cannot_be_shown(tr("This team cannot be shown"), error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn nobody() -> AnyView {
    view! {
        <Title text=tr("Team") />
        {not_signed_in_page(
            tr("Team"),
            tr("A team shows itself to its people alone."),
            paths::TEAMS,
        )}
    }
    .into_any()
}

fn shown(page: TeamPage, actions: Actions) -> AnyView {
    let TeamPage { team, me, members, invitations, agents, made } = page;
    let role = team.role;
    let lead = tr_with(
        "You are {role} here: somebody who {about}.",
        &[("role", &tr(with_article(role))), ("about", &tr(role.about()))],
    );
    let people = members_part(&team, me, members, actions);
    let invited = role.may_manage().then(|| invitations_part(&team, invitations, made, actions));
    view! {
        <Title text=team.name.clone() />
        <div class="account">
            <p class="team__back">
                <a href=paths::TEAMS>{tr("Teams")}</a>
            </p>
            <PageHead title=team.name.clone() lead=lead />
            {people}
            {invited}
            {agents_part(&team, me, agents, actions)}
            {end_part(team, me, actions)}
        </div>
    }
    .into_any()
}

/// The role with its article.
const fn with_article(role: TeamRole) -> &'static str {
    match role {
        TeamRole::Viewer => key("a viewer"),
        TeamRole::Runner => key("a runner"),
        TeamRole::Editor => key("an editor"),
        TeamRole::Admin => key("an admin"),
        TeamRole::Owner => key("the owner"),
    }
}

fn agents_part(
    team: &Team,
    me: Option<UserId>,
    agents: Vec<SharedAgent>,
    actions: Actions,
) -> AnyView {
    let unshare = actions.unshare;
    let (slug, may_manage) = (team.slug.clone(), team.role.may_manage());
    let row = move |agent: SharedAgent| {
        let may_end = may_manage || me == Some(agent.owner_id);
        let (slug, id) = (slug.clone(), agent.id.to_string());
        let label = tr_with("Stop sharing {name}", &[("name", &agent.name)]);
        let end = may_end.then(|| {
            view! {
                <ActionForm action=unshare>
                    <input type="hidden" name="team" value=slug />
                    <input type="hidden" name="agent" value=id />
                    <input type="hidden" name="back_to_team" value="true" />
                    <Button busy=unshare.pending() label=label>
                        {tr("Stop sharing")}
                    </Button>
                </ActionForm>
            }
        });
        view! {
            <li class="keys__row">
                <div class="team__agent">
                    <Avatar avatar=agent.avatar size=AvatarSize::Small />
                    <div>
                        <h3 class="keys__name">
                            <a href=paths::agent(agent.id)>{agent.name}</a>
                        </h3>
                        <p class="keys__about">
                            <span>{tr("Owned by ")} {agent.owner_name}</span>
                            <span>{tr("Shared ")} <Time at=agent.shared_at /></span>
                        </p>
                    </div>
                </div>
                {end}
            </li>
        }
    };
    let list = if agents.is_empty() {
        view! {
            <p class="account__warning">
                {tr("None yet. Whoever owns an agent shares it from the agent's own page.")}
            </p>
        }
        .into_any()
    } else {
        view! { <ul class="keys">{agents.into_iter().map(row).collect_view()}</ul> }.into_any()
    };
    view! {
        <section class="account__part" aria-labelledby="team-agents">
            <h2 id="team-agents">{tr("Shared agents")}</h2>
            <FormError error=action_error(unshare) />
            {list}
        </section>
    }
    .into_any()
}

/// Another name, and the ways out.
fn end_part(team: Team, me: Option<UserId>, actions: Actions) -> AnyView {
    let Actions { rename, delete, leave, .. } = actions;
    let Team { slug, name, role, .. } = team;
    let renamed = role.may_manage().then(|| {
        let error = action_error(rename);
        let (slug, name) = (slug.clone(), name.clone());
        view! {
            <section class="account__part" aria-labelledby="team-name">
                <h2 id="team-name">{tr("Name")}</h2>
                <ActionForm action=rename>
                    <div class="form">
                        <input type="hidden" name="slug" value=slug />
                        <FormError error fields=&["name"] />
                        <Field
                            label=tr("Name of the team")
                            name="name"
                            value=name
                            required=true
                            maxlength=NAME_MAX
                            autocomplete="off"
                            error=field_error(error, "name")
                        />
                        <Button busy=rename.pending()>{tr("Save the name")}</Button>
                    </div>
                </ActionForm>
            </section>
        }
    });
    let end = if role == TeamRole::Owner {
        view! {
            <section class="account__part" aria-labelledby="team-end">
                <h2 id="team-end">{tr("Delete the team")}</h2>
                <p>
                    {tr("Its people lose sight of the shared agents at once. The agents and their sessions stay \
                    with their owners.")}
                </p>
                <FormError error=action_error(delete) />
                <details>
                    <summary>{tr_with("Delete “{name}”", &[("name", &name)])}</summary>
                    <ActionForm action=delete>
                        <input type="hidden" name="slug" value=slug />
                        <Button kind=ButtonKind::Danger busy=delete.pending()>
                            {tr("Delete it for good")}
                        </Button>
                    </ActionForm>
                </details>
            </section>
        }
        .into_any()
    } else {
        let me = me.map(|me| me.to_string()).unwrap_or_default();
        view! {
            <section class="account__part" aria-labelledby="team-end">
                <h2 id="team-end">{tr("Leave the team")}</h2>
                <p>{tr("What you share with it is shared no more, and you lose sight of its agents.")}</p>
                <FormError error=action_error(leave) />
                <ActionForm action=leave>
                    <input type="hidden" name="slug" value=slug />
                    <input type="hidden" name="user" value=me />
                    <Button kind=ButtonKind::Danger busy=leave.pending()>
                        {tr_with("Leave “{name}”", &[("name", &name)])}
                    </Button>
                </ActionForm>
            </section>
        }
        .into_any()
    };
    view! {
        {renamed}
        {end}
    }
    .into_any()
}

/// A mark for the role of somebody.
pub(super) fn role_badge(role: TeamRole) -> AnyView {
    view! { <Badge>{tr(role.title())}</Badge> }.into_any()
}

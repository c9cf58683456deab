//! `/account/teams`: the viewer's teams.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::FaultKind;
use resonant_domain::member::UserKind;
use resonant_domain::page::Page;
use resonant_domain::team::{InvitationOffer, NAME_MAX, SLUG_MAX, SLUG_MIN, Team};

use super::api::{CreateTeam, TeamsPage, list_teams};
use super::team_route::role_badge;
use crate::error::{AppError, action_error, field_error};
use crate::language::{tr, tr_count, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_viewer;
use crate::ui::{
    Button, ButtonKind, ErrorPanel, Field, FormError, LinkButton, PageHead, PageLinks, Skeleton,
    kept, not_signed_in,
};

/// The page of the viewer's teams.
pub struct TeamsRoute {
    /// Whether it is a later page of the invitations, and what the server answered.
    page: Resource<(bool, Result<TeamsPage, AppError>)>,
    create: ServerAction<CreateTeam>,
}

impl LazyPage for TeamsRoute {
    fn data() -> Self {
        let query = use_query_map();
        let cursor = Memo::new(move |_| query.read().get("invitations"));
        let page = Resource::new_blocking(
            move || cursor.get(),
            |cursor| async move { (cursor.is_some(), list_teams(cursor).await) },
        );
        Self { page, create: ServerAction::new() }
    }

    fn view(this: Self) -> AnyView {
        let TeamsRoute { page, create } = this;
        let viewer = use_viewer();
        view! {
            <Title text=tr("Teams") />
            <Meta name="description" content=tr("People with whom you share agents on Resonant") />
            <div class="account">
                <PageHead
                    title=tr("Teams")
                    lead=tr("People who use agents together. Each has a role that says what they may do.")
                />
                <Transition fallback=|| {
                    view! { <Skeleton lines=8 /> }
                }>
                    {kept(move || async move {
                        let (is_later, page) = page.await;
                        match page {
                            Ok(page) => {
                                let viewer = viewer.load().await;
                                let kind = viewer.map(|viewer| viewer.kind);
                                teams(page, is_later, create, kind == Some(UserKind::Member))
                            }
                            Err(error) if error.kind == FaultKind::Unauthenticated => {
                                not_signed_in(
                                    tr("People of a team know each other by name: sign in to see yours."),
                                    paths::TEAMS,
                                )
                            }
                            Err(error) => view! { <ErrorPanel error /> }.into_any(),
                        }
                    })}
                </Transition>
            </div>
        }
        .into_any()
    }
}

fn teams(
    page: TeamsPage,
    is_later: bool,
    create: ServerAction<CreateTeam>,
    is_member: bool,
) -> AnyView {
    let form = if is_member { create_form(create) } else { account_first() };
    let Page { items: offers, next_cursor } = page.offers;
    let offers = (is_later || !offers.is_empty()).then(|| {
        view! {
            <section class="account__part" aria-labelledby="teams-offers">
                <h2 id="teams-offers">{tr("You are invited")}</h2>
                <ul class="keys">{offers.into_iter().map(offer).collect_view()}</ul>
                <PageLinks
                    next=next_cursor.as_deref().map(paths::invitations_page)
                    more=tr("More invitations")
                    first=is_later.then(|| paths::TEAMS.to_owned())
                    back=tr("Back to the newest")
                />
            </section>
        }
    });
    let own = if page.teams.is_empty() {
        view! { <p class="account__warning">{tr("None yet. Make one below.")}</p> }.into_any()
    } else {
        view! { <ul class="keys">{page.teams.into_iter().map(row).collect_view()}</ul> }.into_any()
    };
    view! {
        {offers}
        <section class="account__part" aria-labelledby="teams-own">
            <h2 id="teams-own">{tr("Your teams")}</h2>
            {own}
            <p>
                <a href=paths::SHARED_AGENTS>{tr("Agents that are shared with you")}</a>
            </p>
        </section>
        {form}
    }
    .into_any()
}

fn offer(offer: InvitationOffer) -> AnyView {
    let role = tr(offer.role.as_str());
    let by = offer
        .invited_by
        .map(|name| tr_with("{name} invites you as {role}", &[("name", &name), ("role", &role)]));
    view! {
        <li class="keys__row">
            <div>
                <h3 class="keys__name">{offer.team_name}</h3>
                <p class="keys__about">{by}</p>
            </div>
            <LinkButton href=paths::join_team(&offer.team_slug)>{tr("Look at the invitation")}</LinkButton>
        </li>
    }
    .into_any()
}

fn row(team: Team) -> AnyView {
    let people = tr_count("{n} person", "{n} people", team.members.into());
    let agents = tr_count("{n} shared agent", "{n} shared agents", team.agents.into());
    view! {
        <li class="keys__row">
            <div>
                <h3 class="keys__name">
                    <a href=paths::team(&team.slug)>{team.name}</a>
                    " "
                    {role_badge(team.role)}
                </h3>
                <p class="keys__about">
                    <span>{people}</span>
                    <span>{agents}</span>
                </p>
            </div>
        </li>
    }
    .into_any()
}

/// What a guest does before they make a team.
fn account_first() -> AnyView {
    let href = paths::sign_up(paths::TEAMS);
    view! {
        <section class="account__part" aria-labelledby="teams-make">
            <h2 id="teams-make">{tr("Make a team")}</h2>
            <p>{tr("People of a team know each other by name: create an account first.")}</p>
            <LinkButton href=href kind=ButtonKind::Primary>
                {tr("Create an account")}
            </LinkButton>
        </section>
    }
    .into_any()
}

fn create_form(create: ServerAction<CreateTeam>) -> AnyView {
    let error = action_error(create);
    let form = refused_form();
    view! {
        <section class="account__part" aria-labelledby="teams-make">
            <h2 id="teams-make">{tr("Make a team")}</h2>
            <ActionForm action=create>
                <div class="form">
                    <FormError error fields=&["name", "slug"] />
                    <Field
                        label=tr("Name")
                        name="name"
                        value=form.text("name").unwrap_or_default()
                        required=true
                        maxlength=NAME_MAX
                        autocomplete="off"
                        error=field_error(error, "name")
                    />
                    <Field
                        label=tr("Address")
                        name="slug"
                        value=form.text("slug").unwrap_or_default()
                        required=true
                        minlength=SLUG_MIN
                        maxlength=SLUG_MAX
                        autocomplete="off"
                        hint=tr("Small letters, digits and hyphens. It stays when the name changes")
                        error=field_error(error, "slug")
                    />
                    <Button kind=ButtonKind::Primary busy=create.pending()>
                        {tr("Make the team")}
                    </Button>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

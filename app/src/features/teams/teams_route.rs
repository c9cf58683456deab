//! `/account/teams`: the viewer's teams.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::FaultKind;
use resonant_domain::member::UserKind;
use resonant_domain::team::{InvitationOffer, NAME_MAX, SLUG_MAX, SLUG_MIN, Team};

use super::api::{CreateTeam, TeamsPage, list_teams};
use super::team_route::role_badge;
use crate::error::{AppError, action_error, field_error};
use crate::features::sessions::counted;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_viewer;
use crate::ui::{
    Button, ButtonKind, ErrorPanel, Field, FormError, LinkButton, PageHead, Skeleton, not_signed_in,
};

/// The page of the viewer's teams.
pub struct TeamsRoute {
    page: Resource<Result<TeamsPage, AppError>>,
    create: ServerAction<CreateTeam>,
}

impl LazyPage for TeamsRoute {
    fn data() -> Self {
        Self { page: Resource::new_blocking(|| (), |()| list_teams()), create: ServerAction::new() }
    }

    fn view(this: Self) -> AnyView {
        let TeamsRoute { page, create } = this;
        let viewer = use_viewer();
        view! {
            <Title text="Teams" />
            <Meta name="description" content="People with whom you share agents on Resonant" />
            <div class="account">
                <PageHead
                    title="Teams"
                    lead="People who use agents together. Each has a role that says what they may do."
                />
                <Transition fallback=|| {
                    view! { <Skeleton lines=8 /> }
                }>
                    {move || Suspend::new(async move {
                        match page.await {
                            Ok(page) => {
                                let viewer = viewer.load().await;
                                let kind = viewer.map(|viewer| viewer.kind);
                                teams(page, create, kind == Some(UserKind::Member))
                            }
                            Err(error) if error.kind == FaultKind::Unauthenticated => {
                                not_signed_in(
                                    "People of a team know each other by name: sign in to see yours.",
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

fn teams(page: TeamsPage, create: ServerAction<CreateTeam>, is_member: bool) -> AnyView {
    let form = if is_member { create_form(create) } else { account_first() };
    let offers = (!page.offers.is_empty()).then(|| {
        view! {
            <section class="account__part" aria-labelledby="teams-offers">
                <h2 id="teams-offers">"You are invited"</h2>
                <ul class="keys">{page.offers.into_iter().map(offer).collect_view()}</ul>
            </section>
        }
    });
    let own = if page.teams.is_empty() {
        view! { <p class="account__warning">"None yet. Make one below."</p> }.into_any()
    } else {
        view! { <ul class="keys">{page.teams.into_iter().map(row).collect_view()}</ul> }.into_any()
    };
    view! {
        {offers}
        <section class="account__part" aria-labelledby="teams-own">
            <h2 id="teams-own">"Your teams"</h2>
            {own}
            <p>
                <a href=paths::SHARED_AGENTS>"Agents that are shared with you"</a>
            </p>
        </section>
        {form}
    }
    .into_any()
}

fn offer(offer: InvitationOffer) -> AnyView {
    let by = offer.invited_by.map(|name| format!("{name} invites you as {}", offer.role.as_str()));
    view! {
        <li class="keys__row">
            <div>
                <h3 class="keys__name">{offer.team_name}</h3>
                <p class="keys__about">{by}</p>
            </div>
            <LinkButton href=paths::join_team(&offer.team_slug)>"Look at the invitation"</LinkButton>
        </li>
    }
    .into_any()
}

fn row(team: Team) -> AnyView {
    let people = counted(team.members.into(), "person", "people");
    let agents = counted(team.agents.into(), "shared agent", "shared agents");
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
            <h2 id="teams-make">"Make a team"</h2>
            <p>"People of a team know each other by name: create an account first."</p>
            <LinkButton href=href kind=ButtonKind::Primary>
                "Create an account"
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
            <h2 id="teams-make">"Make a team"</h2>
            <ActionForm action=create>
                <div class="form">
                    <FormError error fields=&["name", "slug"] />
                    <Field
                        label="Name"
                        name="name"
                        value=form.text("name").unwrap_or_default()
                        required=true
                        maxlength=NAME_MAX
                        autocomplete="off"
                        error=field_error(error, "name")
                    />
                    <Field
                        label="Address"
                        name="slug"
                        value=form.text("slug").unwrap_or_default()
                        required=true
                        minlength=SLUG_MIN
                        maxlength=SLUG_MAX
                        autocomplete="off"
                        hint="Small letters, digits and hyphens. It stays when the name changes"
                        error=field_error(error, "slug")
                    />
                    <Button kind=ButtonKind::Primary busy=create.pending()>
                        "Make the team"
                    </Button>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

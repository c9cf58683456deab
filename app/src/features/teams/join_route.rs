//! `/teams/join`: an invitation to a team, to take or to leave.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::FaultKind;
use resonant_domain::member::UserKind;
use resonant_domain::team::InvitationOffer;

use super::api::{AcceptInvitation, DeclineInvitation, get_offer};
use crate::error::{AppError, action_error};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::state::use_viewer;
use crate::ui::{
    Button, ButtonKind, FormError, LinkButton, PageHead, Skeleton, Time, cannot_be_shown, kept,
    not_signed_in_page,
};

/// Which invitation is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Which {
    token: String,
    team: String,
}

impl Which {
    fn path(&self) -> String {
        if self.token.is_empty() {
            paths::join_team(&self.team)
        } else {
            paths::join_by_link(&self.token)
        }
    }
}

/// The page of an invitation.
pub struct JoinRoute {
    which: Memo<Which>,
    offer: Resource<Result<Option<InvitationOffer>, AppError>>,
}

impl LazyPage for JoinRoute {
    fn data() -> Self {
        let query = use_query_map();
        let which = Memo::new(move |_| {
            let query = query.read();
            Which {
                token: query.get("token").unwrap_or_default(),
                team: query.get("team").unwrap_or_default(),
            }
        });
        let offer = Resource::new_blocking(
            move || which.get(),
            |Which { token, team }| get_offer(token, team),
        );
        Self { which, offer }
    }

    fn view(this: Self) -> AnyView {
        let JoinRoute { which, offer } = this;
        let viewer = use_viewer();
        view! {
            <Meta name="description" content=tr("An invitation to a team on Resonant") />
            <Meta name="robots" content="noindex" />
            <Transition fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {kept(move || async move {
                    let which = which.get();
                    match offer.await {
                        Ok(Some(offer)) => {
                            let viewer = viewer.load().await;
                            let kind = viewer.map(|viewer| viewer.kind);
                            shown(offer, &which, kind)
                        }
                        // The server leads to the team.
                        Ok(None) => view! { <Skeleton lines=6 /> }.into_any(),
                        Err(error) if error.kind == FaultKind::Unauthenticated => nobody(&which),
                        Err(error) => cannot_be_shown(tr("This invitation is no longer there"), error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn nobody(which: &Which) -> AnyView {
    view! {
        <Title text=tr("Invitation") />
        {not_signed_in_page(
            tr("Invitation"),
            tr("The invitation is for an account: sign in to see it."),
            &which.path(),
        )}
    }
    .into_any()
}

fn shown(offer: InvitationOffer, which: &Which, viewer: Option<UserKind>) -> AnyView {
    let team = offer.team_name;
    let title = tr_with("Join {team}", &[("team", &team)]);
    let who = offer.invited_by.unwrap_or_else(|| tr("Somebody who left").to_owned());
    let lead = tr_with("{who} invites you to the team {team}.", &[("who", &who), ("team", &team)]);
    let would_be = tr_with(
        "You would be {role}: somebody who {about}.",
        &[("role", &tr(offer.role.as_str())), ("about", &tr(offer.role.about()))],
    );
    let choice = match viewer {
        Some(UserKind::Member) => choice(which),
        Some(UserKind::Guest) => {
            let href = paths::sign_up(&which.path());
            view! {
                <p>{tr("People of a team know each other by name: create an account first.")}</p>
                <LinkButton href=href kind=ButtonKind::Primary>
                    {tr("Create an account")}
                </LinkButton>
            }
            .into_any()
        }
        None => {
            let href = paths::sign_in(&which.path());
            view! {
                <p>{tr("Sign in, or create an account, to join.")}</p>
                <LinkButton href=href kind=ButtonKind::Primary>
                    {tr("Sign in")}
                </LinkButton>
            }
            .into_any()
        }
    };
    view! {
        <Title text=title.clone() />
        <div class="account">
            <PageHead title=title lead=lead />
            <p>{would_be}</p>
            <p class="keys__about">{tr("The invitation ends ")} <Time at=offer.expires_at /></p>
            {choice}
        </div>
    }
    .into_any()
}

fn choice(which: &Which) -> AnyView {
    let accept = ServerAction::<AcceptInvitation>::new();
    let decline = ServerAction::<DeclineInvitation>::new();
    let Which { token, team } = which.clone();
    let no = token.is_empty().then(|| {
        let team = team.clone();
        view! {
            <ActionForm action=decline>
                <input type="hidden" name="team" value=team />
                <Button busy=decline.pending()>{tr("Decline")}</Button>
            </ActionForm>
        }
    });
    view! {
        <FormError error=action_error(accept) />
        <FormError error=action_error(decline) />
        <div class="team__forms">
            <ActionForm action=accept>
                <input type="hidden" name="token" value=token />
                <input type="hidden" name="team" value=team />
                <Button kind=ButtonKind::Primary busy=accept.pending()>
                    {tr("Join the team")}
                </Button>
            </ActionForm>
            {no}
        </div>
    }
    .into_any()
}

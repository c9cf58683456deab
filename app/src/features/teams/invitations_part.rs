//! Who is invited to a team, and the form that invites.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::team::{INVITATION_DAYS, Team, TeamInvitation, TeamRole};

use super::team_route::{Actions, role_badge};
use crate::error::{action_error, field_error};
use crate::language::{tr, tr_with};
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, CopyButton, Field, FormError, Notice, Select, Time, Tone};

/// Invitations that nobody has taken yet, and the form for another one.
pub(super) fn invitations_part(
    team: &Team,
    invitations: Vec<TeamInvitation>,
    made: Option<String>,
    actions: Actions,
) -> AnyView {
    let Actions { invite, revoke, .. } = actions;
    let slug = team.slug.clone();
    let value = invite.value();
    // One that was taken, or taken back, is told of no more.
    let waiting: Vec<_> = invitations.iter().map(|one| one.id).collect();
    let last = move || value.get()?.ok().filter(|last| waiting.contains(&last.invitation.id));
    let sent = {
        let last = last.clone();
        move || last()?.invitation.email
    };
    // Without JavaScript the page itself brings what was made.
    let token = move || last().map_or_else(|| made.clone(), |last| last.token);
    let rows: Vec<_> = invitations.into_iter().map(|one| row(&slug, one, actions)).collect();
    let open = (!rows.is_empty()).then(|| view! { <ul class="keys">{rows}</ul> });
    let error = action_error(invite);
    let form = refused_form();
    let option = |role: TeamRole| format!("{}: {}", tr(role.title()), tr(role.about()));
    let options = TeamRole::GIVEN.map(|role| (role.as_str().to_owned(), option(role)));
    let own_slug = team.slug.clone();
    let email = form.text("email").unwrap_or_default();
    let role = form.text("role").unwrap_or_else(|| TeamRole::Viewer.as_str().to_owned());
    let hint = tr_with(
        "Of somebody with an account here. Empty: a link that one person can take within {days} days",
        &[("days", &INVITATION_DAYS)],
    );
    view! {
        <section class="account__part" aria-labelledby="team-invite">
            <h2 id="team-invite">{tr("Invite")}</h2>
            <div role="status">
                {move || token().map(|token| new_link(&token))}
                {move || {
                    sent()
                        .map(|email| {
                            let text = tr_with(
                                "{email} is invited and finds a notice here.",
                                &[("email", &email)],
                            );
                            view! {
                                <Notice tone=Tone::Good>
                                    <p>{text}</p>
                                </Notice>
                            }
                        })
                }}
            </div>
            <FormError error=action_error(revoke) />
            {open}
            <ActionForm action=invite>
                <div class="form">
                    <input type="hidden" name="slug" value=own_slug />
                    <FormError error fields=&["email", "role"] />
                    <Field
                        label=tr("E-mail address")
                        name="email"
                        type_="email"
                        value=email
                        optional=true
                        autocomplete="off"
                        hint=hint
                        error=field_error(error, "email")
                    />
                    <Select
                        label=tr("Role")
                        name="role"
                        id="invite-role"
                        options=options.to_vec()
                        value=role
                        error=field_error(error, "role")
                    />
                    <Button kind=ButtonKind::Primary busy=invite.pending()>
                        {tr("Invite")}
                    </Button>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

/// The link, this once.
fn new_link(token: &str) -> AnyView {
    let path = paths::join_by_link(token);
    let text = paths::absolute(&path);
    view! {
        <Notice tone=Tone::Good>
            <p>
                <b>{tr("Copy the link now. ")}</b>
                {tr("It is not shown again. Whoever opens it first can join.")}
            </p>
            <p class="team__link">
                <a href=path>{tr("Invitation link")}</a>
                <CopyButton text label=tr("Copy the link") />
            </p>
        </Notice>
    }
    .into_any()
}

fn row(slug: &str, invitation: TeamInvitation, actions: Actions) -> AnyView {
    let revoke = actions.revoke;
    let whom = invitation.email.unwrap_or_else(|| tr("Whoever has the link").to_owned());
    let label = tr_with("Take back the invitation of {whom}", &[("whom", &whom)]);
    let (slug, id) = (slug.to_owned(), invitation.id.to_string());
    view! {
        <li class="keys__row">
            <div>
                <h3 class="keys__name">{whom} " " {role_badge(invitation.role)}</h3>
                <p class="keys__about">
                    <span>{tr("Made ")} <Time at=invitation.created_at /></span>
                    <span>{tr("Ends ")} <Time at=invitation.expires_at /></span>
                </p>
            </div>
            <ActionForm action=revoke>
                <input type="hidden" name="slug" value=slug />
                <input type="hidden" name="id" value=id />
                <Button busy=revoke.pending() label=label>
                    {tr("Take back")}
                </Button>
            </ActionForm>
        </li>
    }
    .into_any()
}

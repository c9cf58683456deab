//! The people of a team.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::UserId;
use resonant_domain::team::{Team, TeamMember, TeamRole};

use super::team_route::{Actions, role_badge};
use crate::error::action_error;
use crate::language::{key, tr, tr_with};
use crate::ui::{Button, ButtonKind, FormError, Select, Time};

/// Who is in the team. Who manages people gives them roles and takes them out.
pub(super) fn members_part(
    team: &Team,
    me: Option<UserId>,
    members: Vec<TeamMember>,
    actions: Actions,
) -> AnyView {
    let (slug, role) = (team.slug.clone(), team.role);
    let rows = members.into_iter().map(|member| row(&slug, role, me, member, actions));
    view! {
        <section class="account__part" aria-labelledby="team-people">
            <h2 id="team-people">{tr("People")}</h2>
            <FormError error=action_error(actions.set_role) />
            <FormError error=action_error(actions.remove) />
            <ul class="keys">{rows.collect_view()}</ul>
        </section>
    }
    .into_any()
}

fn row(
    slug: &str,
    own_role: TeamRole,
    me: Option<UserId>,
    member: TeamMember,
    actions: Actions,
) -> AnyView {
    let is_me = me == Some(member.user_id);
    let may_change = own_role.may_manage() && member.role != TeamRole::Owner;
    let forms = may_change.then(|| forms(slug, own_role, is_me, &member, actions));
    let you = is_me.then(|| tr(" (you)"));
    view! {
        <li class="keys__row">
            <div>
                <h3 class="keys__name">{member.name} {you} " " {role_badge(member.role)}</h3>
                <p class="keys__about">
                    {member.email.map(|email| view! { <span>{email}</span> })}
                    <span>{tr("Joined ")} <Time at=member.joined_at /></span>
                </p>
            </div>
            {forms}
        </li>
    }
    .into_any()
}

fn forms(
    slug: &str,
    own_role: TeamRole,
    is_me: bool,
    member: &TeamMember,
    actions: Actions,
) -> AnyView {
    let Actions { set_role, remove, .. } = actions;
    let (user, own_slug) = (member.user_id.to_string(), slug.to_owned());
    let named = |text| tr_with(text, &[("name", &member.name)]);
    let (role, select_id) = (member.role.as_str().to_owned(), format!("role-{user}"));
    let (role_of, save) = (named(key("Role of {name}")), named(key("Save the role of {name}")));
    let mut options: Vec<_> = TeamRole::GIVEN
        .into_iter()
        .map(|role| (role.as_str().to_owned(), tr(role.title()).to_owned()))
        .collect();
    if own_role == TeamRole::Owner {
        let text = tr("Owner, in your place").to_owned();
        options.push((TeamRole::Owner.as_str().to_owned(), text));
    }
    let out = (!is_me).then(|| {
        let (slug, user) = (slug.to_owned(), user.clone());
        let label = named(key("Remove {name}"));
        view! {
            <ActionForm action=remove>
                <input type="hidden" name="slug" value=slug />
                <input type="hidden" name="user" value=user />
                <Button kind=ButtonKind::Danger busy=remove.pending() label=label>
                    {tr("Remove")}
                </Button>
            </ActionForm>
        }
    });
    view! {
        <div class="team__forms">
            <ActionForm action=set_role>
                <div class="team__role">
                    <input type="hidden" name="slug" value=own_slug />
                    <input type="hidden" name="user" value=user />
                    <Select label=role_of name="role" id=select_id options=options value=role />
                    <Button busy=set_role.pending() label=save>
                        {tr("Save")}
                    </Button>
                </div>
            </ActionForm>
            {out}
        </div>
    }
    .into_any()
}

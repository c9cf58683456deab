//! The people of a team.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::UserId;
use resonant_domain::team::{Team, TeamMember, TeamRole};

use super::team_route::{Actions, role_badge};
use crate::error::action_error;
use crate::language::{key, tr, tr_with};
use crate::ui::{Button, ButtonKind, FormError, Select, Time};

/// The roles that were chosen and are not saved yet. The page is drawn anew when one is saved, and the others
/// stay chosen.
#[derive(Clone, Copy)]
pub(super) struct ChosenRoles(RwSignal<Choices>);

/// Choices for people of one team.
#[derive(Debug, Default)]
struct Choices {
    team: String,
    roles: Vec<(UserId, TeamRole)>,
}

impl Choices {
    /// Keeps a choice in the place of an earlier one.
    fn set(&mut self, user: UserId, role: TeamRole) {
        self.roles.retain(|(whose, _)| *whose != user);
        self.roles.push((user, role));
    }

    fn of(&self, user: UserId) -> Option<TeamRole> {
        self.roles.iter().find(|(whose, _)| *whose == user).map(|(_, role)| *role)
    }

    /// Forgets what is saved by now, and what was chosen for people who are not there.
    fn forget_saved(&mut self, team: &str, members: &[TeamMember]) {
        if self.team != team {
            *self = Self { team: team.to_owned(), roles: Vec::new() };
        }
        self.roles.retain(|(user, role)| {
            members.iter().any(|member| member.user_id == *user && member.role != *role)
        });
    }
}

impl ChosenRoles {
    pub(super) fn new() -> Self {
        Self(RwSignal::new(Choices::default()))
    }

    fn set(self, user: UserId, role: TeamRole) {
        self.0.update(|chosen| chosen.set(user, role));
    }

    /// The role that is chosen for somebody, if one was.
    fn of(self, user: UserId) -> Option<TeamRole> {
        self.0.try_with(|chosen| chosen.of(user)).flatten()
    }

    fn forget_saved(self, team: &str, members: &[TeamMember]) {
        self.0.try_update_untracked(|chosen| chosen.forget_saved(team, members));
    }
}

/// Who is in the team. Who manages people gives them roles and takes them out.
pub(super) fn members_part(
    team: &Team,
    me: Option<UserId>,
    members: Vec<TeamMember>,
    actions: Actions,
) -> AnyView {
    let (slug, role) = (team.slug.clone(), team.role);
    actions.chosen.forget_saved(&slug, &members);
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
    let Actions { set_role, remove, chosen, .. } = actions;
    let (id, present) = (member.user_id, member.role);
    let (user, own_slug) = (member.user_id.to_string(), slug.to_owned());
    let named = |text| tr_with(text, &[("name", &member.name)]);
    let role = Signal::derive(move || chosen.of(id).unwrap_or(present).as_str().to_owned());
    let choose = Callback::new(move |text: String| {
        if let Some(role) = TeamRole::parse(&text) {
            chosen.set(id, role);
        }
    });
    let select_id = format!("role-{user}");
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
                    <Select
                        label=role_of
                        name="role"
                        id=select_id
                        options=options
                        value=role
                        on_change=choose
                    />
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

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, role: TeamRole) -> TeamMember {
        TeamMember {
            user_id: id.parse().unwrap(),
            name: "Bob".to_owned(),
            email: None,
            role,
            joined_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_choice_stays_until_it_is_saved_or_its_person_is_gone() {
        let bob = member("01900000-0000-7000-8000-000000000001", TeamRole::Editor);
        let eve = member("01900000-0000-7000-8000-000000000002", TeamRole::Viewer);
        let kim = member("01900000-0000-7000-8000-000000000003", TeamRole::Viewer);
        let mut chosen = Choices { team: "lab".to_owned(), roles: Vec::new() };
        chosen.set(eve.user_id, TeamRole::Runner);
        for user in [eve.user_id, kim.user_id] {
            chosen.set(user, TeamRole::Admin);
        }
        chosen.set(bob.user_id, TeamRole::Editor);
        let members = [bob, eve];
        chosen.forget_saved("lab", &members);
        assert_eq!(chosen.roles, [(members[1].user_id, TeamRole::Admin)]);
        // In another team they are somebody else.
        chosen.forget_saved("den", &members);
        assert_eq!(chosen.roles, []);
    }
}

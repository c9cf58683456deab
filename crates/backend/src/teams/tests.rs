use resonant_domain::audit::AuditFilter;
use resonant_domain::member::UserKind;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::team::{NewInvitation, TeamMember};
use resonant_domain::{AgentId, FaultKind};
use sqlx::PgPool;

use super::*;
use crate::audit::Whose;
use crate::{Actor, Backend, agents, inbox, members as accounts, sample, sessions};

fn id_of(ctx: &Ctx) -> UserId {
    let Actor::User { id, kind: UserKind::Member } = ctx.actor() else { panic!("not a member") };
    id
}

fn new_team(slug: &str) -> NewTeam {
    NewTeam { name: format!("Team {slug}"), slug: slug.to_owned() }
}

/// Brings somebody into a team by a link.
async fn join(admin: &Ctx, slug: &str, who: &Ctx, role: TeamRole) {
    let made = invite(admin, slug, NewInvitation { role, email: None }).await.unwrap();
    accept(who, Invited::ByLink(made.token.as_deref().unwrap())).await.unwrap();
}

fn kind<T>(result: Result<T>) -> Option<FaultKind> {
    result.err().map(|error| error.kind())
}

async fn everybody(ctx: &Ctx, slug: &str) -> Vec<TeamMember> {
    members(ctx, slug, PageRequest::default()).await.unwrap().items
}

/// All that a list holds, one thing on each page.
async fn walk<T>(list: impl AsyncFn(PageRequest) -> Result<Page<T>>) -> Vec<T> {
    let (mut found, mut cursor) = (vec![], None);
    loop {
        let page = list(PageRequest { cursor, limit: Some(1) }).await.unwrap();
        assert!(page.items.len() <= 1);
        found.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_team_has_a_slug_of_its_own_and_one_owner(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    let team = create(&ada, new_team("research")).await.unwrap();
    assert_eq!((team.role, team.members, team.agents), (TeamRole::Owner, 1, 0));
    let error = create(&bob, new_team("research")).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "slug");
    let guest = sample::guest(&backend).await.unwrap();
    assert_eq!(kind(create(&guest, new_team("guests")).await), Some(FaultKind::Conflict));

    join(&ada, "research", &bob, TeamRole::Viewer).await;
    assert_eq!(get(&bob, "research").await.unwrap().members, 2);
    // The owner neither leaves nor becomes less, and nobody else makes themselves the owner.
    assert_eq!(kind(remove(&ada, "research", id_of(&ada)).await), Some(FaultKind::Conflict));
    let less = set_role(&ada, "research", id_of(&ada), TeamRole::Admin).await;
    assert_eq!(kind(less), Some(FaultKind::Conflict));
    let more = set_role(&bob, "research", id_of(&bob), TeamRole::Owner).await;
    assert_eq!(kind(more), Some(FaultKind::Forbidden));

    set_role(&ada, "research", id_of(&bob), TeamRole::Owner).await.unwrap();
    let roles: Vec<_> =
        everybody(&bob, "research").await.into_iter().map(|member| member.role).collect();
    assert_eq!(roles, [TeamRole::Admin, TeamRole::Owner]);
    assert_eq!(kind(delete(&ada, "research").await), Some(FaultKind::Forbidden));
    assert_eq!(kind(remove(&ada, "research", id_of(&bob)).await), Some(FaultKind::Forbidden));
    remove(&ada, "research", id_of(&ada)).await.unwrap();
    assert_eq!(kind(get(&ada, "research").await), Some(FaultKind::NotFound));
    join(&bob, "research", &ada, TeamRole::Viewer).await;
    delete(&bob, "research").await.unwrap();
    assert_eq!(list(&bob, PageRequest::default()).await.unwrap().items, []);
    for ctx in [&ada, &bob] {
        let (filter, page) = (AuditFilter::default(), PageRequest::default());
        let entries = audit::list(ctx, Whose::Own, filter, page).await.unwrap().items;
        assert_eq!(entries[0].deed, Deed::TeamDeleted, "whoever was in it");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn people_are_managed_by_who_may(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let owner = sample::member(&backend, "owner").await.unwrap();
    create(&owner, new_team("research")).await.unwrap();
    let target = sample::member(&backend, "target").await.unwrap();
    join(&owner, "research", &target, TeamRole::Viewer).await;
    for (role, expected) in [
        (TeamRole::Viewer, Some(FaultKind::Forbidden)),
        (TeamRole::Runner, Some(FaultKind::Forbidden)),
        (TeamRole::Editor, Some(FaultKind::Forbidden)),
        (TeamRole::Admin, None),
    ] {
        let who = sample::member(&backend, role.as_str()).await.unwrap();
        let nobody = [
            kind(members(&who, "research", PageRequest::default()).await),
            kind(invite(&who, "research", NewInvitation::default()).await),
            kind(set_role(&who, "research", id_of(&target), TeamRole::Runner).await),
            kind(remove(&who, "research", id_of(&target)).await),
            kind(rename(&who, "research", "Mine".to_owned()).await),
        ];
        assert_eq!(nobody, [Some(FaultKind::NotFound); 5], "not in the team yet");
        join(&owner, "research", &who, role).await;
        let found = [
            kind(invite(&who, "research", NewInvitation::default()).await),
            kind(invitations(&who, "research", PageRequest::default()).await),
            kind(set_role(&who, "research", id_of(&target), TeamRole::Runner).await),
            kind(rename(&who, "research", "Research".to_owned()).await),
            kind(remove(&who, "research", id_of(&target)).await),
        ];
        assert_eq!(found, [expected; 5], "{role:?}");
        let emails = everybody(&who, "research").await;
        let seen = emails.iter().filter(|member| member.email.is_some()).count();
        assert_eq!(seen == emails.len(), role.may_manage(), "{role:?}");
        let delete = kind(delete(&who, "research").await);
        assert_eq!(delete, Some(FaultKind::Forbidden), "{role:?}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_invitation_is_taken_once_by_whom_it_is_for(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    let eve = sample::member(&backend, "eve").await.unwrap();
    create(&ada, new_team("research")).await.unwrap();

    let to = |email: &str| NewInvitation { role: TeamRole::Editor, email: Some(email.to_owned()) };
    let error = invite(&ada, "research", to("nobody@example.org")).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "email");
    let error = invite(&ada, "research", to("ada@example.org")).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "email");
    let owner = NewInvitation { role: TeamRole::Owner, email: None };
    let error = invite(&ada, "research", owner).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "role");

    let made = invite(&ada, "research", to("bob@example.org")).await.unwrap();
    assert_eq!(made.token, None);
    let notices = inbox::list(&bob, PageRequest::default()).await.unwrap().items;
    assert_eq!(notices[0].slug.as_deref(), Some("research"));
    let offered = offers(&bob, PageRequest::default()).await.unwrap().items;
    assert_eq!(offered[0].invited_by.as_deref(), Some("ada"));
    assert_eq!(kind(accept(&eve, Invited::To("research")).await), Some(FaultKind::NotFound));
    assert_eq!(accept(&bob, Invited::To("research")).await.unwrap().role, TeamRole::Editor);
    assert_eq!(kind(accept(&bob, Invited::To("research")).await), Some(FaultKind::NotFound));

    let made = invite(&ada, "research", NewInvitation::default()).await.unwrap();
    let token = made.token.unwrap();
    let anyone = offer(&backend.anonymous(), Invited::ByLink(&token)).await.unwrap();
    assert_eq!(anyone.team_name, "Team research");
    // Who is in the team already leaves the link to others.
    assert_eq!(kind(accept(&bob, Invited::ByLink(&token)).await), Some(FaultKind::Conflict));
    let guest = sample::guest(&backend).await.unwrap();
    assert_eq!(kind(accept(&guest, Invited::ByLink(&token)).await), Some(FaultKind::Conflict));
    accept(&eve, Invited::ByLink(&token)).await.unwrap();
    remove(&ada, "research", id_of(&eve)).await.unwrap();
    assert_eq!(kind(accept(&eve, Invited::ByLink(&token)).await), Some(FaultKind::NotFound));

    let made = invite(&ada, "research", to("eve@example.org")).await.unwrap();
    revoke(&ada, "research", made.invitation.id).await.unwrap();
    assert_eq!(kind(accept(&eve, Invited::To("research")).await), Some(FaultKind::NotFound));
    invite(&ada, "research", to("eve@example.org")).await.unwrap();
    decline(&eve, "research").await.unwrap();
    assert_eq!(offers(&eve, PageRequest::default()).await.unwrap().items, []);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_invitation_expires(pool: PgPool) {
    let start = "2026-11-25T09:00:00Z".parse().unwrap();
    let clock = std::sync::Arc::new(resonant_runtime::clock::FixedClock::new(start));
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    create(&ada, new_team("research")).await.unwrap();
    let token = invite(&ada, "research", NewInvitation::default()).await.unwrap().token.unwrap();
    clock.advance(jiff::SignedDuration::from_hours(24 * 7 + 1));
    assert_eq!(kind(offer(&bob, Invited::ByLink(&token)).await), Some(FaultKind::NotFound));
    assert_eq!(kind(accept(&bob, Invited::ByLink(&token)).await), Some(FaultKind::NotFound));
    let open = invitations(&ada, "research", PageRequest::default()).await.unwrap();
    assert_eq!(open.items, []);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_leaves_sees_nothing_more_and_takes_their_agents_along(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    create(&ada, new_team("research")).await.unwrap();
    join(&ada, "research", &bob, TeamRole::Runner).await;
    let hers = agents::create(&ada, sample::spec("Hers")).await.unwrap().id;
    let his = agents::create(&bob, sample::spec("His")).await.unwrap().id;
    share(&ada, "research", hers).await.unwrap();
    share(&bob, "research", his).await.unwrap();
    assert_eq!(kind(share(&bob, "research", hers).await), Some(FaultKind::Forbidden));
    let named = async |ctx: &Ctx| -> Vec<AgentId> {
        let page = shared_with_me(ctx, PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|agent| agent.id).collect()
    };
    assert_eq!((named(&ada).await, named(&bob).await), (vec![his], vec![hers]));
    let both = agents(&ada, "research", PageRequest::default()).await.unwrap();
    assert_eq!(both.items.len(), 2);

    // Read, so that whatever is kept is kept.
    let session = sessions::start(&bob, hers, sample::goal("Read")).await.unwrap();
    assert_eq!((session.owner_id, session.started_by), (id_of(&ada), Some(id_of(&bob))));
    agents::get(&bob, hers).await.unwrap();
    sessions::get(&bob, session.id).await.unwrap();
    sessions::stream(&bob, session.id, 0).await.unwrap();

    remove(&ada, "research", id_of(&bob)).await.unwrap();
    for found in [
        kind(agents::get(&bob, hers).await),
        kind(sessions::get(&bob, session.id).await),
        kind(sessions::events(&bob, session.id, 0).await),
        kind(sessions::cancel(&bob, session.id).await),
        kind(sessions::start(&bob, hers, sample::goal("Read")).await),
        kind(agents::get(&ada, his).await),
    ] {
        assert_eq!(found, Some(FaultKind::NotFound));
    }
    assert_eq!((named(&ada).await, named(&bob).await), (vec![], vec![]));
    // The owner keeps what was started with their agent.
    assert_eq!(sessions::get(&ada, session.id).await.unwrap().started_by, Some(id_of(&bob)));
    sessions::cancel(&ada, session.id).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn teammates_read_each_others_sessions_and_not_the_owners(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    let eve = sample::member(&backend, "eve").await.unwrap();
    let mallory = sample::member(&backend, "mallory").await.unwrap();
    let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap().id;
    create(&ada, new_team("one")).await.unwrap();
    create(&ada, new_team("two")).await.unwrap();
    join(&ada, "one", &bob, TeamRole::Runner).await;
    join(&ada, "one", &eve, TeamRole::Viewer).await;
    join(&ada, "two", &mallory, TeamRole::Admin).await;
    share(&ada, "one", agent).await.unwrap();
    share(&ada, "two", agent).await.unwrap();

    let private = sessions::start(&ada, agent, sample::goal("Private")).await.unwrap().id;
    let shared = sessions::start(&bob, agent, sample::goal("Shared")).await.unwrap().id;
    sessions::get(&eve, shared).await.unwrap();
    let filter =
        || sessions::SessionFilter { agent_id: Some(agent), ..sessions::SessionFilter::default() };
    for (who, expected) in [
        (&ada, vec![shared, private]),
        (&bob, vec![shared]),
        (&eve, vec![shared]),
        (&mallory, vec![]),
    ] {
        let page = sessions::list(who, filter()).await.unwrap();
        let ids: Vec<_> = page.items.into_iter().map(|session| session.id).collect();
        assert_eq!(ids, expected);
    }
    for (who, id) in [(&bob, private), (&eve, private), (&mallory, shared), (&mallory, private)] {
        assert_eq!(kind(sessions::get(who, id).await), Some(FaultKind::NotFound));
        assert_eq!(kind(sessions::cancel(who, id).await), Some(FaultKind::NotFound));
    }
    assert_eq!(kind(sessions::cancel(&eve, shared).await), Some(FaultKind::Forbidden));
    assert_eq!(kind(sessions::share(&bob, shared).await), Some(FaultKind::Forbidden));
    // Nothing of it stands among what the teammate did with agents of their own.
    let own = sessions::list(&bob, sessions::SessionFilter::default()).await.unwrap().items;
    assert_eq!(own.len(), 0);
    sessions::cancel(&bob, shared).await.unwrap();
    sessions::cancel(&ada, private).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_account_closes_once_its_teams_are_in_other_hands(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    create(&ada, new_team("alone")).await.unwrap();
    create(&ada, new_team("research")).await.unwrap();
    join(&ada, "research", &bob, TeamRole::Viewer).await;
    let password = || sample::new_member("ada").password;
    let error = accounts::close_account(&ada, password()).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::Conflict);
    assert!(error.message().contains("Team research"), "{error}");
    set_role(&ada, "research", id_of(&bob), TeamRole::Owner).await.unwrap();
    let ada_again = backend.ctx(ada.actor(), crate::RequestId::new("test"));
    accounts::close_account(&ada_again, password()).await.unwrap();
    assert_eq!(get(&bob, "research").await.unwrap().members, 1);
    create(&bob, new_team("alone")).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_lists_of_teams_go_on_page_by_page(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    // Two of the same name, which a page may end between.
    for (name, slug) in [("lab", "lab-b"), ("Attic", "attic"), ("Lab", "lab-a")] {
        let new = NewTeam { name: name.to_owned(), slug: slug.to_owned() };
        create(&ada, new).await.unwrap();
    }
    let mut people = vec![id_of(&ada)];
    for name in ["bob", "eve"] {
        let who = sample::member(&backend, name).await.unwrap();
        join(&ada, "lab-a", &who, TeamRole::Viewer).await;
        people.push(id_of(&who));
        create(&who, new_team(name)).await.unwrap();
        let to_ada =
            NewInvitation { role: TeamRole::Editor, email: Some("ada@example.org".to_owned()) };
        invite(&who, name, to_ada).await.unwrap();
        invite(&ada, "lab-a", NewInvitation::default()).await.unwrap();
    }
    let own = walk(async |page| list(&ada, page).await).await;
    let slugs: Vec<_> = own.iter().map(|team| team.slug.as_str()).collect();
    assert_eq!(slugs, ["attic", "lab-a", "lab-b"]);
    assert_eq!(own, list(&ada, PageRequest::default()).await.unwrap().items);

    let found = walk(async |page| members(&ada, "lab-a", page).await).await;
    assert_eq!(found, everybody(&ada, "lab-a").await);
    assert_eq!(found.len(), people.len());
    assert!(people.iter().all(|id| found.iter().any(|member| member.user_id == *id)));

    let open = walk(async |page| invitations(&ada, "lab-a", page).await).await;
    let whole = invitations(&ada, "lab-a", PageRequest::default()).await.unwrap().items;
    assert_eq!((open.len(), &open), (2, &whole));
    let offered = walk(async |page| offers(&ada, page).await).await;
    let whole = offers(&ada, PageRequest::default()).await.unwrap().items;
    assert_eq!((offered.len(), &offered), (2, &whole));

    // A cursor of one list opens no other, nor the same one of another team.
    let first = PageRequest { cursor: None, limit: Some(1) };
    let cursor = members(&ada, "lab-a", first).await.unwrap().next_cursor;
    let behind = || PageRequest { cursor: cursor.clone(), limit: None };
    for refused in [
        kind(members(&ada, "attic", behind()).await),
        kind(agents(&ada, "lab-a", behind()).await),
        kind(invitations(&ada, "lab-a", behind()).await),
        kind(list(&ada, behind()).await),
    ] {
        assert_eq!(refused, Some(FaultKind::Invalid));
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_agent_that_comes_by_several_teams_is_listed_once(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    for (slug, role) in [("one", TeamRole::Viewer), ("two", TeamRole::Editor)] {
        create(&ada, new_team(slug)).await.unwrap();
        join(&ada, slug, &bob, role).await;
    }
    let mut made = vec![];
    for name in ["First", "Second", "Third"] {
        let agent = crate::agents::create(&ada, sample::spec(name)).await.unwrap().id;
        share(&ada, "one", agent).await.unwrap();
        made.push(agent);
    }
    share(&ada, "two", made[1]).await.unwrap();
    let own = crate::agents::create(&bob, sample::spec("Own")).await.unwrap().id;
    share(&bob, "two", own).await.unwrap();

    let found = walk(async |page| shared_with_me(&bob, page).await).await;
    let ids: Vec<_> = found.iter().map(|agent| agent.id).collect();
    assert_eq!(ids, made.iter().rev().copied().collect::<Vec<_>>(), "the newest first, each once");
    let roles: Vec<_> = found.iter().map(|agent| agent.role).collect();
    assert_eq!(roles, [TeamRole::Viewer, TeamRole::Editor, TeamRole::Viewer]);
    assert_eq!(found[1].team_slug, "two");

    // What is in the trash is passed over, and the list goes on behind it.
    crate::agents::delete(&ada, made[2], None).await.unwrap();
    let found = walk(async |page| shared_with_me(&bob, page).await).await;
    assert_eq!(found.iter().map(|agent| agent.id).collect::<Vec<_>>(), [made[1], made[0]]);
    let found = walk(async |page| agents(&bob, "one", page).await).await;
    assert_eq!(found.len(), 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_shared_agent_is_found_by_its_name(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ada = sample::member(&backend, "ada").await.unwrap();
    let bob = sample::member(&backend, "bob").await.unwrap();
    create(&ada, new_team("research")).await.unwrap();
    join(&ada, "research", &bob, TeamRole::Viewer).await;
    for name in ["Sea Otter", "Reader", "otter two"] {
        let agent = crate::agents::create(&ada, sample::spec(name)).await.unwrap().id;
        share(&ada, "research", agent).await.unwrap();
    }
    crate::agents::create(&ada, sample::spec("Otter of her own")).await.unwrap();
    let found = async |ctx: &Ctx, text: &str, most: usize| -> Vec<String> {
        let found = find_shared(ctx, text, most).await.unwrap();
        found.into_iter().map(|agent| agent.name).collect()
    };
    assert_eq!(found(&bob, " OTTER ", 8).await, ["otter two", "Sea Otter"]);
    assert_eq!(found(&bob, "otter", 1).await, ["otter two"]);
    assert_eq!(found(&ada, "otter", 8).await, Vec::<String>::new(), "they are hers");
    let nobody = find_shared(&backend.anonymous(), "otter", 8).await;
    assert_eq!(kind(nobody), Some(FaultKind::Unauthenticated));
}

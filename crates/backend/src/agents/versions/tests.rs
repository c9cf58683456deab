use resonant_domain::FaultKind;
use resonant_domain::agent::AgentChanges;
use resonant_domain::agent_tool::grant_of;
use sqlx::PgPool;

use super::*;
use crate::agents::{create, get, update};
use crate::{Backend, sample, sessions};

fn notes(notes: &str) -> NewVersion {
    NewVersion { notes: notes.to_owned() }
}

fn prompt(prompt: &str) -> AgentChanges {
    AgentChanges { system_prompt: Some(prompt.to_owned()), ..AgentChanges::default() }
}

/// An agent with two versions and a draft that differs from both.
async fn reader(backend: &Backend) -> (Ctx, AgentId) {
    let ctx = sample::guest(backend).await.unwrap();
    let id = create(&ctx, sample::spec("Reader")).await.unwrap().id;
    publish(&ctx, id, notes("first"), None).await.unwrap();
    update(&ctx, id, prompt("Answer at length."), None).await.unwrap();
    publish(&ctx, id, notes(" second "), None).await.unwrap();
    update(&ctx, id, prompt("Answer in verse."), None).await.unwrap();
    (ctx, id)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn versions_are_numbered_and_never_change(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ctx, id) = reader(&backend).await;
    let page = versions(&ctx, id, PageRequest { cursor: None, limit: Some(1) }).await.unwrap();
    let [newest] = &*page.items else { panic!("{page:?}") };
    assert_eq!((newest.version, newest.notes.as_str()), (2, "second"));
    let rest =
        versions(&ctx, id, PageRequest { cursor: page.next_cursor, limit: None }).await.unwrap();
    assert_eq!(rest.items.iter().map(|version| version.version).collect::<Vec<_>>(), [1]);
    let prompts = [
        get_version(&ctx, id, 1).await.unwrap().spec.system_prompt,
        get_version(&ctx, id, 2).await.unwrap().spec.system_prompt,
        get(&ctx, id).await.unwrap().spec.system_prompt,
    ];
    assert_eq!(prompts, ["Answer briefly.", "Answer at length.", "Answer in verse."]);
    assert_eq!(published(&ctx, id).await.unwrap().unwrap().version, 2);
    let error = get_version(&ctx, id, 3).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::NotFound);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_draft_is_published_when_it_is_whole_new_and_as_it_was_seen(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let bare = AgentSpec { name: "Bare".to_owned(), ..AgentSpec::default() };
    let id = create(&ctx, bare).await.unwrap().id;
    let error = publish(&ctx, id, notes(""), None).await.unwrap_err();
    let fields: Vec<_> = error.fields().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["description", "system_prompt"]);

    let whole = AgentChanges { description: Some("Helps".to_owned()), ..prompt("Help.") };
    let agent = update(&ctx, id, whole, None).await.unwrap();
    let error = publish(&ctx, id, notes(""), Some(agent.revision - 1)).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::Conflict);
    publish(&ctx, id, notes(""), Some(agent.revision)).await.unwrap();
    let error = publish(&ctx, id, notes(""), None).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::Conflict);
    assert_eq!(versions(&ctx, id, PageRequest::default()).await.unwrap().items.len(), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn two_who_publish_at_once_make_one_version(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let id = create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let (one, two) =
        tokio::join!(publish(&ctx, id, notes("1"), None), publish(&ctx, id, notes("2"), None));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn sessions_run_what_is_published_and_say_so(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ctx, id) = reader(&backend).await;
    let go = || sample::goal("Go");
    let session = sessions::start(&ctx, id, go()).await.unwrap();
    assert_eq!(session.agent_version, Some(2));
    let tried = sessions::try_edition(&ctx, id, go(), Edition::Draft).await.unwrap();
    assert_eq!(tried.agent_version, None);
    let old = sessions::try_edition(&ctx, id, go(), Edition::Version(1)).await.unwrap();
    assert_eq!(sessions::get(&ctx, old.id).await.unwrap().agent_version, Some(1));
    let mut conn = backend.conn().await.unwrap();
    let owner = session.owner_id;
    for (session, prompt) in [
        (session.id, "Answer at length."),
        (tried.id, "Answer in verse."),
        (old.id, "Answer briefly."),
    ] {
        let found = store::sessions::find_runnable(&mut conn, owner, session).await.unwrap();
        assert_eq!(found.unwrap().spec.system_prompt, prompt);
    }
    let error = sessions::try_edition(&ctx, id, go(), Edition::Version(9)).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::NotFound);

    let fresh = create(&ctx, sample::spec("Fresh")).await.unwrap().id;
    assert_eq!(sessions::start(&ctx, fresh, go()).await.unwrap().agent_version, None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_version_comes_back_as_the_draft(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ctx, id) = reader(&backend).await;
    let diff = compare(&ctx, id, Edition::Version(1), Edition::Draft).await.unwrap();
    assert!(!diff.prompt.is_empty() && diff.fields.is_empty());
    let before = get(&ctx, id).await.unwrap();
    let error = restore_version(&ctx, id, 1, Some(before.revision - 1)).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::Conflict);
    let agent = restore_version(&ctx, id, 1, Some(before.revision)).await.unwrap();
    assert_eq!(agent.spec.system_prompt, "Answer briefly.");
    assert!(compare(&ctx, id, Edition::Version(1), Edition::Draft).await.unwrap().is_empty());
    assert_eq!(published(&ctx, id).await.unwrap().unwrap().version, 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_dry_run_changes_nothing(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ctx, id) = reader(&backend).await;
    let before = get(&ctx, id).await.unwrap();
    let mut spec = before.spec.clone();
    spec.limits.max_steps = 3;
    let diff = preview_draft(&ctx, id, &spec).await.unwrap();
    assert_eq!(diff.fields[0].field, "limits.max_steps");
    spec.limits.max_steps = 0;
    let error = preview_draft(&ctx, id, &spec).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "limits.max_steps");
    assert_eq!(get(&ctx, id).await.unwrap(), before);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_dry_run_tells_what_would_come_of_it(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (ctx, id) = reader(&backend).await;
    // The blanks around a text are not kept.
    let mut spec = get(&ctx, id).await.unwrap().spec;
    spec.system_prompt.push('\n');
    assert!(preview_draft(&ctx, id, &spec).await.unwrap().is_empty());

    // What calls agents of somebody else is refused, as it would be then.
    let stranger = sample::guest(&backend).await.unwrap();
    let theirs = create(&stranger, sample::spec("Theirs")).await.unwrap();
    spec.tools.push(grant_of(&theirs, &[]));
    for error in [
        preview_draft(&ctx, id, &spec).await.unwrap_err(),
        replace_draft(&ctx, id, spec.clone(), None).await.unwrap_err(),
        preview_new(&ctx, &spec).await.unwrap_err(),
        create(&ctx, spec.clone()).await.unwrap_err(),
    ] {
        assert_eq!(error.fields()[0].field, "tools[2].settings.agent_id");
    }
    preview_new(&stranger, &spec).await.unwrap();
}

/// What cannot be read would not be answered.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_not_asked_for_is_not_read(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let (ctx, id) = reader(&backend).await;
    let part = async |fields: &str| {
        let fields = Fields::parse(fields).unwrap();
        Ok::<_, Error>(serde_json::to_value(get_version_part(&ctx, id, 2, &fields).await?).unwrap())
    };
    let whole = serde_json::to_value(get_version(&ctx, id, 2).await.unwrap()).unwrap();
    assert_eq!(part("spec").await.unwrap()["spec"], whole["spec"]);
    let all = Fields::all();
    let all = get_version_part(&ctx, id, 2, &all).await.unwrap();
    assert_eq!(serde_json::to_value(all).unwrap(), whole);
    sqlx::raw_sql("UPDATE agent_versions SET spec = '7'").execute(&pool).await.unwrap();
    let expected = serde_json::json!({ "version": 2, "notes": "second" });
    assert_eq!(part("notes,version").await.unwrap(), expected);
    assert_eq!(part("version,spec").await.unwrap_err().kind(), FaultKind::Internal);
    let missing = get_version_part(&ctx, id, 3, &Fields::all()).await.unwrap_err();
    assert_eq!(missing.kind(), FaultKind::NotFound);
}

use std::sync::Arc;

use jiff::SignedDuration;
use resonant_domain::FaultKind;
use resonant_domain::agent::{Agent, AgentChanges};
use resonant_runtime::clock::FixedClock;
use sqlx::PgPool;

use super::*;
use crate::sample;
use crate::store::lock_waits::until_waiting;

/// A Friday, 07:00 in Berlin.
const START: &str = "2026-01-02T06:00:00Z";

fn at(pool: PgPool) -> (Backend, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::new(START.parse().unwrap()));
    (Backend::for_tests_at(pool, clock.clone()), clock)
}

async fn schedule(ctx: &Ctx, cron: &str) -> Schedule {
    let agent = agents::create(ctx, sample::spec("Reader")).await.unwrap();
    create(ctx, sample::schedule(agent.id, cron)).await.unwrap()
}

async fn started(ctx: &Ctx) -> usize {
    let all = sessions::SessionFilter::default();
    sessions::list(ctx, all).await.unwrap().items.len()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_schedule_starts_one_session_for_each_of_its_times(pool: PgPool) {
    let (backend, clock) = at(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let made = schedule(&ctx, "30 7 * * 1-5").await;
    let next = |schedule: &Schedule| schedule.next_run_at.unwrap().to_string();
    assert_eq!(next(&made), "2026-01-02T06:30:00Z");
    let system = backend.system();
    assert_eq!(run_due(&system).await.unwrap(), 0);
    clock.advance(SignedDuration::from_mins(31));
    let (one, two) = tokio::join!(run_due(&system), run_due(&system));
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    assert_eq!(started(&ctx).await, 1);
    let after = &list(&ctx, PageRequest::default()).await.unwrap().items[0];
    // The next day is a Saturday.
    assert_eq!(next(after), "2026-01-05T06:30:00Z");
    assert_eq!(after.last_run_at.unwrap().to_string(), "2026-01-02T06:31:00Z");
    let session = sessions::get(&ctx, after.last_session_id.unwrap()).await.unwrap();
    assert_eq!(session.goal, made.goal);
    let by_this = Origin { kind: OriginKind::Schedule, id: Some(made.id.as_uuid()) };
    assert_eq!(session.origin, Some(by_this));
    // Nobody asked for a week: one session makes up for it.
    clock.advance(SignedDuration::from_hours(24 * 7));
    assert_eq!(run_due(&system).await.unwrap(), 1);
    assert_eq!(run_due(&system).await.unwrap(), 0);
    assert_eq!(started(&ctx).await, 2);
    // The sessions outlive what began them, and say so still.
    delete(&ctx, made.id).await.unwrap();
    assert_eq!(sessions::get(&ctx, session.id).await.unwrap().origin, Some(by_this));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_schedule_runs_the_agent_as_it_was_fixed(pool: PgPool) {
    let (backend, clock) = at(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let made = schedule(&ctx, "* * * * *").await;
    let rename = AgentChanges { name: Some("Writer".to_owned()), ..Default::default() };
    agents::update(&ctx, made.agent_id, rename, None).await.unwrap();
    let runs_as = async || {
        clock.advance(SignedDuration::from_mins(1));
        run_due(&backend.system()).await.unwrap();
        let last =
            list(&ctx, PageRequest::default()).await.unwrap().items[0].last_session_id.unwrap();
        sessions::get(&ctx, last).await.unwrap().agent_name
    };
    assert_eq!(runs_as().await, "Reader");
    let refresh = ScheduleChanges { refresh_agent: true, ..Default::default() };
    assert_eq!(update(&ctx, made.id, refresh).await.unwrap().agent_revision, 2);
    assert_eq!(runs_as().await, "Writer");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_material_of_a_schedule_is_changed_and_taken_away(pool: PgPool) {
    let (backend, clock) = at(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let made = schedule(&ctx, "0 8 * * *").await;
    let set = async |context: &str| {
        let changes = ScheduleChanges { context: Some(context.to_owned()), ..Default::default() };
        update(&ctx, made.id, changes).await.unwrap()
    };
    assert_eq!(set("the news").await.context.as_deref(), Some("the news"));
    let stays = ScheduleChanges { goal: Some("Sum up".to_owned()), ..Default::default() };
    assert_eq!(update(&ctx, made.id, stays).await.unwrap().context.as_deref(), Some("the news"));
    assert_eq!(get(&ctx, made.id).await.unwrap().context.as_deref(), Some("the news"));

    // Who sends the times that it has does not put off what is due.
    clock.advance(SignedDuration::from_hours(2));
    let due = get(&ctx, made.id).await.unwrap().next_run_at;
    assert!(due < Some(backend.now()));
    let same = ScheduleChanges {
        cron: Some(made.cron.clone()),
        time_zone: Some(made.time_zone.clone()),
        ..Default::default()
    };
    assert_eq!(update(&ctx, made.id, same).await.unwrap().next_run_at, due);
    assert_eq!(run_due(&backend.system()).await.unwrap(), 1);
    let after = get(&ctx, made.id).await.unwrap();
    let session = sessions::get(&ctx, after.last_session_id.unwrap()).await.unwrap();
    assert_eq!(session.context.as_deref(), Some("the news"));
    assert_eq!(set(" ").await.context, None);
    assert_eq!(get(&ctx, made.id).await.unwrap().context, None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn nothing_is_started_beside_the_pause_of_an_agent(pool: PgPool) {
    let (backend, clock) = at(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let (owner, made) = (access::user(&ctx).unwrap(), schedule(&ctx, "* * * * *").await);
    clock.advance(SignedDuration::from_mins(1));
    let mut tx = backend.begin(owner).await.unwrap();
    let agent = store::agents::lock(&mut tx, owner, made.agent_id).await.unwrap().unwrap();
    let paused = Agent { status: AgentStatus::Paused, ..agent };
    store::agents::update(&mut tx, &paused).await.unwrap();
    let pause = async {
        until_waiting(&mut tx, 1).await;
        tx.commit().await.unwrap();
    };
    let system = backend.system();
    let (ran, ()) = tokio::join!(run_due(&system), pause);
    assert_eq!(ran.unwrap(), 1);
    let after = get(&ctx, made.id).await.unwrap();
    assert_eq!(after.last_error.as_deref(), Some("the agent is paused"));
    assert_eq!(started(&ctx).await, 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_cannot_run_says_why(pool: PgPool) {
    let (backend, clock) = at(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let made = schedule(&ctx, "* * * * *").await;
    let pause = AgentChanges { status: Some(AgentStatus::Paused), ..Default::default() };
    agents::update(&ctx, made.agent_id, pause, None).await.unwrap();
    let said = async || {
        clock.advance(SignedDuration::from_mins(1));
        run_due(&backend.system()).await.unwrap();
        list(&ctx, PageRequest::default()).await.unwrap().items[0]
            .last_error
            .clone()
            .unwrap_or_default()
    };
    assert_eq!(said().await, "the agent is paused");
    agents::delete(&ctx, made.agent_id, None).await.unwrap();
    assert_eq!(said().await, "the agent was deleted");
    assert_eq!(started(&ctx).await, 0);

    let off = ScheduleChanges { is_enabled: Some(false), ..Default::default() };
    assert_eq!(update(&ctx, made.id, off).await.unwrap().next_run_at, None);
    clock.advance(SignedDuration::from_mins(5));
    assert_eq!(run_due(&backend.system()).await.unwrap(), 0);
    let on = ScheduleChanges { is_enabled: Some(true), ..Default::default() };
    assert!(update(&ctx, made.id, on).await.unwrap().next_run_at.is_some());
    delete(&ctx, made.id).await.unwrap();
    assert_eq!(delete(&ctx, made.id).await.unwrap_err().kind(), FaultKind::NotFound);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn one_that_breaks_holds_up_no_other(pool: PgPool) {
    let (backend, clock) = at(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Breaker")).await.unwrap();
    let broken = create(&ctx, sample::schedule(agent.id, "* * * * *")).await.unwrap();
    let other = schedule(&ctx, "*/2 * * * *").await;
    let breaks = "CREATE FUNCTION break_off() RETURNS TRIGGER LANGUAGE plpgsql AS $$
                  BEGIN
                      RAISE EXCEPTION 'it breaks off';
                  END
                  $$;
                  CREATE TRIGGER broken BEFORE INSERT ON sessions
                      FOR EACH ROW WHEN (NEW.agent_name = 'Breaker') EXECUTE FUNCTION break_off()";
    sqlx::raw_sql(breaks).execute(&pool).await.unwrap();
    clock.advance(SignedDuration::from_mins(2));
    assert_eq!(run_due(&backend.system()).await.unwrap(), 2);
    let broken = get(&ctx, broken.id).await.unwrap();
    assert_eq!(broken.last_error.as_deref(), Some("something went wrong on our side"));
    assert!(broken.next_run_at > Some(backend.now()) && broken.last_session_id.is_none());
    let other = get(&ctx, other.id).await.unwrap();
    assert_eq!(other.last_error, None);
    assert!(other.last_session_id.is_some());
    assert_eq!(run_due(&backend.system()).await.unwrap(), 0);
}

#[test]
fn times_are_told_in_their_zone_across_changes_of_the_clock() {
    for (cron, zone, now, next) in [
        ("30 7 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T05:30:00Z"),
        ("0 9 1 * *", "America/New_York", "2026-01-02T00:00:00Z", "2026-02-01T14:00:00Z"),
        ("*/15 * * * *", "UTC", "2026-01-02T00:00:00Z", "2026-01-02T00:15:00Z"),
        (" 0  0 * * SUN ", " Asia/Tokyo ", "2026-01-02T00:00:00Z", "2026-01-03T15:00:00Z"),
        // The clock leaps from 2:00 to 3:00: what it does not show is done as much later, once.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"),
        ("0 0 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-28T22:00:00Z"),
        // It shows 2:00 to 3:00 twice: what is to be done at a time of these is done at the first.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"),
        // What is done again and again goes by the time that passes.
        ("*/15 * * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-25T01:00:00Z"),
        ("30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("30 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),
    ] {
        let found = next_run(cron, zone, now.parse().unwrap()).unwrap();
        assert_eq!(found.to_string(), next, "{cron} {zone}");
    }
    let now = START.parse().unwrap();
    for (cron, zone, field) in [
        ("* * * *", "UTC", "cron"),
        ("* * * * * *", "UTC", "cron"),
        ("61 * * * *", "UTC", "cron"),
        ("often", "UTC", "cron"),
        ("", "UTC", "cron"),
        ("* * * * Europe/Berlin", "UTC", "cron"),
        ("* * * * *", "Middle/Earth", "time_zone"),
        ("* * * * *", "", "time_zone"),
    ] {
        let error = next_run(cron, zone, now).unwrap_err();
        assert_eq!(error.fields()[0].field, field, "{cron} {zone}: {error:?}");
    }
}

/// December has a last day, too, and each of its weekdays a last one.
#[test]
fn the_last_day_of_a_month_is_so_in_every_month() {
    for (cron, zone, now, next) in [
        ("0 9 L * *", "UTC", "2026-11-30T10:00:00Z", "2026-12-31T09:00:00Z"),
        ("0 9 L * *", "UTC", "2026-12-31T09:00:00Z", "2027-01-31T09:00:00Z"),
        ("0 9 1,L * *", "UTC", "2026-12-02T00:00:00Z", "2026-12-31T09:00:00Z"),
        ("0 9 L 12 *", "UTC", "2026-12-31T09:00:00Z", "2027-12-31T09:00:00Z"),
        ("0 9 L 2,6 *", "UTC", "2026-11-30T10:00:00Z", "2027-02-28T09:00:00Z"),
        ("*/30 * L * *", "America/New_York", "2027-01-01T04:10:00Z", "2027-01-01T04:30:00Z"),
        // The 31st is a Thursday in 2026 and a Friday in 2027.
        ("0 9 * * FRIL", "UTC", "2026-11-30T00:00:00Z", "2026-12-25T09:00:00Z"),
        ("0 9 * * 5L", "UTC", "2027-11-30T00:00:00Z", "2027-12-31T09:00:00Z"),
        ("0 9 * * 7L", "UTC", "2026-11-30T00:00:00Z", "2026-12-27T09:00:00Z"),
        ("0 9 * * 5L", "UTC", "2026-09-30T00:00:00Z", "2026-10-30T09:00:00Z"),
    ] {
        let found = next_run(cron, zone, now.parse().unwrap()).unwrap();
        assert_eq!(found.to_string(), next, "{cron} {zone}");
    }
}

/// What cannot be read would not be answered.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_not_asked_for_is_not_read(pool: PgPool) {
    let (backend, _) = at(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let made = schedule(&ctx, "* * * * *").await;
    assert_eq!(get(&ctx, made.id).await.unwrap(), made);
    let page = PageRequest::default();
    assert_eq!(list(&ctx, page.clone()).await.unwrap().items, std::slice::from_ref(&made));
    let spoil = "UPDATE schedules SET variables = '7', spec = jsonb_set(spec, '{tools}', '7')";
    sqlx::raw_sql(spoil).execute(&pool).await.unwrap();
    let fields = Fields::parse("goal,agent_name").unwrap();
    let expected = serde_json::json!({ "goal": made.goal, "agent_name": "Reader" });
    let one = get_part(&ctx, made.id, &fields).await.unwrap();
    assert_eq!(serde_json::to_value(one).unwrap(), expected);
    let all = list_parts(&ctx, page.clone(), &fields).await.unwrap().items;
    assert_eq!(serde_json::to_value(all).unwrap(), serde_json::json!([expected]));
    assert_eq!(get(&ctx, made.id).await.unwrap_err().kind(), FaultKind::Internal);
    assert_eq!(list(&ctx, page).await.unwrap_err().kind(), FaultKind::Internal);
}

//! Facts about what is counted: of two who make one more at the same time, one gets the last place.

use resonant_domain::alert::{ALERTS_MAX, NewAlert};
use resonant_domain::api_key::KEYS_MAX;
use resonant_domain::image::{IMAGES_MAX, ImageKind};
use resonant_domain::publisher::FOLLOWED_MAX;
use resonant_domain::schedule::SCHEDULES_MAX;
use resonant_domain::secret::SECRETS_MAX;
use resonant_domain::team::{NewTeam, TEAMS_MAX};
use resonant_domain::test_set::TEST_SETS_MAX;
use resonant_domain::webhook::WEBHOOKS_MAX;
use resonant_domain::{AgentId, FaultKind};
use serde_json::json;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, PgPool, raw_sql};

use super::*;
use crate::publications::tests::admin;
use crate::store::lock_waits::until_waiting;
use crate::{
    Backend, Ctx, Error, Result, access, agents, alerts, api_keys, follows, images, sample,
    schedules, secrets, store, teams, test_sets, triggers, webhooks,
};

/// All that is counted. Test sets, the last, are counted while their agent is locked.
const KINDS: [Option<Counted>; 10] = [
    Some(Counted::Alerts),
    Some(Counted::Follows),
    Some(Counted::Images),
    Some(Counted::Keys),
    Some(Counted::Schedules),
    Some(Counted::Secrets),
    Some(Counted::Teams),
    Some(Counted::Triggers),
    Some(Counted::Webhooks),
    None,
];

/// How many there may be.
fn most_of(counted: Option<Counted>) -> i64 {
    let most = match counted {
        Some(Counted::Alerts) => ALERTS_MAX,
        Some(Counted::Follows) => return FOLLOWED_MAX,
        Some(Counted::Images) => return IMAGES_MAX,
        Some(Counted::Keys) => KEYS_MAX,
        Some(Counted::Schedules) => SCHEDULES_MAX,
        Some(Counted::Secrets) => SECRETS_MAX,
        Some(Counted::Teams) => TEAMS_MAX,
        Some(Counted::Triggers | Counted::Webhooks) => WEBHOOKS_MAX,
        None => TEST_SETS_MAX,
    };
    i64::try_from(most).unwrap()
}

/// Somebody who makes things, and an agent of theirs.
struct Maker {
    pool: PgPool,
    ctx: Ctx,
    agent: AgentId,
}

impl Maker {
    /// Makes one, the `number`th.
    async fn make(&self, counted: Option<Counted>, number: i64) -> Result<()> {
        let Self { ctx, agent, .. } = self;
        match counted {
            Some(Counted::Alerts) => alerts::create(ctx, alert()).await.map(drop),
            Some(Counted::Follows) => follows::follow(ctx, &format!("publisher-{number}")).await,
            Some(Counted::Images) => {
                let picture = sample::picture(64, 64, u8::try_from(number).unwrap());
                images::upload(ctx, ImageKind::Avatar, picture).await.map(drop)
            }
            Some(Counted::Keys) => api_keys::create(ctx, sample::key("A key", &[])).await.map(drop),
            Some(Counted::Schedules) => {
                let new = sample::schedule(*agent, "0 7 * * *");
                schedules::create(ctx, new).await.map(drop)
            }
            Some(Counted::Secrets) => {
                secrets::create(ctx, sample::secret(&format!("KEY_{number}"))).await.map(drop)
            }
            Some(Counted::Teams) => {
                let new = NewTeam { name: "A team".to_owned(), slug: format!("team-{number}") };
                teams::create(ctx, new).await.map(drop)
            }
            Some(Counted::Triggers) => {
                triggers::create(ctx, sample::trigger(*agent)).await.map(drop)
            }
            Some(Counted::Webhooks) => webhooks::create(ctx, sample::webhook()).await.map(drop),
            None => test_sets::create(ctx, *agent, sample::test_set()).await.map(drop),
        }
    }

    /// Makes so many that there is room for one more.
    async fn fill(&self, counted: Option<Counted>) {
        let most = most_of(counted);
        Box::pin(self.make(counted, 0)).await.unwrap();
        let copies = match counted {
            Some(Counted::Alerts) => {
                "INSERT INTO alerts (alert_id, spec, since, created_at)
                 SELECT gen_random_uuid(), spec, since, created_at FROM alerts"
            }
            Some(Counted::Follows) => {
                "INSERT INTO publisher_follows (publisher_id, follower_id, created_at)
                 SELECT p.user_id, f.follower_id, now()
                 FROM publisher_follows f, publishers p
                 WHERE p.handle = 'publisher-' || more"
            }
            Some(Counted::Images) => {
                "INSERT INTO images (image_id, publisher_id, kind, width, height, fallback, thumbhash,
                                     placeholder, created_at, used_at)
                 SELECT gen_random_uuid(), publisher_id, kind, width, height, fallback, thumbhash,
                        placeholder, created_at, used_at FROM images"
            }
            _ => {
                for number in 1..most - 1 {
                    Box::pin(self.make(counted, number)).await.unwrap();
                }
                return;
            }
        };
        let (from, condition) = copies.split_once(" WHERE ").unwrap_or((copies, "TRUE"));
        let copies = format!("{from}, generate_series(1, {}) more WHERE {condition}", most - 2);
        raw_sql(AssertSqlSafe(copies)).execute(&self.pool).await.unwrap();
    }

    /// Counts, and does not come to an end.
    async fn hold(&self, conn: &mut PgConnection, counted: Option<Counted>) {
        let me = access::user(&self.ctx).unwrap();
        match counted {
            Some(Counted::Alerts) => {
                let nobody = UserId::from_uuid(Uuid::nil());
                lock(conn, Counted::Alerts, nobody).await.unwrap();
            }
            Some(counted) => lock(conn, counted, me).await.unwrap(),
            None => drop(store::agents::lock(conn, me, self.agent).await.unwrap()),
        }
    }
}

fn alert() -> NewAlert {
    let new = json!({
        "name": "Slow answers",
        "type": "threshold",
        "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "clear_value": 500, "period": "5m" },
        "channels": [{ "type": "webhook", "url": "http://127.0.0.1:9/alert" }],
    });
    serde_json::from_value(new).unwrap()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn one_of_two_at_a_time_gets_the_last_place(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ctx = admin(&backend).await;
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let publishers = format!(
        "WITH people AS (
             INSERT INTO users (user_id, kind, display_name, created_at, updated_at)
             SELECT gen_random_uuid(), 'guest', 'Publisher', now(), now()
             FROM generate_series(0, {FOLLOWED_MAX}) RETURNING user_id
         )
         INSERT INTO publishers (user_id, handle, name, created_at, updated_at)
         SELECT user_id, 'publisher-' || row_number() OVER () - 1, 'Publisher', now(), now()
         FROM people"
    );
    raw_sql(AssertSqlSafe(publishers)).execute(&pool).await.unwrap();
    let maker = Maker { pool, ctx, agent };
    for counted in KINDS {
        maker.fill(counted).await;
        let most = most_of(counted);
        let mut held = backend.catalogue_begin().await.unwrap();
        maker.hold(&mut held, counted).await;
        let mut both = Box::pin(async {
            let (one, two) = (maker.make(counted, most - 1), maker.make(counted, most));
            tokio::join!(Box::pin(one), Box::pin(two))
        });
        tokio::select! {
            made = &mut both => panic!("{counted:?} are counted side by side: {made:?}"),
            () = until_waiting(&mut held, 2) => {}
        }
        held.commit().await.unwrap();
        let (one, two) = both.await;
        let refused: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
        let kinds: Vec<_> = refused.iter().map(Error::kind).collect();
        assert_eq!(kinds, [FaultKind::Conflict], "{counted:?}: {refused:?}");
    }
}

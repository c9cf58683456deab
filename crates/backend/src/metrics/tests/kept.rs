//! For how long what was measured is kept.

use super::*;
use crate::Settings;

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn days_are_kept_for_as_long_as_their_hours(pool: PgPool) {
    let clock = clock();
    let settings = Settings { metrics_days: 7, ..sample::settings() };
    let backend = Backend::for_tests_at_with(pool, clock.clone(), &settings);
    let ctx = admin(&backend).await;
    request(&backend);
    Keeper::default().keep(&backend.system()).await.unwrap();
    for days in [20, 60, 20] {
        let counted = value(&ctx, "api.latency.count", "90d").await;
        assert_eq!(counted, Some(1.0), "{days}");
        clock.advance(SignedDuration::from_hours(24 * days));
        for _ in 0..2 {
            roll_up_at(&backend.system(), clock.now()).await.unwrap();
        }
    }
    assert_eq!(value(&ctx, "api.latency.count", "200d").await, Some(0.0));
}

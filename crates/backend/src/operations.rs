//! How the parts of the installation stand, at a glance. Nothing is told here that is not measured.

use std::sync::Arc;

use resonant_domain::alert::AlertState;
use resonant_domain::metric::{Family, Metric, Period};
use resonant_domain::operations::{
    CacheUse, Ended, Group, Limited, ModelUse, MoveStanding, Overview, ProcessStanding,
    ProviderStanding, ReplicaStanding, ShardStanding, Shown,
};

use crate::metrics::{self, Board, Wanted};
use crate::shards::{self, Unfinished};
use crate::{Backend, Ctx, Error, Result, processes, store};

mod charts;

/// The most rows of who asked too often.
const LIMITED_MAX: usize = 10;

/// What is told by label.
const LABELLED: [Family; 6] = [
    Family::SessionsEnded,
    Family::Limited,
    Family::ModelDuration,
    Family::ModelErrors,
    Family::CacheHits,
    Family::CacheMisses,
];

/// A part's title, and what is shown of it: each figure's title and metric.
type Part = (&'static str, &'static [(&'static str, &'static str)]);

/// What is shown, by part.
const PARTS: [Part; 5] = [
    (
        "Sessions",
        &[
            ("Running, on average", "sessions.active"),
            ("Running, at most", "sessions.active.max"),
            ("Ended", "sessions.ended"),
            ("Time to the end, p95", "agent.execution.duration.p95"),
            ("Tokens", "tokens.used"),
            ("Cost", "cost.usd"),
        ],
    ),
    (
        "Queue",
        &[
            ("Waiting, on average", "queue.depth"),
            ("Waiting, at most", "queue.depth.max"),
            ("Longest wait, on average", "queue.age"),
            ("Longest wait, at most", "queue.age.max"),
        ],
    ),
    (
        "Requests",
        &[
            ("Of programs", "api.latency.count"),
            ("Answered with an error", "api.error_rate"),
            ("Pages", "page.latency.count"),
            ("Time to a page, p99", "page.latency.p99"),
            ("Pages answered with an error", "page.error_rate"),
            ("Open event streams, on average", "sse.subscribers"),
        ],
    ),
    (
        "Tools",
        &[
            ("Calls", "tool.call.duration.count"),
            ("Time of a call, p50", "tool.call.duration.p50"),
            ("Time of a call, p99", "tool.call.duration.p99"),
        ],
    ),
    (
        "Database and processes",
        &[
            ("Statements", "db.query.duration.count"),
            ("Connections in use, on average", "db.pool.used"),
            ("Connections that may be open", "db.pool.size"),
            ("Wait for a connection, p99", "db.pool.wait.p99"),
            ("Memory of all processes", "process.memory"),
        ],
    ),
];

/// Tells how everything stood over the period that ends now.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "operations.overview", level = "debug", parent = ctx.span(), skip_all)]
pub async fn overview(ctx: &Ctx, period: Period) -> Result<Overview> {
    metrics::may_read(ctx).await?;
    make(ctx.backend(), period).await
}

/// The same for those who have passed already.
async fn make(backend: &Backend, period: Period) -> Result<Overview> {
    let figures = PARTS.iter().flat_map(|(_, figures)| figures.iter());
    let figures: Vec<_> =
        figures.filter_map(|(_, name)| Metric::parse("metrics", name).ok()).collect();
    let wanted = Wanted {
        wholes: &metrics::families(&figures),
        labels: &LABELLED,
        courses: &charts::drawn(),
        parts: charts::parts_of(period),
    };
    let board = Board::read(backend, period, &wanted).await?;
    let shown = |(title, name): &(&str, &str)| {
        let metric = figures.iter().find(|metric| metric.name() == *name)?;
        let unit = metric.unit().as_str().to_owned();
        Some(Shown { title: (*title).to_owned(), value: board.value(metric), unit })
    };
    let groups = PARTS.iter().map(|(title, figures)| Group {
        title: (*title).to_owned(),
        figures: figures.iter().filter_map(shown).collect(),
    });
    let groups = groups.collect();
    let ended = board.worst(Family::SessionsEnded).iter();
    let ended = ended.map(|(state, all)| Ended { state: state.clone(), sessions: all.sum });
    let processes = processes::standings(backend).await?;
    let models = models(&board);
    let spread = shards::spread(backend).await?;
    let limited = board.worst(Family::Limited).iter();
    let limited = limited.map(|(who, all)| Limited { who: who.clone(), refused: all.sum });
    let mut conn = backend.catalogue_read().await?;
    let alerts = store::alerts::list(&mut conn, None, i64::MAX).await?;
    let firing = alerts.iter().filter(|stored| stored.alert.state == AlertState::Firing).count();
    Ok(Overview {
        period: period.to_string(),
        at: board.to(),
        groups,
        times: board.courses().at.clone(),
        charts: charts::charts(board.courses()),
        ended: ended.collect(),
        caches: caches(&board, &processes),
        replicas: ReplicaStanding::of(&processes),
        shards: (0..)
            .zip(spread.buckets)
            .map(|(number, buckets)| ShardStanding {
                number,
                buckets: u64::try_from(buckets.len()).unwrap_or(0),
            })
            .collect(),
        moves: spread
            .moves
            .into_iter()
            .map(|Unfinished { bucket, from, to }| MoveStanding { bucket, from, to })
            .collect(),
        limited: limited.take(LIMITED_MAX).collect(),
        providers: ProviderStanding::of(&processes, &models),
        models,
        processes,
        firing: u64::try_from(firing).unwrap_or(0),
        alerts: u64::try_from(alerts.len()).unwrap_or(0),
    })
}

/// The same for many: those who look at the same time share one answer.
///
/// # Errors
/// Those of [`overview`].
#[tracing::instrument(name = "operations.shared_overview", level = "debug", parent = ctx.span(), skip_all)]
pub async fn shared_overview(ctx: &Ctx, period: Period) -> Result<Arc<Overview>> {
    metrics::may_read(ctx).await?;
    let made = Box::pin(async { make(ctx.backend(), period).await.map(Arc::new) });
    let shared = ctx.backend().boards().overviews.try_get_with(period.seconds(), made).await;
    shared.map_err(Error::shared)
}

/// How the models did that were asked; the one that took the most time comes first.
fn models(board: &Board) -> Vec<ModelUse> {
    #[expect(clippy::cast_precision_loss, reason = "durations stay far below 2^52 microseconds")]
    let ms = |micros: u64| micros as f64 / 1_000.0;
    let mut all: Vec<_> = board
        .worst(Family::ModelDuration)
        .iter()
        .map(|(name, took)| ModelUse {
            name: name.clone(),
            replies: took.count,
            p50_ms: took.quantile(500).map(ms),
            p99_ms: took.quantile(990).map(ms),
            errors: 0,
        })
        .collect();
    for (name, errors) in board.worst(Family::ModelErrors) {
        match all.iter_mut().find(|known| known.name == *name) {
            Some(known) => known.errors = errors.sum,
            None => all.push(ModelUse {
                name: name.clone(),
                replies: 0,
                p50_ms: None,
                p99_ms: None,
                errors: errors.sum,
            }),
        }
    }
    all
}

/// What the cache did, by kind, and what the processes have of each; the kind that was asked the most
/// comes first.
fn caches(board: &Board, processes: &[ProcessStanding]) -> Vec<CacheUse> {
    let mut all: Vec<CacheUse> = Vec::new();
    for (family, is_hit) in [(Family::CacheHits, true), (Family::CacheMisses, false)] {
        for (kind, counted) in board.worst(family) {
            let index = all.iter().position(|known| known.kind == *kind).unwrap_or_else(|| {
                all.push(CacheUse { kind: kind.clone(), ..CacheUse::default() });
                all.len() - 1
            });
            let used = &mut all[index];
            *(if is_hit { &mut used.hits } else { &mut used.misses }) += counted.sum;
        }
    }
    for own in processes.iter().flat_map(|process| &process.state.caches) {
        if let Some(used) = all.iter_mut().find(|used| used.kind == own.kind) {
            used.stale += own.stale;
            used.entries += own.entries;
            used.bytes += own.bytes;
        }
    }
    all.sort_by_key(|used| std::cmp::Reverse(used.hits + used.misses));
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use resonant_domain::FaultKind;
    use resonant_runtime::models::ModelWatch as _;
    use sqlx::PgPool;

    use super::*;
    use crate::metrics::Keeper;
    use crate::processes::Process;
    use crate::{Backend, members, sample};

    #[test]
    fn every_figure_is_a_metric() {
        for (title, name) in PARTS.iter().flat_map(|(_, figures)| figures.iter()) {
            assert!(Metric::parse("metrics", name).is_ok(), "{title}: {name}");
        }
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn those_who_operate_see_what_was_measured(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let root = sample::member(&backend, "root").await.unwrap();
        let stranger = overview(&root, Period::HOUR).await.unwrap_err();
        assert_eq!(stranger.kind(), FaultKind::NotFound);
        members::appoint_admin(&backend.system(), "root@example.org").await.unwrap();
        let metrics = backend.metrics();
        metrics.add(Family::SessionsEnded, "completed", 3);
        metrics.add(Family::SessionsEnded, "failed", 1);
        metrics.replied("openai:gpt", Duration::from_millis(20));
        metrics.failed("openai:gpt");
        metrics.failed("gemini:pro");
        metrics.add(Family::Limited, "caller user:1", 2);
        metrics.add(Family::Limited, "address address:192.0.2.1", 5);
        metrics.add(Family::CacheHits, "of a test", 1_000_000);
        metrics.add(Family::CacheMisses, "of a test", 1_000_000);
        Keeper::default().keep(&backend.system()).await.unwrap();
        let overview = overview(&root, Period::HOUR).await.unwrap();
        let ended: Vec<_> =
            overview.ended.iter().map(|one| (one.state.as_str(), one.sessions)).collect();
        assert_eq!(ended, [("completed", 3), ("failed", 1)]);
        assert_eq!(overview.caches[0].hit_percent(), Some(50), "{:?}", overview.caches);
        assert!(overview.replicas.is_empty() && overview.providers.is_empty());
        assert!(overview.processes.is_empty(), "none has told of itself");
        let chart = |title| overview.charts.iter().find(|chart| chart.title == title).unwrap();
        assert_eq!(chart("Sessions ended").highest(), Some(4.0));
        let rate = chart("Cache hit rate").highest().unwrap();
        assert!((rate - 50.0).abs() < 0.1, "{rate}");
        for curve in overview.charts.iter().flat_map(|chart| &chart.curves) {
            assert_eq!(curve.points.len(), overview.times.len(), "{}", curve.title);
        }
        assert_eq!(overview.shards, [ShardStanding { number: 0, buckets: 1_024 }]);
        let limited: Vec<_> =
            overview.limited.iter().map(|one| (one.who.as_str(), one.refused)).collect();
        assert_eq!(limited, [("address address:192.0.2.1", 5), ("caller user:1", 2)]);
        let models: Vec<_> = overview.models.iter().map(|one| (one.replies, one.errors)).collect();
        assert_eq!(models, [(1, 1), (0, 1)], "{:?}", overview.models);
        let (one, two) = tokio::join!(
            shared_overview(&root, Period::HOUR),
            shared_overview(&root, Period::HOUR)
        );
        assert!(Arc::ptr_eq(&one.unwrap(), &two.unwrap()), "it was made once for both");
        let other = shared_overview(&backend.anonymous(), Period::HOUR).await;
        assert_eq!(other.unwrap_err().kind(), FaultKind::Unauthenticated);
        let sessions = &overview.groups[0];
        let ended = sessions.figures.iter().find(|shown| shown.title == "Ended").unwrap();
        assert_eq!(ended.value, Some(4.0));
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn what_each_process_has_adds_up(pool: PgPool) {
        let (one, two) = (Backend::for_tests(pool.clone()), Backend::for_tests(pool));
        let root = sample::member(&one, "root").await.unwrap();
        members::appoint_admin(&one.system(), "root@example.org").await.unwrap();
        let agent = crate::agents::create(&root, sample::spec("Shared")).await.unwrap();
        let reader = two.ctx(root.actor(), crate::RequestId::new("test"));
        let process = Process::begin("all", "1.2.3", 1);
        for (backend, ctx) in [(&one, &root), (&two, &reader)] {
            crate::agents::get(ctx, agent.id).await.unwrap();
            crate::agents::get(ctx, agent.id).await.unwrap();
            Keeper::default().keep(&backend.system()).await.unwrap();
            crate::processes::tell(&backend.system(), &process).await.unwrap();
        }
        let overview = overview(&root, Period::HOUR).await.unwrap();
        assert_eq!(overview.processes.len(), 2);
        let own = |process: &ProcessStanding, kind: &str| {
            let used = process.state.caches.iter().find(|used| used.kind == kind);
            used.map_or(0, |used| used.entries)
        };
        for used in &overview.caches {
            let sum: u64 = overview.processes.iter().map(|one| own(one, &used.kind)).sum();
            assert_eq!(used.entries, sum, "{}", used.kind);
        }
    }
}

//! How the installation stands to its service targets.

mod behind;

use std::sync::Arc;

use resonant_domain::distribution::Distribution;
use resonant_domain::metric::{Family, Metric, Period};
use resonant_domain::slo::{
    Figure, Good, Level, OBJECTIVES, Objective, Ranked, Ranking, Report, Slow,
};

use crate::metrics::{self, Board, Wanted};
use crate::{Backend, Ctx, Error, Result};

/// Parts of the period that a curve is drawn from.
const POINTS: u32 = 60;
/// The most rows of a ranking.
const RANKED: usize = 8;
/// What is ranked by the time that it took.
const RANKINGS: [(&str, Family); 3] = [
    ("Routes", Family::ApiLatency),
    ("Agents", Family::AgentExecution),
    ("Statements", Family::DbQuery),
];
/// What else is told, beside the targets.
const FIGURES: [&str; 14] = [
    "api.latency.count",
    "api.error_rate",
    "sessions.active",
    "queue.depth",
    "queue.age",
    "sessions.ended",
    "tokens.used",
    "cost.usd",
    "sse.subscribers",
    "cache.hits",
    "cache.misses",
    "db.pool.used",
    "db.pool.wait.p99",
    "process.memory",
];

/// Tells how the targets were kept over the period that ends now.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "service_levels.report", level = "debug", parent = ctx.span(), skip_all)]
pub async fn report(ctx: &Ctx, period: Period) -> Result<Report> {
    metrics::may_read(ctx).await?;
    make(ctx.backend(), period).await
}

/// The same for those who have passed already.
async fn make(backend: &Backend, period: Period) -> Result<Report> {
    let (targets, figures) = (OBJECTIVES.map(|objective| objective.metric), known(&FIGURES));
    let targets = known(&targets);
    let counted = OBJECTIVES.iter().flat_map(|objective| match objective.good {
        Good::Fast(family) => vec![family],
        Good::Counted(good, bad) => vec![good, bad],
    });
    let counted: Vec<_> = counted.collect();
    let ranked_by = RANKINGS.map(|(_, family)| family);
    let wanted = Wanted {
        wholes: &[metrics::families(&targets), metrics::families(&figures), counted.clone()]
            .concat(),
        labels: &[&counted[..], &ranked_by[..]].concat(),
        courses: &targets,
        parts: POINTS,
    };
    let board = Board::read(backend, period, &wanted).await?;
    let levels = OBJECTIVES.iter().zip(&targets).zip(&board.courses().values);
    let levels: Vec<_> = levels
        .map(|((objective, target), points)| level(&board, objective, target, points))
        .collect();
    let worst = RANKINGS.map(|(title, family)| {
        let rows = board.worst(family).iter().take(RANKED).map(ranked).collect();
        Ranking { title: title.to_owned(), rows }
    });
    let worst = Vec::from(worst);
    let agents = behind::name_agents(backend, &levels, &worst).await?;
    let slow = metrics::slowest(backend, period).await?;
    Ok(Report {
        period: period.to_string(),
        at: board.to(),
        levels,
        worst,
        agents,
        slow: slow
            .into_iter()
            .map(|sample| Slow {
                at: sample.at,
                kind: sample.kind.as_str().to_owned(),
                name: sample.name,
                duration_ms: millis(u64::try_from(sample.duration_us).unwrap_or(0)),
                request_id: sample.request_id,
                trace_id: sample.trace_id,
            })
            .collect(),
        figures: figures
            .iter()
            .map(|metric| Figure {
                unit: metric.unit().as_str().to_owned(),
                metric: metric.name().to_owned(),
                value: board.value(metric),
            })
            .collect(),
    })
}

/// The same for many: those who look at the same time share one answer.
///
/// # Errors
/// Those of [`report`].
#[tracing::instrument(name = "service_levels.shared_report", level = "debug", parent = ctx.span(), skip_all)]
pub async fn shared_report(ctx: &Ctx, period: Period) -> Result<Arc<Report>> {
    metrics::may_read(ctx).await?;
    let made = Box::pin(async { make(ctx.backend(), period).await.map(Arc::new) });
    let shared = ctx.backend().boards().reports.try_get_with(period.seconds(), made).await;
    shared.map_err(Error::shared)
}

/// How one target was kept: `metric` is shown beside it, in parts of the period too.
fn level(board: &Board, objective: &Objective, metric: &Metric, points: &[Option<f64>]) -> Level {
    let value = board.value(metric);
    let (bad, all) = match objective.good {
        Good::Fast(family) => {
            let all = board.whole(family);
            (all.count_above(limit_of(objective)), all.count)
        }
        Good::Counted(good, bad) => {
            let (good, bad) = (board.whole(good).sum, board.whole(bad).sum);
            (bad, good + bad)
        }
    };
    Level {
        title: objective.title.to_owned(),
        metric: objective.metric.to_owned(),
        unit: metric.unit().as_str().to_owned(),
        target: objective.target,
        critical: objective.critical,
        value,
        standing: objective.standing(value),
        burn_rate: objective.burn_rate(bad, all),
        points: points.to_vec(),
        behind: behind::of(board, objective, RANKED),
    }
}

/// A target as a distribution is kept: in microseconds, where a target is in milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a target is some seconds"
)]
fn limit_of(objective: &Objective) -> u64 {
    (objective.target * 1_000.0) as u64
}

/// The metrics of these names; all of them are known, which a test sees to.
fn known(names: &[&str]) -> Vec<Metric> {
    names.iter().filter_map(|name| Metric::parse("metrics", name).ok()).collect()
}

fn ranked((name, all): &(String, Distribution)) -> Ranked {
    Ranked {
        name: name.clone(),
        count: all.count,
        p50_ms: millis(all.quantile(500).unwrap_or(0)),
        p99_ms: millis(all.quantile(990).unwrap_or(0)),
        total_ms: millis(all.sum),
    }
}

#[expect(clippy::cast_precision_loss, reason = "durations stay far below 2^52 microseconds")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use resonant_domain::FaultKind;
    use resonant_domain::slo::Standing;
    use sqlx::PgPool;

    use super::*;
    use crate::metrics::{Keeper, SlowKind, SlowSample};
    use crate::{Backend, members, sample};

    #[test]
    fn every_figure_and_target_is_a_metric() {
        assert_eq!(known(&FIGURES).len(), FIGURES.len());
        let targets = OBJECTIVES.map(|objective| objective.metric);
        assert_eq!(known(&targets).len(), targets.len());
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn the_targets_stand_beside_what_was_measured(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let root = sample::member(&backend, "root").await.unwrap();
        let stranger = report(&root, Period::HOUR).await.unwrap_err();
        assert_eq!(stranger.kind(), FaultKind::NotFound);
        members::appoint_admin(&backend.system(), "root@example.org").await.unwrap();
        let metrics = backend.metrics();
        for number in 0..100 {
            let took = if number < 98 { 20 } else { 900 };
            metrics.observe(Family::ApiLatency, "GET /slow", Duration::from_millis(took));
        }
        metrics.observe(Family::ApiLatency, "GET /fast", Duration::from_millis(1));
        metrics.note_slow(SlowSample {
            at: backend.now(),
            kind: SlowKind::Request,
            name: "GET /slow".to_owned(),
            duration_us: 900_000,
            request_id: Some("request-1".to_owned()),
            trace_id: None,
        });
        metrics.add(Family::CacheHits, "listing", 9);
        metrics.add(Family::CacheMisses, "listing", 1);
        Keeper::default().keep(&backend.system()).await.unwrap();

        let report = report(&root, Period::HOUR).await.unwrap();
        let standings: Vec<_> = report.levels.iter().map(|level| level.standing).collect();
        let expected = [
            Standing::Kept,
            Standing::Missed,
            Standing::Unknown,
            Standing::Unknown,
            Standing::Kept,
        ];
        assert_eq!(standings, expected);
        let burn = report.levels[1].burn_rate.unwrap();
        assert!((burn - 2.0).abs() < 0.05, "two in a hundred where one may be: {burn}");
        assert_eq!(report.levels[4].burn_rate, Some(0.5));
        assert_eq!(report.levels[0].points.iter().flatten().count(), 1);
        let behind: Vec<_> =
            report.levels[1].behind.iter().map(|row| (row.name.as_str(), row.bad)).collect();
        assert_eq!(behind, [("GET /slow", 2), ("GET /fast", 0)]);
        assert!(report.levels[1].behind[0].value.unwrap() > 800.0, "its own p99");
        let keys = &report.levels[4].behind[0];
        assert_eq!((keys.name.as_str(), keys.count, keys.bad), ("listing", 10, 1));
        assert_eq!(keys.value, Some(90.0), "its own hit rate");
        let routes: Vec<_> = report.worst[0].rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(routes, ["GET /slow", "GET /fast"]);
        assert_eq!(report.slow[0].request_id.as_deref(), Some("request-1"));
        let count = report.figures.iter().find(|figure| figure.metric == "api.latency.count");
        assert_eq!(count.unwrap().value, Some(101.0));
    }
}

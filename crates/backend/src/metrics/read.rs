//! Answers questions about what was measured, across processes and for any period.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use resonant_domain::alert::course::Measured as Measurement;
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::{Family, Metric, Period};

use super::Step;
use super::roll_up::{HOURS_LAST, MINUTES_LAST, combine};
use crate::store::metrics::{Row, Segment};
use crate::{Backend, Ctx, Result, access, store};

/// What is asked: which metrics, how far back.
#[derive(Debug, Clone)]
pub struct Question {
    /// The metrics.
    pub metrics: Vec<Metric>,
    /// How far back from now.
    pub period: Period,
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Where the period begins: at a whole minute, or hour or day when that is what is still kept.
    pub from: Timestamp,
    /// Where it ends: now.
    pub to: Timestamp,
    /// Each metric's value in the order of the question; `None` when nothing was measured.
    pub values: Vec<(Metric, Option<f64>)>,
}

/// A metric's value in one part of a period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Where the part begins.
    pub at: Timestamp,
    /// The value; `None` when nothing was measured.
    pub value: Option<f64>,
}

/// Metrics' values in the parts of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Courses {
    /// Where each part begins.
    pub at: Vec<Timestamp>,
    /// Where the last one ends.
    pub to: Timestamp,
    /// Of each metric, in the order of the question, a value for each part; `None` where nothing was
    /// measured.
    pub values: Vec<Vec<Option<f64>>>,
}

/// Lets pass whoever may read what was measured.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "metrics.may_read", level = "debug", parent = ctx.span(), skip_all)]
pub async fn may_read(ctx: &Ctx) -> Result<()> {
    access::operator(ctx).await
}

/// Tells the value of each metric over the period that ends now.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "metrics.read", level = "debug", parent = ctx.span(), skip_all)]
pub async fn read(ctx: &Ctx, question: Question) -> Result<Answer> {
    access::operator(ctx).await?;
    let span = Span::back(ctx.backend(), question.period);
    let measured = measured(ctx.backend(), &families(&question.metrics), &span).await?;
    let seconds = f64::from(question.period.seconds());
    let values = question.metrics.into_iter().map(|metric| {
        let value = metric.value(&|family| combined(&measured, family), seconds);
        (metric, value)
    });
    Ok(Answer { from: span.from, to: span.to, values: values.collect() })
}

/// What was measured of each metric over its own period, in the order in which they are wanted.
pub(crate) async fn look(ctx: &Ctx, wanted: &[(&Metric, Period)]) -> Result<Vec<Measurement>> {
    access::operator(ctx).await?;
    let mut by_period: BTreeMap<Period, Vec<Family>> = BTreeMap::new();
    for (metric, period) in wanted {
        by_period.entry(*period).or_default().extend(metric.families());
    }
    let mut found = HashMap::new();
    for (period, families) in by_period {
        let span = Span::back(ctx.backend(), period);
        found.insert(period, measured(ctx.backend(), &families, &span).await?);
    }
    let none = Measured::new();
    Ok(wanted
        .iter()
        .map(|(metric, period)| {
            let all = found.get(period).unwrap_or(&none);
            let of = |family| combined(all, family);
            let seconds = f64::from(period.seconds());
            let is_there = |family| of(family).is_some_and(|all| !all.is_empty());
            Measurement {
                value: metric.value(&of, seconds),
                is_there: metric.families().into_iter().any(is_there),
            }
        })
        .collect())
}

/// Tells the value of a metric in about `parts` equal parts of the period that ends now; each is some
/// whole minutes, hours or days long.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "metrics.series", level = "debug", parent = ctx.span(), skip_all)]
pub async fn series(ctx: &Ctx, metric: &Metric, period: Period, parts: u32) -> Result<Vec<Point>> {
    let courses = courses(ctx, std::slice::from_ref(metric), period, parts).await?;
    let values = courses.values.into_iter().flatten();
    Ok(courses.at.into_iter().zip(values).map(|(at, value)| Point { at, value }).collect())
}

/// The same for several metrics at once, in the same parts.
///
/// # Errors
/// Those of [`series`].
#[tracing::instrument(name = "metrics.courses", level = "debug", parent = ctx.span(), skip_all)]
pub async fn courses(ctx: &Ctx, metrics: &[Metric], period: Period, parts: u32) -> Result<Courses> {
    access::operator(ctx).await?;
    let wanted = i64::from(period.seconds() / parts.max(1));
    // Rows wider than a part would leave the parts between them empty.
    let fits = [Step::Day, Step::Hour].into_iter().find(|step| step.seconds() <= wanted);
    let step = fits.unwrap_or(Step::Minute).max(finest(period));
    let width = (wanted.max(1) + step.seconds() - 1) / step.seconds() * step.seconds();
    let whole = Span::back(ctx.backend(), period);
    let span = Span { from: step.floor(whole.from), coarsest: step, ..whole };
    let part_of = |at: Timestamp| (at.as_second() - span.from.as_second()) / width;
    let mut by_part: HashMap<(Family, i64), Vec<Row>> = HashMap::new();
    for (family, rows) in measured(ctx.backend(), &families(metrics), &span).await? {
        for row in rows {
            by_part.entry((family, part_of(row.at))).or_default().push(row);
        }
    }
    let parts = 0..=part_of(span.to);
    let value = |metric: &Metric, part: i64| {
        let within = |family| {
            let rows = by_part.get(&(family, part))?.iter();
            Some(combine(family, rows.map(|row| (row.at, &row.distribution))))
        };
        #[expect(clippy::cast_precision_loss, reason = "a width is some seconds")]
        metric.value(&within, width as f64)
    };
    Ok(Courses {
        at: parts
            .clone()
            .map(|part| {
                let at = Timestamp::from_second(span.from.as_second() + part * width);
                at.unwrap_or(span.from)
            })
            .collect(),
        to: span.to,
        values: metrics
            .iter()
            .map(|metric| parts.clone().map(|part| value(metric, part)).collect())
            .collect(),
    })
}

/// The labels of a family in the period, each with all that was measured of it; those that took the
/// most in sum come first.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "metrics.worst", level = "debug", parent = ctx.span(), skip_all)]
pub async fn worst(
    ctx: &Ctx,
    family: Family,
    period: Period,
) -> Result<Vec<(String, Distribution)>> {
    access::operator(ctx).await?;
    let span = Span::back(ctx.backend(), period);
    let mut conn = ctx.backend().catalogue_read().await?;
    let segments = segments(&mut conn, &span).await?;
    let rows = store::metrics::list_labels(&mut conn, family, &segments).await?;
    let mut labels: HashMap<String, Distribution> = HashMap::new();
    for row in rows {
        labels.entry(row.label).or_default().merge(&row.distribution);
    }
    let mut labels: Vec<_> = labels.into_iter().collect();
    labels.sort_by(|(name, one), (other_name, other)| {
        other.sum.cmp(&one.sum).then_with(|| name.cmp(other_name))
    });
    Ok(labels)
}

/// All that was measured of a family in the period, whatever its labels.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "metrics.whole", level = "debug", parent = ctx.span(), skip_all)]
pub async fn whole(ctx: &Ctx, family: Family, period: Period) -> Result<Distribution> {
    access::operator(ctx).await?;
    let measured = measured(ctx.backend(), &[family], &Span::back(ctx.backend(), period)).await?;
    Ok(combined(&measured, family).unwrap_or_default())
}

/// The finest step whose rows are kept for so long.
fn finest(period: Period) -> Step {
    let back = SignedDuration::from_secs(period.seconds().into());
    if back > HOURS_LAST {
        Step::Day
    } else if back > MINUTES_LAST {
        Step::Hour
    } else {
        Step::Minute
    }
}

/// The time that is asked about.
struct Span {
    from: Timestamp,
    to: Timestamp,
    /// The longest step that may be read.
    coarsest: Step,
}

impl Span {
    fn back(backend: &Backend, period: Period) -> Self {
        let to = backend.now();
        let from = to - SignedDuration::from_secs(period.seconds().into());
        Self { from: finest(period).floor(from), to, coarsest: Step::Day }
    }
}

type Measured = HashMap<Family, Vec<Row>>;

fn families(metrics: &[Metric]) -> Vec<Family> {
    let mut families: Vec<_> = metrics.iter().flat_map(Metric::families).collect();
    families.sort_unstable();
    families.dedup();
    families
}

async fn measured(backend: &Backend, families: &[Family], span: &Span) -> Result<Measured> {
    let mut conn = backend.catalogue_read().await?;
    let segments = segments(&mut conn, span).await?;
    let mut measured = Measured::new();
    for row in store::metrics::list_wholes(&mut conn, families, &segments).await? {
        measured.entry(row.family).or_default().push(row);
    }
    Ok(measured)
}

fn combined(measured: &Measured, family: Family) -> Option<Distribution> {
    let rows = measured.get(&family)?;
    Some(combine(family, rows.iter().map(|row| (row.at, &row.distribution))))
}

/// Cuts the span into pieces that are read from days, hours and minutes.
async fn segments(conn: &mut sqlx::PgConnection, span: &Span) -> Result<Vec<Segment>> {
    let mut done = BTreeMap::new();
    for step in [Step::Hour, Step::Day] {
        if let Some(until) = store::metrics::find_done(conn, step).await? {
            done.insert(step, until);
        }
    }
    Ok(cut(span.coarsest, span.from, span.to, &done))
}

/// The whole steps that are done are read as such, what lies around them from finer rows.
pub(super) fn cut(
    step: Step,
    from: Timestamp,
    to: Timestamp,
    done: &BTreeMap<Step, Timestamp>,
) -> Vec<Segment> {
    let finer = match step {
        Step::Day => Step::Hour,
        Step::Hour => Step::Minute,
        Step::Minute => return vec![Segment { step, from, to }],
    };
    let begin = step.ceil(from);
    let end = done.get(&step).map_or(begin, |done| step.floor(to).min(*done));
    if begin >= end {
        return cut(finer, from, to, done);
    }
    let mut segments = if from < begin { cut(finer, from, begin, done) } else { Vec::new() };
    segments.push(Segment { step, from: begin, to: end });
    if end < to {
        segments.extend(cut(finer, end, to, done));
    }
    segments
}

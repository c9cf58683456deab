//! Answers questions about what was measured, across processes and for any period.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use resonant_domain::alert::course::Measured as Measurement;
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::{Family, Metric, Period};

use super::Step;
use super::board::{Board, Measured, Span, Wanted, combined, families, measured};
use crate::store::metrics::Segment;
use crate::{Ctx, Result, access, store};

/// What every process writes each time, whatever it does.
const ALWAYS: Family = Family::DbPoolSize;

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
    let wholes = families(&question.metrics);
    let wanted = Wanted { wholes: &wholes, ..Wanted::default() };
    let board = Board::read(ctx.backend(), question.period, &wanted).await?;
    let values = question.metrics.into_iter().map(|metric| {
        let value = board.value(&metric);
        (metric, value)
    });
    Ok(Answer { values: values.collect(), from: board.span.from, to: board.span.to })
}

/// What was measured of each metric over its own period, in the order in which they are wanted.
pub(crate) async fn look(ctx: &Ctx, wanted: &[(&Metric, Period)]) -> Result<Vec<Measurement>> {
    access::operator(ctx).await?;
    let mut by_period: BTreeMap<Period, Vec<Family>> = BTreeMap::new();
    for (metric, period) in wanted {
        let families = by_period.entry(*period).or_default();
        families.extend(metric.families());
        if metric.is_count() {
            families.push(ALWAYS);
        }
    }
    let mut found = HashMap::new();
    if !by_period.is_empty() {
        let mut conn = ctx.backend().catalogue_read().await?;
        let done = store::metrics::list_done(&mut conn).await?;
        for (period, families) in by_period {
            let span = Span::back(ctx.backend(), period);
            let rows = measured(&mut conn, &families, &span.segments(&done)).await?;
            found.insert(period, (rows, span.seconds()));
        }
    }
    let none = (Measured::new(), 0.0);
    Ok(wanted
        .iter()
        .map(|(metric, period)| {
            let (all, seconds) = found.get(period).unwrap_or(&none);
            let of = |family| combined(all, family);
            let is_there = |family| of(family).is_some_and(|all| !all.is_empty());
            // Where no process has written, none is no number.
            let is_counted = !metric.is_count() || is_there(ALWAYS);
            let value = metric.value(&of, *seconds).filter(|_| is_counted);
            let is_there = metric.families().into_iter().any(is_there);
            Measurement { value, is_there, was_there: is_there }
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
    let wanted = Wanted { courses: metrics, parts, ..Wanted::default() };
    Ok(Board::read(ctx.backend(), period, &wanted).await?.into_courses())
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
    let wanted = Wanted { labels: &[family], ..Wanted::default() };
    Ok(Board::read(ctx.backend(), period, &wanted).await?.into_worst(family))
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

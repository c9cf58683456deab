//! What was measured over one period, for those who have passed already. Whatever is asked of it is read
//! by four statements, however many families and metrics there are.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::{Family, Metric, Period};
use sqlx::PgConnection;

use super::Step;
use super::read::{Courses, cut};
use super::roll_up::{HOURS_LAST, MINUTES_LAST, combine};
use crate::store::metrics::{Row, Segment};
use crate::{Backend, Result, store};

/// What is wanted of a period.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    /// Families as a whole.
    pub(crate) wholes: &'a [Family],
    /// Families by their labels.
    pub(crate) labels: &'a [Family],
    /// Metrics in the parts of the period.
    pub(crate) courses: &'a [Metric],
    /// In about how many parts.
    pub(crate) parts: u32,
}

/// A family's labels, each with all that was measured of it; those that took the most in sum come first.
pub(crate) type Labels = Vec<(String, Distribution)>;

/// What was measured over a period.
pub(crate) struct Board {
    pub(super) span: Span,
    wholes: Measured,
    labels: HashMap<Family, Labels>,
    courses: Courses,
}

impl Board {
    /// Reads what is wanted of the period that ends now.
    pub(crate) async fn read(
        backend: &Backend,
        period: Period,
        wanted: &Wanted<'_>,
    ) -> Result<Self> {
        let span = Span::back(backend, period);
        let mut conn = backend.catalogue_read().await?;
        let done = store::metrics::list_done(&mut conn).await?;
        let wholes = measured(&mut conn, wanted.wholes, &span.segments(&done)).await?;
        let labels = labels(&mut conn, wanted.labels, &span.segments(&done)).await?;
        let parts = Parts::of(&span, period, wanted.parts);
        let (in_parts, segments) = (families(wanted.courses), parts.span.segments(&done));
        let rows = measured(&mut conn, &in_parts, &segments).await?;
        let courses = parts.courses(wanted.courses, rows);
        Ok(Self { span, wholes, labels, courses })
    }

    /// The instant at which the period ends.
    pub(crate) const fn to(&self) -> Timestamp {
        self.span.to
    }

    /// The value of a metric whose families are wanted as a whole.
    pub(crate) fn value(&self, metric: &Metric) -> Option<f64> {
        metric.value(&|family| combined(&self.wholes, family), self.span.seconds())
    }

    /// All that was measured of a family, whatever its labels.
    pub(crate) fn whole(&self, family: Family) -> Distribution {
        combined(&self.wholes, family).unwrap_or_default()
    }

    /// The labels of a family.
    pub(crate) fn worst(&self, family: Family) -> &[(String, Distribution)] {
        self.labels.get(&family).map(Vec::as_slice).unwrap_or_default()
    }

    /// The metrics in the parts of the period.
    pub(crate) const fn courses(&self) -> &Courses {
        &self.courses
    }

    /// The same for one who wants nothing else.
    pub(super) fn into_courses(self) -> Courses {
        self.courses
    }

    /// The labels of a family, for one who wants nothing else.
    pub(super) fn into_worst(mut self, family: Family) -> Labels {
        self.labels.remove(&family).unwrap_or_default()
    }
}

/// The families of metrics, each once.
pub(crate) fn families(metrics: &[Metric]) -> Vec<Family> {
    let mut families: Vec<_> = metrics.iter().flat_map(Metric::families).collect();
    families.sort_unstable();
    families.dedup();
    families
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
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// The longest step that may be read.
    coarsest: Step,
}

impl Span {
    pub(super) fn back(backend: &Backend, period: Period) -> Self {
        let to = backend.now();
        let from = to - SignedDuration::from_secs(period.seconds().into());
        Self { from: finest(period).floor(from), to, coarsest: Step::Day }
    }

    /// How long it is. A period that does not begin with a whole minute is read from a little earlier on.
    pub(super) fn seconds(&self) -> f64 {
        self.to.duration_since(self.from).as_secs_f64()
    }

    /// The pieces of it that are read from days, hours and minutes.
    pub(super) fn segments(&self, done: &BTreeMap<Step, Timestamp>) -> Vec<Segment> {
        cut(self.coarsest, self.from, self.to, done)
    }
}

/// What was measured of families as a whole.
pub(super) type Measured = HashMap<Family, Vec<Row>>;

/// Reads families as a whole.
pub(super) async fn measured(
    conn: &mut PgConnection,
    families: &[Family],
    segments: &[Segment],
) -> Result<Measured> {
    let mut measured = Measured::new();
    if !families.is_empty() {
        for row in store::metrics::list_wholes(conn, families, segments).await? {
            measured.entry(row.family).or_default().push(row);
        }
    }
    Ok(measured)
}

/// All that was measured of a family.
pub(super) fn combined(measured: &Measured, family: Family) -> Option<Distribution> {
    let rows = measured.get(&family)?;
    Some(combine(family, rows.iter().map(|row| (row.at, &row.distribution))))
}

async fn labels(
    conn: &mut PgConnection,
    families: &[Family],
    segments: &[Segment],
) -> Result<HashMap<Family, Labels>> {
    let mut found: HashMap<Family, HashMap<String, Distribution>> = HashMap::new();
    if !families.is_empty() {
        for row in store::metrics::list_labels(conn, families, segments).await? {
            let of = found.entry(row.family).or_default();
            of.entry(row.label).or_default().merge(&row.distribution);
        }
    }
    let sorted = |labels: HashMap<String, Distribution>| {
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.sort_by(|(name, one), (other_name, other)| {
            other.sum.cmp(&one.sum).then_with(|| name.cmp(other_name))
        });
        labels
    };
    Ok(found.into_iter().map(|(family, labels)| (family, sorted(labels))).collect())
}

/// A period in parts.
struct Parts {
    span: Span,
    /// How long each is, in seconds.
    width: i64,
}

impl Parts {
    /// About so many equal parts of the period; each is some whole minutes, hours or days long.
    fn of(whole: &Span, period: Period, parts: u32) -> Self {
        let wanted = i64::from(period.seconds() / parts.max(1));
        // Rows wider than a part would leave the parts between them empty.
        let fits = [Step::Day, Step::Hour].into_iter().find(|step| step.seconds() <= wanted);
        let step = fits.unwrap_or(Step::Minute).max(finest(period));
        let width = (wanted.max(1) + step.seconds() - 1) / step.seconds() * step.seconds();
        Self { span: Span { from: step.floor(whole.from), coarsest: step, ..*whole }, width }
    }

    fn courses(&self, metrics: &[Metric], measured: Measured) -> Courses {
        let Self { span, width } = self;
        let part_of = |at: Timestamp| (at.as_second() - span.from.as_second()) / width;
        let mut by_part: HashMap<(Family, i64), Vec<Row>> = HashMap::new();
        for (family, rows) in measured {
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
            // The last one is not over yet.
            let begun_at = span.from.as_second() + part * width;
            let length = (span.to.as_second() - begun_at).clamp(0, *width);
            #[expect(clippy::cast_precision_loss, reason = "a width is some seconds")]
            metric.value(&within, length as f64)
        };
        Courses {
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
        }
    }
}

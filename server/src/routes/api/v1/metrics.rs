//! `/api/v1/metrics`: what was measured, and `/metrics`: what this process counted, for Prometheus.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use resonant_backend::metrics::{self, Question};
use resonant_backend::{Actor, Ctx};
use resonant_domain::FieldFault;
use resonant_domain::metric::{Metric, Period, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::extract::Query;
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;
use crate::state::AppState;

/// What is told when nothing is asked for: the metrics of the performance guide.
const GUIDE: &str = "api.latency.p50,api.latency.p99,agent.execution.duration,db.query.duration,\
                     cache.hit_rate";

/// The route of metrics.
pub(crate) fn routes(api: Api) -> Api {
    let values = Operation::get("/metrics", "Reads what was measured");
    api.add(values.admin().query::<MetricsQuery>().answers::<Measured>(200), read)
}

/// What was measured in a period.
#[derive(Serialize, JsonSchema)]
struct Measured {
    period: String,
    from: Timestamp,
    to: Timestamp,
    /// By name; none where nothing was measured.
    metrics: BTreeMap<String, Option<f64>>,
    /// The same by a name that is one word: `api_latency_p50`.
    values: BTreeMap<String, Option<f64>>,
    /// What each value is told in.
    units: BTreeMap<String, Unit>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricsQuery {
    /// Names, parted by commas.
    metrics: Option<String>,
    period: Option<String>,
    /// One route, agent, statement, model, tool or kind alone, by its name: `GET /api/v1/agents`.
    label: Option<String>,
}

impl MetricsQuery {
    fn question(&self) -> Result<Question, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let names = self.metrics.as_deref().unwrap_or(GUIDE).split(',').map(str::trim);
        let mut metrics = Vec::new();
        for name in names {
            match Metric::parse("metrics", name) {
                Ok(metric) => metrics.push(metric),
                Err(fault) if faults.is_empty() => faults.push(fault),
                // One list of all names is enough.
                Err(_) => {}
            }
        }
        let period = match &self.period {
            None => Period::HOUR,
            Some(text) => Period::parse("period", text).unwrap_or_else(|fault| {
                faults.push(fault);
                Period::HOUR
            }),
        };
        if faults.is_empty() { Ok(Question { metrics, period }) } else { Err(faults) }
    }
}

pub(crate) async fn read(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<MetricsQuery>,
) -> Result<Response, Fault> {
    let question = match query.question() {
        Ok(question) => question,
        Err(faults) => {
            // A stranger does not learn the names.
            metrics::may_read(&ctx).await?;
            return Err(Fault::invalid(faults));
        }
    };
    let period = question.period;
    let answer = match &query.label {
        None => metrics::read(&ctx, question).await?,
        Some(label) => metrics::read_label(&ctx, question, label).await?,
    };
    let mut body = Measured {
        period: period.to_string(),
        from: answer.from,
        to: answer.to,
        metrics: BTreeMap::new(),
        values: BTreeMap::new(),
        units: BTreeMap::new(),
    };
    for (metric, value) in answer.values {
        let value = value.map(rounded);
        body.values.insert(metric.attribute(), value);
        body.units.insert(metric.name().to_owned(), metric.unit());
        body.metrics.insert(metric.name().to_owned(), value);
    }
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &body))
}

/// A value to the thousandth, which is finer than it was measured.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// Answers whoever has the token that `METRICS_TOKEN` sets, and admins.
pub(crate) async fn scrape(
    State(state): State<AppState>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    if !state.operations.is_scraper(&headers) {
        match metrics::may_read(&ctx).await {
            Err(error) if !matches!(ctx.actor(), Actor::Anonymous) => return Err(error.into()),
            Err(_) => return Err(Fault::not_found("page")),
            Ok(()) => {}
        }
    }
    let text = metrics::prometheus(&ctx).await?;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, reply::NO_STORE)];
    Ok((headers, text).into_response())
}

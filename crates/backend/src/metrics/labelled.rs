//! What was measured of one thing alone.

use std::collections::HashMap;

use resonant_domain::distribution::Distribution;
use resonant_domain::metric::Family;

use super::{Answer, Question, families, read, worst};
use crate::{Ctx, Result};

/// Tells the value of each metric for one route, agent, statement or kind, by the label that it is counted
/// under.
///
/// # Errors
/// Those of a caller who may not operate the installation.
#[tracing::instrument(name = "metrics.read_label", level = "debug", parent = ctx.span(), skip_all)]
pub async fn read_label(ctx: &Ctx, question: Question, label: &str) -> Result<Answer> {
    let period = question.period;
    let mut found: HashMap<Family, Distribution> = HashMap::new();
    for family in families(&question.metrics) {
        let labels = worst(ctx, family, period).await?;
        let own = labels.into_iter().find(|(name, _)| name == label);
        found.extend(own.map(|(_, all)| (family, all)));
    }
    let mut answer = read(ctx, question).await?;
    let seconds = answer.to.duration_since(answer.from).as_secs_f64();
    for (metric, value) in &mut answer.values {
        *value = metric.value(&|family| found.get(&family).cloned(), seconds);
    }
    Ok(answer)
}

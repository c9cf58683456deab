//! The form of an alert: field by field as text, the way a browser sends it.

use resonant_domain::FieldFault;
use resonant_domain::alert::{
    AlertKind, Channel, ChannelKind, Condition, Join, NewAlert, Operator, Part, Severity,
};
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use crate::error::AppError;
use crate::language::key;
use crate::refused_form::refused_form;

/// What the form of an alert holds. The inputs are named `form[<field>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertForm {
    /// The name.
    pub name: String,
    /// `threshold`, `absence` or `composite`.
    pub kind: String,
    /// The metric of a threshold or an absence.
    pub metric: String,
    /// How a threshold compares.
    pub operator: String,
    /// With what.
    pub value: String,
    /// At which value it is over; empty for the same.
    pub clear_value: String,
    /// How far back is looked.
    pub period: String,
    /// How many parts of a composite must hold.
    pub join: String,
    /// The parts of a composite, one a line.
    pub parts: String,
    /// How long the condition must hold; empty for at once.
    pub for_duration: String,
    /// How bad it is.
    pub severity: String,
    /// Addresses of webhooks, one a line.
    pub webhooks: String,
    /// Addresses of Slack channels, one a line.
    pub slacks: String,
    /// Addresses of mail, one a line.
    pub mails: String,
}

impl AlertForm {
    /// What a new alert starts from: the one of the performance guide, without its name.
    pub fn fresh() -> Self {
        Self {
            kind: AlertKind::Threshold.as_str().to_owned(),
            metric: "api.latency.p99".to_owned(),
            operator: Operator::Gt.as_str().to_owned(),
            value: "1000".to_owned(),
            period: "5m".to_owned(),
            join: Join::All.as_str().to_owned(),
            severity: Severity::Warning.as_str().to_owned(),
            ..Self::default()
        }
    }

    /// What the form held when it was refused.
    pub fn refused() -> Option<Self> {
        let refused = refused_form();
        let text = |field: &str| refused.text(&format!("form[{field}]")).unwrap_or_default();
        refused.text("form[kind]")?;
        Some(Self {
            name: text("name"),
            kind: text("kind"),
            metric: text("metric"),
            operator: text("operator"),
            value: text("value"),
            clear_value: text("clear_value"),
            period: text("period"),
            join: text("join"),
            parts: text("parts"),
            for_duration: text("for_duration"),
            severity: text("severity"),
            webhooks: text("webhooks"),
            slacks: text("slacks"),
            mails: text("mails"),
        })
    }

    /// The alert that the form describes. Fields that do not belong to its type do not count.
    #[cfg_attr(not(feature = "ssr"), expect(dead_code, reason = "the server reads forms"))]
    pub fn alert(&self) -> Result<NewAlert, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let kind = AlertKind::parse(&self.kind).unwrap_or(AlertKind::Threshold);
        let is_threshold = kind == AlertKind::Threshold;
        let mut number = |field: &str, text: &str| {
            let text = text.trim();
            if !is_threshold || text.is_empty() {
                return None;
            }
            let number = text.parse().ok();
            if number.is_none() {
                faults.push(FieldFault::new(format!("condition.{field}"), key("must be a number")));
            }
            number
        };
        let value = number("value", &self.value);
        let clear_value = number("clear_value", &self.clear_value);
        let mut parts = Vec::new();
        if kind == AlertKind::Composite {
            for line in lines(&self.parts) {
                match Part::parse_line(line) {
                    Ok(part) => parts.push(part),
                    Err(reason) => faults.push(FieldFault::new("condition.parts", reason)),
                }
            }
        }
        let is_composite = kind == AlertKind::Composite;
        let condition = Condition {
            operator: Operator::parse(&self.operator).filter(|_| is_threshold),
            value,
            clear_value,
            period: given(&self.period).filter(|_| !is_composite),
            join: Join::parse(&self.join).filter(|_| is_composite),
            parts,
        };
        let channels = [
            (ChannelKind::Mail, &self.mails),
            (ChannelKind::Webhook, &self.webhooks),
            (ChannelKind::Slack, &self.slacks),
        ];
        let channels = channels
            .into_iter()
            .flat_map(|(kind, text)| lines(text).map(move |address| Channel::new(kind, address)));
        let alert = NewAlert {
            name: self.name.trim().to_owned(),
            kind,
            metric: given(&self.metric).filter(|_| !is_composite),
            condition,
            severity: Severity::parse(&self.severity).unwrap_or(Severity::Warning),
            for_duration: given(&self.for_duration),
            channels: channels.collect(),
        };
        if faults.is_empty() { Ok(alert) } else { Err(faults) }
    }

    /// The same error with what is wrong with a channel at the field where its address stands.
    #[cfg(feature = "ssr")]
    pub fn placed(&self, mut error: AppError) -> AppError {
        let mails = lines(&self.mails).count();
        let webhooks = lines(&self.webhooks).count();
        for fault in &mut error.fields {
            let number =
                fault.field.strip_prefix("channels[").and_then(|rest| rest.split(']').next());
            let Some(place) = number.and_then(|number| number.parse::<usize>().ok()) else {
                continue;
            };
            let field = if place < mails {
                "mails"
            } else if place < mails + webhooks {
                "webhooks"
            } else {
                "slacks"
            };
            field.clone_into(&mut fault.field);
        }
        error
    }
}

impl From<NewAlert> for AlertForm {
    fn from(alert: NewAlert) -> Self {
        let Condition { operator, value, clear_value, period, join, parts } = alert.condition;
        let number = |number: Option<f64>| number.map_or_else(String::new, |one| one.to_string());
        let urls = |kind| {
            let same = alert.channels.iter().filter(|channel| channel.kind == kind);
            same.map(Channel::address).collect::<Vec<_>>().join("\n")
        };
        Self {
            kind: alert.kind.as_str().to_owned(),
            metric: alert.metric.unwrap_or_default(),
            operator: operator.unwrap_or(Operator::Gt).as_str().to_owned(),
            value: number(value),
            clear_value: number(clear_value),
            period: period.unwrap_or_default(),
            join: join.unwrap_or(Join::All).as_str().to_owned(),
            parts: parts.iter().map(Part::to_line).collect::<Vec<_>>().join("\n"),
            for_duration: alert.for_duration.unwrap_or_default(),
            severity: alert.severity.as_str().to_owned(),
            webhooks: urls(ChannelKind::Webhook),
            slacks: urls(ChannelKind::Slack),
            mails: urls(ChannelKind::Mail),
            name: alert.name,
        }
    }
}

/// What was filled in.
fn given(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_goes_through_the_form_unchanged() {
        let form = AlertForm {
            name: " Slow ".to_owned(),
            clear_value: "500.5".to_owned(),
            for_duration: "10m".to_owned(),
            webhooks: "https://a.example\r\n\r\nhttps://b.example".to_owned(),
            slacks: "https://c.example".to_owned(),
            mails: "ops@example.org".to_owned(),
            ..AlertForm::fresh()
        };
        let alert = form.alert().unwrap();
        assert!(alert.check().is_ok(), "{alert:?}");
        assert_eq!(alert.channels.len(), 4);
        assert_eq!(AlertForm::from(alert.clone()).alert().unwrap(), alert);

        let composite = AlertForm {
            kind: "composite".to_owned(),
            parts: "api.latency.p99 gt 1000 5m\nqueue.age gt 60000 5m 30000".to_owned(),
            ..form
        };
        let alert = composite.alert().unwrap();
        assert!(alert.check().is_ok(), "{alert:?}");
        assert_eq!(AlertForm::from(alert.clone()).alert().unwrap(), alert);
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn what_is_wrong_with_a_channel_stands_at_its_field() {
        let form = AlertForm {
            mails: "a@example.org\n\nb@example.org".to_owned(),
            webhooks: "https://c.example".to_owned(),
            slacks: "https://d.example".to_owned(),
            ..AlertForm::fresh()
        };
        for (field, expected) in [
            ("channels[0].type", "mails"),
            ("channels[1].to", "mails"),
            ("channels[2].url", "webhooks"),
            ("channels[3].url", "slacks"),
            ("channels", "channels"),
            ("name", "name"),
        ] {
            let placed = form.placed(AppError::invalid(field, "is wrong"));
            assert_eq!(placed.fields[0].field, expected);
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let wrong = AlertForm { value: "much".to_owned(), ..AlertForm::fresh() };
        assert_eq!(wrong.alert().unwrap_err()[0].field, "condition.value");
        let wrong = AlertForm {
            kind: "composite".to_owned(),
            parts: "slow".to_owned(),
            ..AlertForm::fresh()
        };
        assert_eq!(wrong.alert().unwrap_err()[0].field, "condition.parts");
        let (name, kind) = ("Silent".to_owned(), "absence".to_owned());
        let absence = AlertForm { name, kind, ..AlertForm::fresh() };
        assert!(
            absence.alert().unwrap().check().is_ok(),
            "the value of a threshold does not count"
        );
    }
}

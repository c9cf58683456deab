//! Alerts: what is watched, from when on it is worth a message, and who is told.
//!
//! An alert's course, from quiet to firing and back, is in [`course`].

pub mod course;
mod rule;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::rule::{Limit, Rule};
use crate::fault::FieldFault;
use crate::host;
use crate::ids::{AlertEventId, AlertId, DeliveryId};
use crate::member::Email;
use crate::metric::Period;
#[cfg(feature = "schema")]
use crate::text::LINE_PATTERN;
use crate::text::{check_line, check_text};
use crate::webhook::{DeliveryState, WEBHOOK_URL_MAX};
use crate::words::words;

/// The most alerts of an installation.
pub const ALERTS_MAX: usize = 200;
/// The longest name, in characters.
pub const NAME_MAX: usize = 100;
/// The most channels of one alert.
pub const CHANNELS_MAX: usize = 5;
/// The most parts of a composite condition.
pub const PARTS_MAX: usize = 8;

words!(/// What an alert watches for.
    AlertKind {
    /// A metric passes a value.
    Threshold "threshold" "Threshold: a metric passes a value",
    /// Nothing is measured.
    Absence "absence" "Absence: nothing is measured",
    /// Several thresholds together.
    Composite "composite" "Composite: several thresholds together",
});

words!(/// How bad it is.
    Severity {
    /// Worth knowing.
    Info "info" "Info",
    /// Needs a look.
    Warning "warning" "Warning",
    /// People suffer.
    Critical "critical" "Critical",
});

words!(/// How a value stands to the one that it is compared with.
    Operator {
    /// Greater.
    Gt "gt" "above",
    /// Greater or equal.
    Gte "gte" "at or above",
    /// Less.
    Lt "lt" "below",
    /// Less or equal.
    Lte "lte" "at or below",
});

words!(/// How many of the parts must hold.
    Join {
    /// Every part.
    All "all" "All of them",
    /// One is enough.
    Any "any" "Any of them",
});

words!(/// What a channel speaks.
    ChannelKind {
    /// A signed message, as Standard Webhooks describes them.
    Webhook "webhook" "Webhook",
    /// A message for a Slack channel, or whatever reads the same.
    Slack "slack" "Slack",
    /// A mail.
    Mail "mail" "Mail",
});

words!(/// Where an alert stands.
    AlertState {
    /// Nothing is wrong.
    Quiet "quiet" "Quiet",
    /// The condition holds, but not yet for long enough.
    Pending "pending" "Pending",
    /// The condition has held for long enough and is not over.
    Firing "firing" "Firing",
    /// Resolved by hand; it fires again once the condition was over in between.
    Resolved "resolved" "Resolved by hand",
});

words!(/// What happened to an alert.
    AlertEventKind {
    /// It began to fire.
    Fired "fired" "Fired",
    /// It fires on and is told now: the silence is over.
    Told "told" "Told after a silence",
    /// The condition is over.
    Ended "ended" "Ended",
    /// A person saw it.
    Acknowledged "acknowledged" "Acknowledged",
    /// A person silenced it.
    Silenced "silenced" "Silenced",
    /// A person ended the silence.
    Unsilenced "unsilenced" "Silence ended",
    /// A person resolved it.
    Resolved "resolved" "Resolved by hand",
    /// A person had a message sent to try the channels.
    Tested "tested" "Tested",
    /// A person changed what is watched; it began anew.
    Changed "changed" "Changed",
});

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// What it speaks.
    #[serde(rename = "type")]
    pub kind: ChannelKind,
    /// Of all but mail: a public address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = WEBHOOK_URL_MAX)))]
    pub url: String,
    /// Of mail: who gets it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 254)))]
    pub to: String,
}

impl Channel {
    /// A channel to an address of its kind.
    pub fn new(kind: ChannelKind, address: impl Into<String>) -> Self {
        let (address, none) = (address.into(), String::new());
        match kind {
            ChannelKind::Mail => Self { kind, url: none, to: address },
            ChannelKind::Webhook | ChannelKind::Slack => Self { kind, url: address, to: none },
        }
    }

    /// Where it leads.
    #[must_use]
    pub fn address(&self) -> &str {
        match self.kind {
            ChannelKind::Mail => &self.to,
            ChannelKind::Webhook | ChannelKind::Slack => &self.url,
        }
    }

    fn check(&self, place: &str, faults: &mut Vec<FieldFault>) {
        let (name, strange) = match self.kind {
            ChannelKind::Mail => ("to", ("url", &self.url)),
            ChannelKind::Webhook | ChannelKind::Slack => ("url", ("to", &self.to)),
        };
        if !strange.1.is_empty() {
            let reason = format!("must be absent: the channel's type is {}", self.kind.as_str());
            faults.push(FieldFault::new(format!("{place}.{}", strange.0), reason));
        }
        let (field, before) = (format!("{place}.{name}"), faults.len());
        check_text(faults, &field, self.address(), 1, WEBHOOK_URL_MAX);
        let address = self.address().trim();
        let fault = match self.kind {
            _ if faults.len() > before => None,
            ChannelKind::Mail => Email::parse(address).err().map(|fault| fault.reason),
            _ if host::of_url(address).is_some() => None,
            _ => Some("must be an http or https address".to_owned()),
        };
        faults.extend(fault.map(|reason| FieldFault::new(field, reason)));
    }
}

/// From when on an alert counts. Which fields belong there depends on the alert's type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Of a threshold: how the metric is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// Of a threshold: the value that it is compared with, in the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Of a threshold: the value at which it is over; `value` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_value: Option<f64>,
    /// How far back is looked: `5m`. Parts have their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// Of a composite: how many parts must hold; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// Of a composite: thresholds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// One threshold of a composite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The metric.
    pub metric: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what, in the metric's unit.
    pub value: f64,
    /// The value at which it is over; `value` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_value: Option<f64>,
    /// How far back is looked.
    pub period: String,
}

/// What a caller writes to make or change an alert: the JSON of `POST /api/v1/alerts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewAlert {
    /// 1 to [`NAME_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = NAME_MAX), regex(pattern = LINE_PATTERN)))]
    pub name: String,
    /// What it watches for.
    #[serde(rename = "type")]
    pub kind: AlertKind,
    /// The metric; a composite has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// From when on it counts.
    pub condition: Condition,
    /// How bad it is.
    #[serde(default = "warning")]
    pub severity: Severity,
    /// How long the condition must hold before it fires: `10m`; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_duration: Option<String>,
    /// Who is told; nobody when empty, and then it shows on the page alone.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = CHANNELS_MAX)))]
    pub channels: Vec<Channel>,
}

const fn warning() -> Severity {
    Severity::Warning
}

/// What a caller writes to silence an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// For how long from now: `1h`. Absent: the silence ends.
    #[serde(default)]
    pub period: Option<String>,
}

/// An alert and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Alert {
    /// Its identity.
    pub id: AlertId,
    /// Its name.
    pub name: String,
    /// What it watches for.
    #[serde(rename = "type")]
    pub kind: AlertKind,
    /// The metric; a composite has none of its own.
    pub metric: Option<String>,
    /// From when on it counts.
    pub condition: Condition,
    /// How bad it is.
    pub severity: Severity,
    /// How long the condition must hold before it fires.
    pub for_duration: Option<String>,
    /// Who is told.
    pub channels: Vec<Channel>,
    /// Where it stands.
    pub state: AlertState,
    /// Since when it stands there.
    pub since: Timestamp,
    /// What was measured at the last look: one value, or one for each part.
    pub values: Vec<Option<f64>>,
    /// When it was looked at last.
    pub evaluated_at: Option<Timestamp>,
    /// When a person saw that it fires.
    pub acknowledged_at: Option<Timestamp>,
    /// Until when nobody is told.
    pub silenced_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Alert {
    /// What was written to make it.
    #[must_use]
    pub fn spec(&self) -> NewAlert {
        NewAlert {
            name: self.name.clone(),
            kind: self.kind,
            metric: self.metric.clone(),
            condition: self.condition.clone(),
            severity: self.severity,
            for_duration: self.for_duration.clone(),
            channels: self.channels.clone(),
        }
    }
}

/// One entry of an alert's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlertEvent {
    /// Its identity.
    pub id: AlertEventId,
    /// What happened.
    pub kind: AlertEventKind,
    /// When.
    pub at: Timestamp,
    /// What a person reads of it.
    pub text: String,
    /// Who did it; nobody did what happened by itself.
    pub by: Option<String>,
}

/// One message to a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlertDelivery {
    /// Its identity; receivers find it in `webhook-id`.
    pub id: DeliveryId,
    /// What it tells of.
    pub event: AlertEventKind,
    /// Where it goes.
    pub channel: Channel,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: i32,
    /// When it is sent next; there while it is pending.
    pub next_attempt_at: Option<Timestamp>,
    /// The status of the last answer: of HTTP, or of SMTP.
    pub last_status: Option<i32>,
    /// What kept the last attempt from an answer.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was taken.
    pub delivered_at: Option<Timestamp>,
}

impl NewAlert {
    /// Checks every rule and reports all that are broken; answers what is watched.
    pub fn check(&self) -> Result<Rule, Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_line(&mut faults, "name", &self.name, 1, NAME_MAX);
        let rule = Rule::of(self, &mut faults);
        if let Some(text) = &self.for_duration
            && let Err(fault) = Period::parse("for_duration", text)
        {
            faults.push(fault);
        }
        if self.channels.len() > CHANNELS_MAX {
            faults.push(FieldFault::new("channels", format!("must be at most {CHANNELS_MAX}")));
        }
        for (index, channel) in self.channels.iter().enumerate() {
            channel.check(&format!("channels[{index}]"), &mut faults);
        }
        match rule {
            Some(rule) if faults.is_empty() => Ok(rule),
            _ => Err(faults),
        }
    }

    /// How long the condition must hold before it fires, in seconds.
    #[must_use]
    pub fn for_seconds(&self) -> u32 {
        let period = self.for_duration.as_deref().map(|text| Period::parse("for_duration", text));
        period.and_then(Result::ok).map_or(0, Period::seconds)
    }
}

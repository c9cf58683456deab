//! How the process starts, stops and is looked after.

use std::time::Duration;

use http::{HeaderMap, header};
use resonant_backend::Secret;

use super::{SettingError, Site, Variables};

/// How the process starts, stops and is looked after.
#[derive(Clone, Debug)]
pub struct Operations {
    /// What Prometheus must send to read `/metrics`. Without it, only admins may.
    pub metrics_token: Option<Secret>,
    /// How long a start waits for the database.
    pub start_patience: Duration,
    /// How long a process that stops still takes requests, so that balancers see it leave.
    pub leave_after: Duration,
    /// How long open requests and sessions then have.
    pub drain: Duration,
}

impl Default for Operations {
    fn default() -> Self {
        Self {
            metrics_token: None,
            start_patience: Duration::from_secs(30),
            leave_after: Duration::ZERO,
            drain: Duration::from_secs(8),
        }
    }
}

impl Operations {
    pub(super) fn read(vars: &Variables<'_>) -> Result<Self, SettingError> {
        let default = Self::default();
        let seconds = |name, default: Duration| {
            let seconds = vars.parsed::<u16>(name, "a whole number of seconds")?;
            Ok(seconds.map_or(default, |seconds| Duration::from_secs(seconds.into())))
        };
        Ok(Self {
            metrics_token: vars.text("METRICS_TOKEN").map(Secret::new),
            start_patience: seconds("START_PATIENCE_SECONDS", default.start_patience)?,
            leave_after: seconds("LEAVE_AFTER_SECONDS", default.leave_after)?,
            drain: seconds("DRAIN_SECONDS", default.drain)?,
        })
    }

    /// Whether the request carries the token for `/metrics`.
    #[must_use]
    pub fn is_scraper(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        self.metrics_token.as_ref().is_some_and(|token| is_same(token.expose(), given))
    }
}

/// Compares without telling by its time how much fits.
fn is_same(one: &str, other: &str) -> bool {
    let differences =
        one.bytes().zip(other.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && differences == 0
}

/// Secrets as samples and quick starts have them, in lower case.
const SAMPLES: [&str; 9] = [
    "change-me",
    "changeme",
    "change_me",
    "password",
    "secret",
    "example",
    "sample",
    "test",
    "admin",
];

/// Refuses, where other people can reach the installation, secrets that everyone knows.
pub(super) fn refuse_samples(vars: &Variables<'_>, site: &Site) -> Result<(), SettingError> {
    if site.is_development() {
        return Ok(());
    }
    let is_sample = |text: &str| SAMPLES.contains(&text.trim().to_lowercase().as_str());
    for name in ["METRICS_TOKEN", "OPENAI_API_KEY"] {
        if vars.text(name).is_some_and(|text| is_sample(&text)) {
            return Err(SettingError::new(name, "is a sample that everyone knows; set your own"));
        }
    }
    for name in ["DATABASE_URL", "REDIS_URL"] {
        let password = vars.text(name).and_then(|url| password_in(&url));
        if password.is_some_and(|password| is_sample(&password)) {
            let reason = "holds a sample password that everyone knows; set one of your own";
            return Err(SettingError::new(name, reason));
        }
    }
    Ok(())
}

/// The password in an address.
fn password_in(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(origin: &str, vars: &[(&str, &str)]) -> Option<String> {
        let look_up = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let site = if origin.is_empty() { Site::default() } else { Site::at(origin).unwrap() };
        let vars = Variables { look_up: &look_up };
        refuse_samples(&vars, &site).err().map(|error| error.to_string())
    }

    #[test]
    fn samples_are_for_development_alone() {
        let samples = [
            ("METRICS_TOKEN", "change-me"),
            ("OPENAI_API_KEY", "Secret"),
            ("DATABASE_URL", "postgres://user:password@localhost/resonant"),
            ("REDIS_URL", "redis://:changeme@cache:6379/"),
        ];
        for sample in samples {
            for origin in
                ["", "http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"]
            {
                assert_eq!(refusal(origin, &[sample]), None, "{origin}");
            }
            for origin in ["https://resonant.example.org", "http://10.0.0.7:3000"] {
                let told = refusal(origin, &[sample]).unwrap();
                assert!(told.starts_with(sample.0), "{told}");
                assert!(!told.contains(sample.1), "{told}");
            }
        }
        let own = [("METRICS_TOKEN", "4f1c"), ("DATABASE_URL", "postgres://user:4f1c@db/r")];
        assert_eq!(refusal("https://resonant.example.org", &own), None);
    }

    #[test]
    fn the_token_opens_and_nothing_else_does() {
        let token = Some(Secret::new("4f1c"));
        let operations = Operations { metrics_token: token, ..Operations::default() };
        for (value, opens) in
            [("Bearer 4f1c", true), ("Bearer 4f1", false), ("Bearer ", false), ("4f1c", false)]
        {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            assert_eq!(operations.is_scraper(&headers), opens, "{value}");
            assert!(!Operations::default().is_scraper(&headers));
        }
    }
}

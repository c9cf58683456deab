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
const SAMPLES: [&str; 13] = [
    "change-me",
    "changeme",
    "change_me",
    "password",
    "secret",
    "example",
    "sample",
    "test",
    "admin",
    "root",
    "postgres",
    "redis",
    "resonant",
];

/// How an operator says that nobody else gets there.
const UNLESS: &str = ", or let PUBLIC_URL say http://localhost where this machine alone is meant";

/// Refuses, where other people can reach the installation, secrets that everyone knows.
pub(super) fn refuse_samples(vars: &Variables<'_>, site: &Site) -> Result<(), SettingError> {
    if site.is_development() {
        return Ok(());
    }
    for name in ["METRICS_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"] {
        if vars.text(name).is_some_and(|text| is_sample(&text)) {
            let reason = format!("is a sample that everyone knows; set your own{UNLESS}");
            return Err(SettingError::new(name, reason));
        }
    }
    let keys = vars.text("SECRETS_KEY").unwrap_or_default();
    if keys.split(',').any(|key| is_pattern(key.trim())) {
        let reason = format!(
            "holds a key that anyone guesses; `server admin rotate-keys` makes one{UNLESS}"
        );
        return Err(SettingError::new("SECRETS_KEY", reason));
    }
    for name in ["DATABASE_URL", "REDIS_URL", "SMTP_URL"] {
        let url = vars.text(name).unwrap_or_default();
        refuse_sample_passwords(name, &url)?;
    }
    for name in ["DATABASE_REPLICA_URLS", "DATABASE_SHARD_URLS"] {
        for url in vars.text(name).unwrap_or_default().split(',') {
            refuse_sample_passwords(name, url)?;
        }
    }
    Ok(())
}

fn is_sample(text: &str) -> bool {
    SAMPLES.contains(&text.trim().to_lowercase().as_str())
}

fn refuse_sample_passwords(name: &'static str, url: &str) -> Result<(), SettingError> {
    if passwords_in(url).any(is_sample) {
        let reason =
            format!("holds a sample password that everyone knows; set one of your own{UNLESS}");
        return Err(SettingError::new(name, reason));
    }
    Ok(())
}

/// Whether a key of hexadecimal digits is one and the same digit, or all of them in turn.
fn is_pattern(key: &str) -> bool {
    let digits = key.as_bytes();
    let is_one = digits.first().is_some_and(|first| digits.iter().all(|digit| digit == first));
    is_one || key.eq_ignore_ascii_case(&"0123456789abcdef".repeat(4))
}

/// The passwords in an address: the one before the host, and PostgreSQL's parameter.
fn passwords_in(url: &str) -> impl Iterator<Item = &str> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let parameters = query.split(['&', '#']).filter_map(|pair| pair.strip_prefix("password="));
    user.map(|(_, password)| password).into_iter().chain(parameters)
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
            ("DATABASE_URL", "postgres://postgres:postgres@db/resonant"),
            ("DATABASE_URL", "postgres://resonant@db/resonant?sslmode=require&password=resonant"),
            ("DATABASE_REPLICA_URLS", "postgres://u:4f1c@one/r, postgres://u:root@two/r"),
            ("DATABASE_SHARD_URLS", "postgres://u:4f1c@one/r,postgres://u:redis@two/r"),
            ("SMTP_URL", "smtps://user:Admin@mail.example.org"),
            ("ANTHROPIC_API_KEY", "example"),
            ("GEMINI_API_KEY", "changeme"),
            ("SECRETS_KEY", "0000000000000000000000000000000000000000000000000000000000000000"),
            ("SECRETS_KEY", "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"),
        ];
        for sample in samples {
            for origin in
                ["", "http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"]
            {
                assert_eq!(refusal(origin, &[sample]), None, "{origin}");
            }
            for origin in
                ["https://resonant.example.org", "http://10.0.0.7:3000", "https://127.example.org"]
            {
                let told = refusal(origin, &[sample]).unwrap();
                assert!(told.starts_with(sample.0), "{told}");
                assert!(!told.contains(sample.1), "{told}");
            }
        }
        let own = [
            ("METRICS_TOKEN", "4f1c"),
            ("DATABASE_URL", "postgres://postgres:4f1c@db/postgres"),
            ("DATABASE_REPLICA_URLS", "postgres://root:4f1c@db/r,postgres://redis@db/r"),
        ];
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

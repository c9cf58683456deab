//! `server doctor`: looks at everything that the process needs and says what to mend.

mod databases;
mod disk;
mod redis;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use futures::future::join_all;
use resonant_backend::{Backend, ModelName, ModelSettings, SecretKeys, purchases};
use tokio::time::timeout;

use self::databases::Databases;
use crate::Settings;
use crate::middleware::problem::chain;
use crate::settings::SettingError;

/// How long a replica may take to answer whose primary cannot be used.
const REPLICA_PATIENCE: Duration = Duration::from_secs(5);

/// What came of one look.
enum Finding {
    Well(String),
    /// It works, but not as well as it could.
    Note(String),
    Fault {
        what: String,
        mend: String,
    },
}

impl Finding {
    /// The same, of something that has a name.
    fn of(self, name: &str) -> Self {
        match self {
            Self::Well(text) => Self::Well(format!("{name}: {text}")),
            Self::Note(text) => Self::Note(format!("{name}: {text}")),
            Self::Fault { what, mend } => Self::Fault { what: format!("{name}: {what}"), mend },
        }
    }
}

/// Looks at everything, each by itself; fails when something must be mended.
pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut findings = vec![("settings", look_at_settings(settings))];
    let Databases { are_there, findings: found, disks } = databases::look(settings).await;
    findings.extend(found);
    let connected = if are_there { Some(connect(settings).await) } else { None };
    let backend = match connected {
        Some(Ok(backend)) => {
            findings.extend(look_at_secrets(&backend).await.map(|found| ("secrets", found)));
            findings.extend(look_at_replicas(&backend).await.map(|found| ("replicas", found)));
            backend
        }
        not_connected => {
            findings.extend(not_connected.and_then(Result::err).map(|fault| ("database", fault)));
            let replicas = &settings.backend.database.replica_urls;
            findings.extend(look_at_these(replicas).await.map(|found| ("replicas", found)));
            let Ok(backend) = Backend::without_databases(&settings.backend) else {
                return tell(&findings);
            };
            backend
        }
    };
    findings.push(("redis", redis::look(settings, &backend).await));
    let models = look_at_models(&settings.backend.models, &backend).await;
    findings.extend(models.into_iter().map(|found| ("models", found)));
    findings.push(("mail", look_at_mail(&backend).await));
    findings.push(("payments", look_at_payments(&backend)));
    findings.extend(disks.into_iter().map(|found| ("disk", found)));
    findings.push(("pages", look_at_pages(settings)));
    tell(&findings)
}

/// Tells of a variable that cannot be used. Where the rest leads is not known before it can.
pub(super) fn tell_of_settings(fault: &SettingError) -> anyhow::Result<()> {
    let mend = "set it anew, or unset it; README.md says what each variable does. The rest is looked \
                at once all can be used";
    tell(&[("settings", Finding::Fault { what: fault.to_string(), mend: mend.to_owned() })])
}

#[expect(clippy::print_stdout, reason = "the answer goes to whoever asked")]
fn tell(findings: &[(&str, Finding)]) -> anyhow::Result<()> {
    let mut faults = 0;
    for (name, finding) in findings {
        match finding {
            Finding::Well(text) => println!("{name:<10} well   {text}"),
            Finding::Note(text) => println!("{name:<10} note   {text}"),
            Finding::Fault { what, mend } => {
                faults += 1;
                println!("{name:<10} FAULT  {what}\n{:<18}mend: {mend}", "");
            }
        }
    }
    match faults {
        0 => Ok(()),
        1 => bail!("1 fault"),
        more => bail!("{more} faults"),
    }
}

fn look_at_settings(settings: &Settings) -> Finding {
    if settings.site.public_origin().is_none() {
        return Finding::Note(
            "PUBLIC_URL is unset: fine on this machine; elsewhere set it, with https, so that \
             cookies are safe"
                .to_owned(),
        );
    }
    if settings.site.is_https() {
        Finding::Well("every variable can be used".to_owned())
    } else {
        Finding::Note("PUBLIC_URL is not https: anyone on the way can read sign-ins".to_owned())
    }
}

/// What else keeps the server from using databases that answer.
async fn connect(settings: &Settings) -> Result<Backend, Finding> {
    Backend::connect(settings.backend.clone()).await.map_err(|error| Finding::Fault {
        what: chain(&error),
        mend: format!("look at {}, and run `server migrate`", databases::variable(settings)),
    })
}

/// Nothing where the schema has none.
async fn look_at_secrets(backend: &Backend) -> Option<Finding> {
    Some(match backend.secret_keys().await.ok()? {
        SecretKeys::Current => Finding::Well("all of them open".to_owned()),
        SecretKeys::Older => Finding::Note(
            "some lie under a key of SECRETS_KEY that is not the first: run `server admin reencrypt` \
             before it is taken out"
                .to_owned(),
        ),
        SecretKeys::Missing => Finding::Note(
            "SECRETS_KEY is unset, so that none are taken: `server admin rotate-keys` makes a key"
                .to_owned(),
        ),
        SecretKeys::Lost => Finding::Fault {
            what: "some lie under a key that SECRETS_KEY does not name, and no tool can send them"
                .to_owned(),
            mend: "put that key behind a comma in SECRETS_KEY; a copy of it was to be kept apart from \
                   the backups"
                .to_owned(),
        },
    })
}

/// Nothing where none are configured.
async fn look_at_replicas(backend: &Backend) -> Option<Finding> {
    let all = backend.try_replicas().await;
    let lost = all.iter().find(|(_, lag)| lag.is_none());
    if let Some((name, _)) = lost {
        return Some(Finding::Fault {
            what: format!("the replica {name} does not answer, or lags too far behind"),
            mend: "start it, look at its log, or take it out of DATABASE_REPLICA_URLS".to_owned(),
        });
    }
    let most = all.iter().filter_map(|(_, lag)| *lag).max()?;
    let count = all.len();
    Some(Finding::Well(format!("{count} in use, at most {} ms behind", most.as_millis())))
}

/// Whether replicas answer whose primary cannot be used. Nothing where none are configured.
async fn look_at_these(replicas: &[String]) -> Option<Finding> {
    let looks = replicas.iter().map(|url| timeout(REPLICA_PATIENCE, Backend::is_blank(url)));
    let looks = join_all(looks).await;
    let lost = looks.iter().position(|look| !matches!(look, Ok(Ok(_))));
    Some(match lost {
        Some(lost) => Finding::Fault {
            what: format!("number {} of DATABASE_REPLICA_URLS does not answer", lost + 1),
            mend: "start it, look at its log, or take it out".to_owned(),
        },
        None if looks.is_empty() => return None,
        None => {
            Finding::Well(format!("{} answer, while what they copy cannot be used", looks.len()))
        }
    })
}

/// One finding for each model that a variable names, and one for each provider that none names a model
/// of.
async fn look_at_models(settings: &ModelSettings, backend: &Backend) -> Vec<Finding> {
    let named = named_models(settings);
    let looks = named.iter().map(|(model, variables)| async move {
        match backend.try_model(model).await {
            Ok(()) => Finding::Well(format!("{model} answers")),
            Err(reason) => Finding::Fault {
                what: format!("{model} does not answer: {reason}"),
                mend: format!(
                    "look at {}, and at the name in {}",
                    place_of(model.provider),
                    variables.join(", ")
                ),
            },
        }
    });
    let mut findings = join_all(looks).await;
    let unnamed = settings.others.keys().map(|provider| provider.as_str());
    let unnamed = unnamed.filter(|name| !named.keys().any(|model| model.provider == *name));
    findings.extend(unnamed.map(|name| {
        Finding::Note(format!("no tier names a model of {name}, so none was asked; agents may"))
    }));
    if findings.is_empty() {
        let text = "no language model: the built-in planner alone answers";
        findings.push(Finding::Note(text.to_owned()));
    }
    findings
}

/// The models that are configured, each with the variables that name it.
fn named_models(settings: &ModelSettings) -> BTreeMap<ModelName, Vec<&'static str>> {
    let mut named: BTreeMap<ModelName, Vec<&'static str>> = BTreeMap::new();
    if let Some(openai) = &settings.openai {
        let name = ModelName { provider: "openai", model: openai.model.trim().to_owned() };
        named.entry(name).or_default().push("OPENAI_MODEL");
    }
    let variables = ["MODELS_SIMPLE", "MODELS_MODERATE", "MODELS_COMPLEX"];
    for (models, variable) in settings.tiers.iter().zip(variables) {
        for model in models {
            let variables = named.entry(model.clone()).or_default();
            if !variables.contains(&variable) {
                variables.push(variable);
            }
        }
    }
    named
}

/// The variables that say where a provider is and let this process in.
fn place_of(provider: &str) -> &'static str {
    match provider {
        "anthropic" => "ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL",
        "gemini" => "GEMINI_API_KEY and GEMINI_BASE_URL",
        "ollama" => "OLLAMA_BASE_URL",
        _ => "OPENAI_BASE_URL and OPENAI_API_KEY",
    }
}

async fn look_at_mail(backend: &Backend) -> Finding {
    match backend.try_mail().await {
        None => Finding::Note(
            "SMTP_URL is unset: alerts are not told by mail, and who has forgotten their password \
             asks you"
                .to_owned(),
        ),
        Some(Ok(())) if !backend.writes_to_people() => Finding::Note(
            "the mail server answers; PUBLIC_URL is unset, so that who has forgotten their \
             password asks you"
                .to_owned(),
        ),
        Some(Ok(())) => Finding::Well("the mail server answers".to_owned()),
        Some(Err(reason)) => Finding::Fault {
            what: reason,
            mend: "look at SMTP_URL: the host, its port, user and password, and tls".to_owned(),
        },
    }
}

/// The test provider is refused with the settings where others than this machine reach the server.
fn look_at_payments(backend: &Backend) -> Finding {
    if purchases::are_tests(backend) {
        return Finding::Note(
            "PAYMENTS is test: no money moves, and everybody buys for nothing; it is refused where \
             others than this machine reach the server"
                .to_owned(),
        );
    }
    Finding::Note("PAYMENTS is unset: every listing is free".to_owned())
}

fn look_at_pages(settings: &Settings) -> Finding {
    let root = Path::new(&*settings.leptos.site_root).join(&*settings.leptos.site_pkg_dir);
    if root.is_dir() {
        Finding::Well(format!("{} is there", root.display()))
    } else {
        Finding::Fault {
            what: format!("{} is missing: pages come without style and program", root.display()),
            mend: "let LEPTOS_SITE_ROOT name the folder site/ of the release".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_asked_once_and_its_variables_are_named() {
        let of = |names: &[&str]| -> Vec<ModelName> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        let tiers = [
            of(&["anthropic:small", "openai:large"]),
            of(&["anthropic:small"]),
            of(&["ollama:tiny"]),
        ];
        let named = named_models(&ModelSettings { tiers, ..ModelSettings::default() });
        let named: Vec<_> =
            named.iter().map(|(model, all)| (model.to_string(), all.join(" "))).collect();
        let expected = [
            ("anthropic:small", "MODELS_SIMPLE MODELS_MODERATE"),
            ("ollama:tiny", "MODELS_COMPLEX"),
            ("openai:large", "MODELS_SIMPLE"),
        ];
        assert_eq!(named, expected.map(|(model, all)| (model.to_owned(), all.to_owned())));
    }
}

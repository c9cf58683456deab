//! The only reader of the environment. The README lists every variable.

mod agents;
mod database;
mod guests;
mod limits;
mod mail;
mod models;
mod operations;
mod payments;
mod secrets;
mod tracing;

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;

use http::Uri;
use leptos::config::{LeptosOptions, ReloadWSProtocol};
use resonant_backend::{PdfReader, QueueLimits, Settings as BackendSettings};
use url::{Host, Url};

pub use self::operations::Operations;
pub use self::tracing::Tracing;
pub use limits::{Limits, RateLimits, StreamLimits, TrustedProxies};

/// More sessions side by side than any machine has room for.
const WORKERS_MAX: usize = 10_000;
/// More threads than any machine has cores.
const THREADS_MAX: usize = 1_024;
/// What this program is told to do where it is started to read a PDF.
pub(crate) const READ_PDF: &str = "read-pdf";

/// All that the process is told from outside.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub address: SocketAddr,
    /// How the outside world sees this server.
    pub site: Site,
    /// Where the pages' files are.
    pub leptos: LeptosOptions,
    /// What the use cases need.
    pub backend: BackendSettings,
    /// How many sessions this process runs at a time; 0: it runs none.
    pub workers: usize,
    /// How much one caller, and all of them, may ask.
    pub limits: Limits,
    /// How the process starts, stops and is looked after.
    pub operations: Operations,
    /// Where spans go; nowhere by default.
    pub tracing: Option<Tracing>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written.
    pub log_filter: String,
}

/// How the outside world sees this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    public_origin: Option<String>,
    /// Whether others than this machine reach the socket.
    is_open: bool,
    watched: bool,
}

impl Site {
    /// A site at an origin such as `https://resonant.example.org`.
    pub fn at(origin: &str) -> Result<Self, SettingError> {
        let public_origin = Some(parse_origin("PUBLIC_URL", origin)?);
        Ok(Self { public_origin, ..Self::default() })
    }

    /// The origin that browsers see, when it is not that of the `Host` header.
    #[must_use]
    pub fn public_origin(&self) -> Option<&str> {
        self.public_origin.as_deref()
    }

    /// The origin that browsers see: that of the setting, or else that of the host they ask.
    #[must_use]
    pub fn origin(&self, headers: &http::HeaderMap) -> String {
        let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let host = host.and_then(|host| host.parse::<http::uri::Authority>().ok());
        match (&self.public_origin, host) {
            (Some(origin), _) => origin.clone(),
            (None, Some(host)) => format!("http://{host}"),
            (None, None) => String::new(),
        }
    }

    /// Whether browsers reach this server over https alone.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        match &self.public_origin {
            Some(origin) => matches!(origin.as_bytes(), [b'h', b't', b't', b'p', b's', ..]),
            None => false,
        }
    }

    /// Whether this machine alone reaches the server, as while it is being worked on: by what
    /// `PUBLIC_URL` says or, where it says nothing, by where the server listens.
    #[must_use]
    pub fn is_development(&self) -> bool {
        let Some(origin) = &self.public_origin else { return !self.is_open };
        let Ok(url) = origin.parse::<Url>() else { return false };
        match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Whether `cargo leptos watch` runs this server.
    #[must_use]
    pub const fn is_watched(&self) -> bool {
        self.watched
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// A variable that cannot be used. Never shows the value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    name: String,
    reason: String,
}

impl std::fmt::Display for SettingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.reason)
    }
}

impl std::error::Error for SettingError {}

impl SettingError {
    fn new(name: &str, reason: impl Into<String>) -> Self {
        Self { name: name.to_owned(), reason: reason.into() }
    }
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Names the first variable that cannot be used.
    pub fn from_env() -> Result<Self, SettingError> {
        let mut settings = of_environment(|look_up| Self::read(look_up))?;
        let program = std::env::current_exe().ok();
        settings.backend.pdf_reader =
            program.map(|program| PdfReader { program, arguments: vec![READ_PDF.to_owned()] });
        Ok(settings)
    }

    /// How many threads answer requests; `None`: as many as there are cores. Known before all else is read,
    /// which runs on them.
    ///
    /// # Errors
    /// When the variable cannot be used.
    pub fn worker_threads() -> Result<Option<usize>, SettingError> {
        of_environment(|look_up| {
            Variables { look_up }.within("TOKIO_WORKER_THREADS", 1, THREADS_MAX)
        })
    }

    /// A value for `SECRETS_KEY` that begins with a new key; those that the environment has come after
    /// it, so that they go on opening what they sealed.
    ///
    /// # Errors
    /// When the variable cannot be used as it is.
    pub fn secrets_key_after(fresh: [u8; 32]) -> Result<String, SettingError> {
        of_environment(|look_up| secrets::with_key(&Variables { look_up }, fresh))
    }

    /// The database's address as messages may show it: without user and password. Of several databases all
    /// of them, since each is needed.
    #[must_use]
    pub fn database_name(&self) -> String {
        let urls = self.backend.database.urls();
        urls.iter().map(|url| without_secrets(url)).collect::<Vec<_>>().join(", ")
    }

    /// What a command says when it cannot use the database.
    #[must_use]
    pub fn no_database(&self) -> String {
        format!("cannot use the database {}", self.database_name())
    }

    /// Reads the variables that `look_up` knows. An empty variable counts as absent.
    pub fn read(look_up: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let vars = Variables { look_up };
        let leptos = leptos_options(&vars)?;
        let site = Site {
            public_origin: match vars.text("PUBLIC_URL") {
                Some(url) => Some(parse_origin("PUBLIC_URL", &url)?),
                None => None,
            },
            is_open: !leptos.site_addr.ip().to_canonical().is_loopback(),
            watched: vars.text("LEPTOS_WATCH").is_some(),
        };
        operations::refuse_samples(&vars, &site)?;
        let mut backend = backend_settings(&vars)?;
        backend.sealing_keys = secrets::sealing_keys(&vars, &site)?;
        backend.payments = payments::read(&vars, &site)?;
        backend.public_origin.clone_from(&site.public_origin);
        Ok(Self {
            address: leptos.site_addr,
            site,
            leptos,
            backend,
            operations: Operations::read(&vars)?,
            workers: vars.within("WORKER_CONCURRENCY", 0, WORKERS_MAX)?.unwrap_or(4),
            limits: Limits::read(&vars)?,
            tracing: self::tracing::read(&vars)?,
            log_format: match vars.text("LOG_FORMAT").as_deref() {
                None | Some("text") => LogFormat::Text,
                Some("json") => LogFormat::Json,
                Some(_) => return Err(SettingError::new("LOG_FORMAT", "must be text or json")),
            },
            log_filter: vars.text("RUST_LOG").unwrap_or_else(|| "info".to_owned()),
        })
    }
}

/// Reads something of the process's environment. A variable that is no text counts as one that cannot be used:
/// as absent it would take away what it was to protect.
fn of_environment<T>(
    read: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<T, SettingError>,
) -> Result<T, SettingError> {
    with_texts(&|name| std::env::var_os(name), read)
}

fn with_texts<T>(
    look_up: &dyn Fn(&str) -> Option<OsString>,
    read: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<T, SettingError>,
) -> Result<T, SettingError> {
    let no_text = RefCell::new(None);
    let done = read(&|name| {
        let text = look_up(name)?.into_string();
        if text.is_err() {
            no_text.borrow_mut().get_or_insert_with(|| name.to_owned());
        }
        text.ok()
    });
    match no_text.into_inner() {
        Some(name) => Err(SettingError::new(&name, "must be a text in UTF-8")),
        None => done,
    }
}

/// The database's address without the part that may hold a password, for messages.
pub(crate) fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let place = rest.split(['?', '#']).next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    format!("{scheme}://{place}")
}

struct Variables<'a> {
    look_up: &'a dyn Fn(&str) -> Option<String>,
}

impl Variables<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.look_up)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        what: &str,
    ) -> Result<Option<T>, SettingError> {
        self.text(name)
            .map(|text| {
                text.parse().map_err(|_| SettingError::new(name, format!("must be {what}")))
            })
            .transpose()
    }

    /// A whole number between two, both of them included.
    fn within<T: FromStr + PartialOrd + Display + Copy>(
        &self,
        name: &'static str,
        least: T,
        most: T,
    ) -> Result<Option<T>, SettingError> {
        let what = format!("a whole number from {least} to {most}");
        match self.parsed::<T>(name, &what)? {
            Some(number) if number < least || number > most => {
                Err(SettingError::new(name, format!("must be {what}")))
            }
            number => Ok(number),
        }
    }

    fn url(
        &self,
        name: &'static str,
        schemes: &[&str],
        example: &str,
    ) -> Result<Option<String>, SettingError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        if is_url(&text, schemes) {
            Ok(Some(text))
        } else {
            Err(SettingError::new(name, format!("must be an address such as {example}")))
        }
    }

    /// Addresses, with commas in between.
    fn urls(
        &self,
        name: &'static str,
        schemes: &[&str],
        example: &str,
    ) -> Result<Vec<String>, SettingError> {
        let text = self.text(name).unwrap_or_default();
        let urls = text.split(',').map(str::trim).filter(|url| !url.is_empty());
        let urls: Vec<_> = urls.map(ToOwned::to_owned).collect();
        if urls.iter().all(|url| is_url(url, schemes)) {
            Ok(urls)
        } else {
            let reason = format!("must be addresses such as {example}, with commas in between");
            Err(SettingError::new(name, reason))
        }
    }
}

fn is_url(text: &str, schemes: &[&str]) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, rest)| schemes.contains(&scheme) && !rest.is_empty())
}

fn leptos_options(vars: &Variables<'_>) -> Result<LeptosOptions, SettingError> {
    let text = |name: &str, default: &str| vars.text(name).unwrap_or_else(|| default.to_owned());
    let switch = |name| vars.parsed::<bool>(name, "true or false");
    let mut options = LeptosOptions::builder()
        .output_name(text("LEPTOS_OUTPUT_NAME", "resonant"))
        .site_root(text("LEPTOS_SITE_ROOT", "target/site"))
        .site_pkg_dir(text("LEPTOS_SITE_PKG_DIR", "pkg"))
        .site_addr(
            vars.parsed("LEPTOS_SITE_ADDR", "an address and port such as 127.0.0.1:3000")?
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 3000))),
        )
        .reload_port(vars.parsed("LEPTOS_RELOAD_PORT", "a port number")?.unwrap_or(3001))
        .reload_external_port(vars.parsed("LEPTOS_RELOAD_EXTERNAL_PORT", "a port number")?)
        .hash_files(switch("LEPTOS_HASH_FILES")?.unwrap_or(false))
        .build();
    options.hash_file = text("LEPTOS_HASH_FILE_NAME", "hash.txt").into();
    if text("LEPTOS_RELOAD_WS_PROTOCOL", "ws").eq_ignore_ascii_case("wss") {
        options.reload_ws_protocol = ReloadWSProtocol::WSS;
    }
    Ok(options)
}

fn backend_settings(vars: &Variables<'_>) -> Result<BackendSettings, SettingError> {
    let database = database::read(vars)?;
    let mut settings = BackendSettings::new(database.url.clone());
    settings.database = database;
    if let Some(days) = vars.parsed::<u16>("METRICS_DAYS", "a whole number of days")? {
        settings.metrics_days = days.into();
    }
    if let Some(days) = vars.parsed::<u16>("AUDIT_DAYS", "a whole number of days")? {
        settings.audit_days = days.into();
    }
    settings.redis_url =
        vars.url("REDIS_URL", &["redis", "rediss", "unix", "redis+unix"], "redis://localhost")?;
    settings.models = models::read(vars)?;
    settings.guests = guests::read(vars, &settings.models)?;
    settings.mail = mail::read(vars)?;
    agents::read(vars, &mut settings)?;
    let limit = |name| vars.parsed(name, "a whole number");
    let defaults = QueueLimits::default();
    settings.queue = QueueLimits {
        per_user: limit("WORKER_PER_USER")?.unwrap_or(defaults.per_user),
        per_agent: limit("WORKER_PER_AGENT")?.unwrap_or(defaults.per_agent),
    };
    Ok(settings)
}

fn parse_origin(name: &'static str, text: &str) -> Result<String, SettingError> {
    let wrong =
        || SettingError::new(name, "must be an origin such as https://resonant.example.org");
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority())
    else {
        return Err(wrong());
    };
    if authority.as_str().contains('@') || !matches!(uri.path(), "" | "/") || uri.query().is_some()
    {
        return Err(wrong());
    }
    Ok(format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests;

//! Mail by SMTP.
//!
//! Which server takes it says the operator, as with the database: nobody who uses the installation
//! chooses where a connection leads, so the guard of [`resonant_runtime::egress`] does not stand
//! before it. It speaks SMTP alone, and only what is handed to it here.

use std::time::Duration;

use jiff::Timestamp;
use lettre::message::{Mailbox, header::ContentType};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use resonant_domain::text::shorten;
use resonant_runtime::models::Secret;
use serde::{Deserialize, Serialize};

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// How long the server may take to say one thing.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long all of it may take; below the time after which another process tries.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of the server's refusal is noted.
const REFUSAL_MAX: usize = 500;

/// Where mail is handed over, and from whom it comes.
#[derive(Clone, Debug)]
pub struct MailSettings {
    url: Secret,
    from: Mailbox,
}

/// Which setting of mail cannot be used. Never shows the value, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailFault {
    /// The server's address.
    Url,
    /// The sender.
    From,
}

impl MailSettings {
    /// Mail by the server at `url` (`smtps://user:password@host`, or `smtp://…?tls=required`), from
    /// `from` (`Resonant <alerts@example.org>`).
    ///
    /// # Errors
    /// Which of them cannot be used.
    pub fn new(url: &str, from: &str) -> Result<Self, MailFault> {
        Transport::from_url(url).map_err(|_| MailFault::Url)?;
        let from = from.parse().map_err(|_| MailFault::From)?;
        Ok(Self { url: Secret::new(url), from })
    }
}

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Hands mail to the server.
#[derive(Clone)]
pub(crate) struct Mailer {
    transport: Transport,
    from: Mailbox,
}

impl Mailer {
    pub(crate) fn new(settings: &MailSettings) -> Result<Self, String> {
        let builder = Transport::from_url(settings.url.expose());
        // The crate's own words may repeat the address, and with it the password.
        let builder = builder.map_err(|_| "SMTP_URL cannot be used".to_owned())?;
        let transport = builder.timeout(Some(TIMEOUT)).build();
        Ok(Self { transport, from: settings.from.clone() })
    }

    /// The status with which the server took or refused it, or why there is none.
    pub(crate) async fn send(
        &self,
        id: &str,
        to: &str,
        letter: Letter,
        now: Timestamp,
    ) -> Result<u16, String> {
        let to = to.parse::<Mailbox>().map_err(|error| error.to_string())?;
        let host = self.from.email.domain();
        let message = Message::builder()
            .message_id(Some(format!("<{id}@{host}>")))
            .date(now.into())
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text)
            .map_err(|error| error.to_string())?;
        let sent = tokio::time::timeout(TOTAL_TIMEOUT, self.transport.send(message)).await;
        match sent {
            Ok(Ok(response)) => Ok(response.code().into()),
            Ok(Err(error)) => Err(told(&error)),
            Err(_elapsed) => Err(format!(
                "the mail server did not answer within {} seconds",
                TOTAL_TIMEOUT.as_secs()
            )),
        }
    }

    /// Greets the server and signs in, and sends nothing.
    pub(crate) async fn try_out(&self) -> Result<(), String> {
        match tokio::time::timeout(TOTAL_TIMEOUT, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Err(error)) => Err(told(&error)),
            Ok(Ok(false)) | Err(_) => Err("the mail server does not answer".to_owned()),
        }
    }
}

/// The error with what lies beneath it.
fn told(error: &lettre::transport::smtp::Error) -> String {
    let mut text = format!("the mail server refused or could not be reached: {error}");
    let mut inner = std::error::Error::source(error);
    while let Some(source) = inner {
        let more = source.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        inner = source.source();
    }
    shorten(&text, REFUSAL_MAX)
}

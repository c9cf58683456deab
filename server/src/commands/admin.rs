//! `server admin`: who operates the installation, who gets in again, and the keys under which secrets lie.

use anyhow::{Context as _, anyhow, bail};
use resonant_backend::members::{self, Appointed};
use resonant_backend::{Actor, Backend, Error, RequestId, secrets};

use super::AdminCommand;
use crate::Settings;

/// What is to be done with the value that [`rotate_keys`] prints.
const NEXT: &str = "\
Let SECRETS_KEY be this for every process and start them anew; then `server admin reencrypt` seals all
secrets under the first key, and the keys behind the comma can be taken out.";
/// What else, where the value is the first one.
const FIRST: &str = "\
SECRETS_KEY was unset. If secrets were kept so far, they lie under a key in the database: put it behind
a comma (SELECT encode(value, 'hex') FROM settings WHERE name = 'sealing_key').";

#[expect(clippy::print_stdout, reason = "the answer goes to whoever asked")]
pub(super) async fn run(backend: &Backend, command: AdminCommand) -> anyhow::Result<()> {
    let ctx = backend.ctx(Actor::System, RequestId::new("server-admin"));
    match command {
        AdminCommand::Create(email) => match members::appoint_admin(&ctx, &email).await {
            Ok(Appointed::Member) => println!("{email} is an admin now"),
            Ok(Appointed::NewMember { password }) => {
                println!("{email} is a new member and an admin. The password, shown this once:");
                println!("{}", password.expose());
            }
            Err(error) => bail!(error.message()),
        },
        AdminCommand::Remove(email) => match members::dismiss_admin(&ctx, &email).await {
            Ok(()) => println!("{email} is no admin any more"),
            Err(error @ Error::NotFound(_)) => bail!("{}: {email}", error.message()),
            Err(error) => bail!(error.message()),
        },
        AdminCommand::ResetPassword(email) => match members::reset_password(&ctx, &email).await {
            Ok(password) => {
                println!("{email} is signed out everywhere. The new password, shown this once:");
                println!("{}", password.expose());
            }
            Err(error @ Error::NotFound(_)) => bail!("{}: {email}", error.message()),
            Err(error) => bail!(error.message()),
        },
        AdminCommand::List => {
            for email in members::list_admins(&ctx).await? {
                println!("{email}");
            }
        }
        AdminCommand::Reencrypt => {
            let count = secrets::rotate(&ctx).await.context("cannot seal the secrets anew")?;
            println!("secrets sealed under the first key: {count}");
        }
    }
    Ok(())
}

/// Makes a key and prints what `SECRETS_KEY` shall be. The value alone goes to standard output.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the answer goes to whoever asked")]
pub(super) fn rotate_keys() -> anyhow::Result<()> {
    let mut fresh = [0; 32];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut fresh).map_err(|_| anyhow!("the system gives no random bytes"))?;
    let value = Settings::secrets_key_after(fresh)?;
    println!("{value}");
    eprintln!("{NEXT}");
    if !value.contains(',') {
        eprintln!("{FIRST}");
    }
    Ok(())
}

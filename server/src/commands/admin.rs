//! `server admin`: who operates the installation.

use anyhow::bail;
use resonant_backend::members::{self, Appointed};
use resonant_backend::{Actor, Backend, Error, RequestId};

use super::AdminCommand;

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
        AdminCommand::List => {
            for email in members::list_admins(&ctx).await? {
                println!("{email}");
            }
        }
    }
    Ok(())
}

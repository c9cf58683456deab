//! What the pages of the audit log ask the server.

use jiff::Timestamp;
use leptos::prelude::*;
#[cfg(feature = "ssr")]
use resonant_domain::audit::{ActorKind, AuditEntry};
use resonant_domain::page::Page;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::language::{tr, tr_with};
#[cfg(feature = "ssr")]
use crate::ssr;

/// An entry as a page shows it: the browser needs no words of its own for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub who: String,
    /// What was done.
    pub deed: String,
    /// The name of what it was done to.
    pub subject: Option<String>,
    /// Whose account it concerns, where from it came, and in which request.
    pub about: String,
}

/// Entries of the log, the newest first: the viewer's own, or all of the installation.
#[server(prefix = "/api/fn", endpoint = "audit/list_entries")]
pub async fn list_entries(
    #[server(default)] of_all: bool,
    #[server(default)] group: String,
    #[server(default)] since: String,
    #[server(default)] until: String,
    #[server(default)] cursor: Option<String>,
) -> Result<Page<AuditLine>, AppError> {
    use resonant_backend::audit::{self, Whose};
    use resonant_domain::audit::AuditFilter;
    use resonant_domain::page::PageRequest;

    let ctx = ssr::ctx()?;
    // The lines are written here, also for a browser that asks for them by itself.
    provide_context(ssr::language());
    let whose = if of_all { Whose::All } else { Whose::Own };
    let filter = AuditFilter::of_form(&group, &since, &until);
    let filter = match filter {
        Ok(filter) => filter,
        Err(faults) => {
            // Who may not read the log does not learn how it is asked for.
            let page = PageRequest { cursor: None, limit: Some(1) };
            audit::list(&ctx, whose, AuditFilter::default(), page).await.map_err(ssr::fail)?;
            return Err(ssr::fail(faults.into()));
        }
    };
    let page = PageRequest { cursor, limit: None };
    let page = audit::list(&ctx, whose, filter, page).await.map_err(ssr::fail)?;
    let items = page.items.into_iter().map(|entry| line(entry, of_all)).collect();
    Ok(Page { items, next_cursor: page.next_cursor })
}

#[cfg(feature = "ssr")]
fn line(entry: AuditEntry, of_all: bool) -> AuditLine {
    let is_own = entry.account_id.is_some() && entry.actor.id == entry.account_id;
    let name = || entry.actor.name.clone();
    let who = match entry.actor.kind {
        ActorKind::Person if is_own && !of_all => tr("You").to_owned(),
        ActorKind::Person => {
            name().unwrap_or_else(|| tr("Somebody whose account is gone").to_owned())
        }
        ActorKind::Key => match (&entry.actor.key_prefix, name().filter(|_| of_all || !is_own)) {
            (Some(prefix), Some(name)) => {
                tr_with("{name}, by the key {prefix}…,", &[("name", &name), ("prefix", prefix)])
            }
            (Some(prefix), None) => tr_with("The key {prefix}…", &[("prefix", prefix)]),
            (None, name) => name.unwrap_or_else(|| tr(entry.actor.kind.title()).to_owned()),
        },
        ActorKind::System | ActorKind::Nobody => tr(entry.actor.kind.title()).to_owned(),
    };
    let account = entry.account_name.filter(|_| of_all && !is_own);
    let about = [
        account.map(|name| tr_with("account {name}", &[("name", &name)])),
        entry.address.map(|address| tr_with("from {address}", &[("address", &address)])),
        Some(tr_with("request {id}", &[("id", &entry.request_id)])),
    ];
    AuditLine {
        at: entry.at,
        who,
        deed: tr(entry.deed.title()).to_owned(),
        subject: entry.subject.map(|subject| subject.name).filter(|name| !name.is_empty()),
        about: about.into_iter().flatten().collect::<Vec<_>>().join(" · "),
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use resonant_domain::audit::{AuditActor, AuditSubject, Deed, SubjectKind};
    use resonant_domain::{AuditEntryId, UserId};

    use super::*;

    fn entry(kind: ActorKind, is_own: bool) -> AuditEntry {
        let ada: UserId = "01900000-0000-7000-8000-000000000001".parse().expect("an id");
        let bob: UserId = "01900000-0000-7000-8000-000000000002".parse().expect("an id");
        AuditEntry {
            id: "01900000-0000-7000-8000-000000000003".parse::<AuditEntryId>().expect("an id"),
            at: Timestamp::UNIX_EPOCH,
            deed: Deed::AgentPaused,
            account_id: Some(ada),
            account_name: Some("Ada".to_owned()),
            actor: AuditActor {
                kind,
                id: Some(if is_own { ada } else { bob }),
                name: Some(if is_own { "Ada" } else { "Bob" }.to_owned()),
                key_prefix: (kind == ActorKind::Key).then(|| "rk_live_abcd".to_owned()),
            },
            subject: Some(AuditSubject {
                kind: SubjectKind::Agent,
                id: None,
                name: "Reader".to_owned(),
            }),
            address: Some("192.0.2.1".to_owned()),
            request_id: "request-1".to_owned(),
        }
    }

    #[test]
    fn a_line_says_who_it_was_to_whoever_reads() {
        for (kind, is_own, of_all, who) in [
            (ActorKind::Person, true, false, "You"),
            (ActorKind::Person, true, true, "Ada"),
            (ActorKind::Person, false, false, "Bob"),
            (ActorKind::Key, true, false, "The key rk_live_abcd…"),
            (ActorKind::Key, true, true, "Ada, by the key rk_live_abcd…,"),
            (ActorKind::Key, false, false, "Bob, by the key rk_live_abcd…,"),
            (ActorKind::System, false, false, "The system"),
        ] {
            let line = line(entry(kind, is_own), of_all);
            assert_eq!(line.who, who);
            assert_eq!(
                (line.deed.as_str(), line.subject.as_deref()),
                ("paused the agent", Some("Reader"))
            );
        }
        let own = line(entry(ActorKind::Person, true), false);
        assert_eq!(own.about, "from 192.0.2.1 · request request-1");
        let others = line(entry(ActorKind::Person, false), true);
        assert_eq!(others.about, "account Ada · from 192.0.2.1 · request request-1");
    }
}

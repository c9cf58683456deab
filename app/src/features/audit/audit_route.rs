//! `/account/audit` and `/admin/audit`: who did what, when, from where.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::FaultKind;
use resonant_domain::page::Page;

use super::api::{AuditLine, list_entries};
use super::entries::{Asked, Entries};
use crate::app::NotFoundPage;
use crate::error::AppError;
use crate::language::{key, tr};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{LinkButton, PageHead, Skeleton, cannot_be_shown, kept, not_signed_in_page};

/// What was done to the viewer's account and things.
pub struct AuditRoute(Log);

/// What was done in the installation.
pub struct AdminAuditRoute(Log);

/// What was asked for, and what the server answered.
type Log = Resource<(Asked, Result<Page<AuditLine>, AppError>)>;

impl LazyPage for AuditRoute {
    fn data() -> Self {
        Self(log(false))
    }

    fn view(this: Self) -> AnyView {
        shown(this.0, &OWN)
    }
}

impl LazyPage for AdminAuditRoute {
    fn data() -> Self {
        Self(log(true))
    }

    fn view(this: Self) -> AnyView {
        shown(this.0, &WHOLE)
    }
}

/// What tells the two pages apart.
struct Kind {
    title: &'static str,
    lead: &'static str,
    path: &'static str,
    file: &'static str,
    /// Where the page belongs.
    above: (&'static str, &'static str),
}

const OWN: Kind = Kind {
    title: key("Audit log"),
    lead: key("What was done to your account, your agents and all else that is yours."),
    path: paths::AUDIT,
    file: paths::AUDIT_FILE,
    above: (paths::ACCOUNT, key("Your account")),
};

const WHOLE: Kind = Kind {
    title: key("Audit log of the installation"),
    lead: key("What was done by and to everyone here, and by the installation itself."),
    path: paths::ALL_AUDIT,
    file: paths::ALL_AUDIT_FILE,
    above: (paths::ADMIN, key("Administration")),
};

fn log(of_all: bool) -> Log {
    let query = use_query_map();
    let asked = Memo::new(move |_| Asked::of(&query.read()));
    Resource::new_blocking(
        move || asked.get(),
        move |asked| async move {
            let Asked { group, since, until, cursor } = asked.clone();
            (asked, list_entries(of_all, group, since, until, cursor).await)
        },
    )
}

fn shown(log: Log, kind: &'static Kind) -> AnyView {
    view! {
        <Transition fallback=|| {
            view! { <Skeleton lines=10 /> }
        }>
            {kept(move || async move {
                let (asked, found) = log.await;
                let error = match found {
                    Ok(page) => return page_of(kind, asked, page, None),
                    Err(error) => error,
                };
                match error.kind {
                    FaultKind::Unauthenticated if kind.path == paths::AUDIT => nobody(),
                    FaultKind::Unauthenticated | FaultKind::NotFound => {
                        view! { <NotFoundPage /> }.into_any()
                    }
                    FaultKind::Invalid => page_of(kind, asked, Page::empty(), Some(error)),
                    _ => cannot_be_shown(tr(kind.title), error),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn page_of(
    kind: &'static Kind,
    asked: Asked,
    page: Page<AuditLine>,
    error: Option<AppError>,
) -> AnyView {
    let (above, above_title) = kind.above;
    view! {
        <Title text=tr(kind.title) />
        <Meta name="description" content=tr(kind.lead) />
        <div class="account audit">
            <PageHead title=tr(kind.title) lead=tr(kind.lead)>
                <LinkButton href=above.to_owned()>{tr(above_title)}</LinkButton>
            </PageHead>
            <Entries path=kind.path file=kind.file asked page error />
        </div>
    }
    .into_any()
}

fn nobody() -> AnyView {
    view! {
        <Title text=tr(OWN.title) />
        <Meta name="description" content=tr(OWN.lead) />
        {not_signed_in_page(
            tr(OWN.title),
            tr("Sign in to read what was done to your account."),
            OWN.path,
        )}
    }
    .into_any()
}

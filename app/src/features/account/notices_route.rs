//! `/account/notices`: what the viewer was told.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::notice::{BY_NOBODY, Notice, NoticeKind};
use resonant_domain::page::Page;
use resonant_domain::team::TeamRole;

use super::api::{ReadNotices, list_notices};
use super::form_page::refresh_viewer;
use crate::error::{AppError, action_error, successes};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::state::use_unread;
use crate::ui::{
    Badge, Button, EmptyState, FormError, IconName, LinkButton, PageHead, Skeleton, Time, Tone,
    kept, own_page_fault,
};

/// The notices.
pub struct NoticesRoute {
    page: Resource<Result<Page<Notice>, AppError>>,
    read: ServerAction<ReadNotices>,
}

impl LazyPage for NoticesRoute {
    fn data() -> Self {
        let query = use_query_map();
        let cursor = Memo::new(move |_| query.read().get("cursor"));
        let read = ServerAction::new();
        let changes = successes(read);
        let page = Resource::new_blocking(
            move || (cursor.get(), changes.get()),
            |(cursor, _)| list_notices(cursor),
        );
        Self { page, read }
    }

    fn view(this: Self) -> AnyView {
        let NoticesRoute { page, read } = this;
        refresh_viewer(read);
        // Something was told, or read elsewhere.
        let unread = use_unread();
        Effect::new(move |before: Option<Option<i64>>| {
            let now = unread.count();
            if before.flatten().is_some_and(|before| Some(before) != now) {
                page.refetch();
            }
            now
        });
        view! {
            <Title text=tr("Notices") />
            <Meta name="description" content=tr("What happened to your listings, reviews and agents") />
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {kept(move || async move {
                    match page.await {
                        Ok(page) => notices(page, read),
                        Err(error) => own_page_fault(
                            tr("Notices"),
                            tr("Sign in to read what you were told."),
                            paths::NOTICES,
                            error,
                        ),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn notices(page: Page<Notice>, read: ServerAction<ReadNotices>) -> AnyView {
    let has_unread = page.items.iter().any(|notice| !notice.is_read);
    let rows: Vec<_> = page.items.into_iter().map(row).collect();
    let list = if rows.is_empty() {
        view! {
            <EmptyState
                icon=IconName::Bell
                title=tr("Nothing yet")
                text=tr("Decisions of moderators, reviews, answers, and newer versions of what you installed come here.")
            >
                <LinkButton href=paths::MARKETPLACE>{tr("Open the marketplace")}</LinkButton>
            </EmptyState>
        }
        .into_any()
    } else {
        view! { <ol class="reviews">{rows}</ol> }.into_any()
    };
    let older = page.next_cursor.map(|cursor| {
        view! {
            <p>
                <LinkButton href=paths::notices_page(&cursor)>{tr("Older notices")}</LinkButton>
            </p>
        }
    });
    let mark = has_unread.then(|| {
        view! {
            <ActionForm action=read>
                <Button busy=read.pending()>{tr("Mark all as read")}</Button>
            </ActionForm>
        }
    });
    view! {
        <div class="account">
            <PageHead
                title=tr("Notices")
                lead=tr("What happened to your listings, reviews and agents.")
            >
                {mark}
            </PageHead>
            <FormError error=action_error(read) />
            {list}
            {older}
        </div>
    }
    .into_any()
}

fn row(notice: Notice) -> AnyView {
    let href = target(&notice);
    let about = match href {
        Some(href) => view! { <a href=href>{notice.about}</a> }.into_any(),
        None => view! { <b>{notice.about}</b> }.into_any(),
    };
    let text = spoken(notice.kind, notice.text);
    let text = (!text.is_empty()).then(|| view! { <p class="review__text">{text}</p> });
    let new = (!notice.is_read).then(|| view! { <Badge tone=Tone::Info>{tr("New")}</Badge> });
    view! {
        <li class="review">
            <p class="review__head">
                {new}
                <span>{about} " " {tr(notice.kind.text())}</span>
                <span class="review__about">
                    <Time at=notice.created_at />
                </span>
            </p>
            {text}
        </li>
    }
    .into_any()
}

/// What a notice says in the language of whoever reads it: what people wrote as they did, and the words around it
/// translated.
fn spoken(kind: NoticeKind, text: String) -> String {
    let said = match kind {
        NoticeKind::FollowedListing | NoticeKind::FollowedVersion if text == BY_NOBODY => {
            Some(tr(BY_NOBODY).to_owned())
        }
        NoticeKind::FollowedListing | NoticeKind::FollowedVersion => {
            text.strip_prefix("By ").map(|name| tr_with("By {name}", &[("name", &name)]))
        }
        NoticeKind::Deprecated => text
            .strip_prefix('“')
            .and_then(|text| text.strip_suffix("” takes its place"))
            .map(|name| tr_with("“{name}” takes its place", &[("name", &name)])),
        NoticeKind::TeamInvited => text
            .strip_prefix("As ")
            .and_then(TeamRole::parse)
            .map(|role| tr_with("As {role}", &[("role", &tr(role.as_str()))])),
        _ => None,
    };
    said.unwrap_or(text)
}

/// Where a notice leads.
fn target(notice: &Notice) -> Option<String> {
    let listing = notice.slug.as_deref().map(paths::listing);
    match notice.kind {
        NoticeKind::ChangesRequested | NoticeKind::Removed => notice.agent_id.map(paths::publish),
        NoticeKind::Reviewed
        | NoticeKind::Answered
        | NoticeKind::ReviewRemoved
        | NoticeKind::ReviewRestored => listing.map(|listing| format!("{listing}#reviews")),
        // Where the reader's copy takes it; older notices name no copy.
        NoticeKind::UpdateAvailable => notice.agent_id.map(paths::update).or(listing),
        NoticeKind::ReportUpheld => None,
        NoticeKind::TeamInvited => notice.slug.as_deref().map(paths::join_team),
        NoticeKind::Approved
        | NoticeKind::ReportDismissed
        | NoticeKind::Deprecated
        | NoticeKind::FollowedListing
        | NoticeKind::FollowedVersion
        | NoticeKind::ReviewReportDismissed
        | NoticeKind::ReviewReportUpheld
        | NoticeKind::Other => listing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(kind: NoticeKind) -> Notice {
        Notice {
            id: "01900000-0000-7000-8000-000000000001".parse().unwrap(),
            kind,
            about: "Reader".to_owned(),
            slug: Some("reader".to_owned()),
            agent_id: "01900000-0000-7000-8000-000000000002".parse().ok(),
            text: String::new(),
            is_read: false,
            created_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn what_a_notice_says_is_translated_around_what_people_wrote() {
        use crate::language::Language;

        let said = |kind, text: &str| spoken(kind, text.to_owned());
        for (language, expected) in [
            (Language::English, ["By Ada: By hand", "“By” takes its place", "As editor"]),
            (
                Language::German,
                ["Von Ada: By hand", "„By“ tritt an seine Stelle", "Als Bearbeiter"],
            ),
        ] {
            Owner::new().with(|| {
                provide_context(language);
                let told = [
                    said(NoticeKind::FollowedVersion, "By Ada: By hand"),
                    said(NoticeKind::Deprecated, "“By” takes its place"),
                    said(NoticeKind::TeamInvited, "As editor"),
                ];
                assert_eq!(told, expected);
                assert_eq!(said(NoticeKind::Reviewed, "By far"), "By far", "it is somebody's own");
            });
        }
    }

    #[test]
    fn a_notice_leads_to_what_it_is_about() {
        for kind in NoticeKind::ALL {
            let target = target(&notice(kind));
            assert_eq!(target.is_some(), kind != NoticeKind::ReportUpheld, "{kind:?}");
        }
        let asked = target(&notice(NoticeKind::ChangesRequested)).unwrap();
        assert!(asked.ends_with("/publish"), "{asked}");
        let newer = target(&notice(NoticeKind::UpdateAvailable)).unwrap();
        assert!(newer.ends_with("/update"), "{newer}");
        let copyless = Notice { agent_id: None, ..notice(NoticeKind::UpdateAvailable) };
        assert_eq!(target(&copyless), Some(paths::listing("reader")));
    }
}

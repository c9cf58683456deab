//! `/studio/agents/{id}/knowledge/{document}`: a document as the agent reads it, passage by passage.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::ids::DocumentId;
use resonant_domain::knowledge::Passage;

use super::editor_route::agent_id;
use super::knowledge_api::{ShownDocument, get_document};
use super::knowledge_route::{about, not_read, place};
use super::team_panel::StandingNote;
use crate::error::AppError;
use crate::language::{key, tr};
use crate::lazy_page::LazyPage;
use crate::ui::{LinkButton, PageHead, PageLinks, Skeleton, cannot_be_shown};
use crate::{browser, paths};

/// The page of one document.
#[derive(Debug)]
pub struct DocumentRoute {
    /// The passage that the address names, as that of a citation does.
    asked: Memo<Option<u32>>,
    document: Resource<Result<ShownDocument, AppError>>,
}

impl LazyPage for DocumentRoute {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let named = Memo::new(move |_| params.read().get("document").unwrap_or_default());
        let number = move |name: &str| query.read().get(name)?.parse::<u32>().ok();
        let asked = Memo::new(move |_| number("passage"));
        let from = Memo::new(move |_| number("from"));
        let document = Resource::new_blocking(
            move || (id.get(), named.get(), from.get().or(asked.get())),
            |(id, named, from)| async move {
                let id = agent_id(&id)?;
                // What is no id names no document.
                let named = named
                    .parse::<DocumentId>()
                    .map_err(|_| AppError::not_found(key("There is no such document")))?;
                get_document(id, named, from).await
            },
        );
        Self { asked, document }
    }

    fn view(this: Self) -> AnyView {
        let DocumentRoute { asked, document } = this;
        view! {
            <Meta name="description" content=tr("A document that an AI agent looks things up in") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {move || Suspend::new(async move {
                    match document.await {
                        Ok(document) => {
                            let cited = asked.get_untracked();
                            view! { <Document document=document cited=cited /> }.into_any()
                        }
                        Err(error) => cannot_be_shown(tr("This document cannot be shown"), error),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

#[component]
fn Document(document: ShownDocument, cited: Option<u32>) -> impl IntoView {
    let ShownDocument { agent_id: id, page, standing } = document;
    let next = page.next().map(|passage| paths::document_page(id, page.document.id, passage));
    let is_first = page.passages.first().is_none_or(|passage| passage.position == 1);
    let first = (!is_first).then(|| paths::document(id, page.document.id));
    let title = page.document.title.clone();
    let note = standing.map(|standing| view! { <StandingNote standing=standing /> });
    let unread = not_read(&page.document.unread_pages);
    let shown = |passage: Passage| {
        let Passage { position, heading, text } = passage;
        let is_cited = cited == Some(position);
        view! {
            <section class="passage" class:is-cited=is_cited id=anchor(position)>
                <h2 class="passage__place">{place(&title, &heading, position)}</h2>
                <p class="knowledge__passage">{text}</p>
            </section>
        }
    };
    let passages = page.passages.into_iter().map(shown).collect_view();
    // A browser goes to the passage by itself where it has loaded the page, and not where we have drawn it.
    Effect::new(move || {
        if let Some(position) = cited {
            browser::reveal(&anchor(position));
        }
    });
    view! {
        <Title text=title.clone() />
        <PageHead title=title lead=about(&page.document)>
            <LinkButton href=paths::knowledge(id)>{tr("Back to the documents")}</LinkButton>
        </PageHead>
        {note}
        {unread}
        <div class="passages">{passages}</div>
        <PageLinks next=next more=tr("Further passages") first=first back=tr("To the first passage") />
    }
}

/// The id of a passage on the page, as citations name it.
fn anchor(position: u32) -> String {
    format!("passage-{position}")
}

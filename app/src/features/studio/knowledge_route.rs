//! `/studio/agents/{id}/knowledge`: what an agent looks things up in, and what it remembers.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::ids::AgentId;
use resonant_domain::knowledge::{FoundPassage, KnowledgeDocument, QUERY_MAX};
use resonant_domain::memory::Memory;
use resonant_domain::team::AgentRight;
use server_fn::ServerFn as _;

use super::document_form::{DocumentDraft, DocumentForm};
use super::editor_route::agent_id;
use super::knowledge_api::{
    AddDocument, ForgetMemory, Found, KnowledgePage, RemoveDocument, get_knowledge,
};
use super::team_panel::{StandingNote, may};
use crate::error::{AppError, action_error, removal_error};
use crate::language::{tr, tr_count, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Button, ButtonKind, Confirm, ErrorPanel, Field, FormError, LinkButton, Notice, PageHead,
    Skeleton, Time, Tone, cannot_be_shown, kept,
};

/// The page of an agent's knowledge.
pub struct KnowledgeRoute {
    actions: Actions,
    page: Resource<Result<KnowledgePage, AppError>>,
}

/// Everything that the page's forms do.
#[derive(Clone, Copy)]
struct Actions {
    add: ServerAction<AddDocument>,
    remove: ServerAction<RemoveDocument>,
    forget: ServerAction<ForgetMemory>,
}

impl LazyPage for KnowledgeRoute {
    fn data() -> Self {
        let actions = Actions {
            add: ServerAction::new(),
            remove: ServerAction::new(),
            forget: ServerAction::new(),
        };
        let (params, query) = (use_params_map(), use_query_map());
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let asked = Memo::new(move |_| query.read().get("query"));
        let Actions { add, remove, forget } = actions;
        let versions =
            move || [add.version().get(), remove.version().get(), forget.version().get()];
        let page = Resource::new_blocking(
            move || (id.get(), asked.get(), versions()),
            |(id, asked, _)| async move { get_knowledge(agent_id(&id)?, asked).await },
        );
        Self { actions, page }
    }

    fn view(this: Self) -> AnyView {
        let KnowledgeRoute { actions, page } = this;
        let draft = DocumentDraft::new();
        Effect::new(move || {
            if matches!(actions.add.value().get(), Some(Ok(()))) {
                draft.clear();
            }
        });
        view! {
            <Title text=tr("Knowledge") />
            <Meta name="description" content=tr("What an AI agent looks things up in and remembers") />
            <Transition fallback=|| {
                view! { <Skeleton lines=10 /> }
            }>
                {kept(move || async move {
                    match page.await {
                        Ok(page) => view! { <Page page actions draft /> }.into_any(),
                        Err(error) => cannot_be_shown(tr("This knowledge cannot be shown"), error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Page(page: KnowledgePage, actions: Actions, draft: DocumentDraft) -> impl IntoView {
    let KnowledgePage {
        agent_id: id,
        agent_name,
        may_look_up,
        may_remember,
        documents,
        memories,
        found,
        standing,
    } = page;
    let may_edit = may(standing.as_ref(), AgentRight::Edit);
    let is_own = standing.is_none();
    let note = standing.map(|standing| view! { <StandingNote standing=standing /> });
    let add = may_edit.then(|| {
        view! {
            <section class="account__part" aria-labelledby="document-new">
                <h2 id="document-new">{tr("Add a document")}</h2>
                <DocumentForm id draft add=actions.add />
            </section>
        }
    });
    let is_about_memory = is_own || may_remember || !memories.is_empty();
    let remembered = is_about_memory
        .then(|| view! { <Memories id memories may_remember is_own forget=actions.forget /> });
    let has_documents = !documents.is_empty();
    let needs_tool = (has_documents && !may_look_up).then(|| {
        view! {
            <Notice tone=Tone::Warn>
                <p>
                    {tr("The agent has documents but not the tool “Knowledge”: ")}
                    <a href=paths::agent(id)>{tr("tick it in the editor")}</a> "."
                </p>
            </Notice>
        }
    });
    view! {
        <div class="account">
            <PageHead
                title=tr_with("Knowledge of {agent_name}", &[("agent_name", &agent_name)])
                lead=tr("Documents that the agent looks things up in, and facts that it keeps. Its own sessions \
                alone use them.")
            >
                <LinkButton href=paths::agent(id)>{tr("Back to the editor")}</LinkButton>
            </PageHead>
            {note}
            {needs_tool}
            <Documents id documents may_edit remove=actions.remove />
            {add}
            {(has_documents || found.is_some()).then(|| view! { <Search id found /> })}
            {remembered}
        </div>
    }
}

#[component]
fn Documents(
    id: AgentId,
    documents: Vec<KnowledgeDocument>,
    may_edit: bool,
    remove: ServerAction<RemoveDocument>,
) -> impl IntoView {
    let nothing = documents.is_empty().then(|| {
        view! {
            <p>
                {tr("None yet. Add a handbook, a price list or notes below, and the agent answers from them.")}
            </p>
        }
    });
    let row = move |document: KnowledgeDocument| {
        let about = about(&document);
        let href = paths::document(id, document.id);
        let unread = not_read(&document.unread_pages);
        let title = document.title.clone();
        let document_id = document.id;
        let delete = may_edit.then(|| {
            let question = tr_with("Delete {name}?", &[("name", &title)]);
            view! {
                <Confirm
                    label=tr("Delete")
                    about=title
                    question
                    text=tr("Nothing is found in it any more, and citations of it lead nowhere. Nobody can bring it back.")
                    url=RemoveDocument::url()
                    fields=vec![("id", id.to_string()), ("document_id", document_id.to_string())]
                    busy=remove.pending()
                    on_yes=move |()| {
                        remove.dispatch(RemoveDocument { id, document_id });
                    }
                />
            }
        });
        view! {
            <li class="secret">
                <div class="secret__head">
                    <a class="secret__name" href=href>
                        {document.title}
                    </a>
                    <span class="secret__about">
                        {about} {tr(" · added ")} <Time at=document.created_at />
                    </span>
                    {unread}
                </div>
                {delete}
            </li>
        }
    };
    view! {
        <section class="account__part" aria-labelledby="documents-title">
            <h2 id="documents-title">{tr("Documents")}</h2>
            <FormError error=removal_error(remove) />
            {nothing}
            <ul class="secret-list">{documents.into_iter().map(row).collect_view()}</ul>
        </section>
    }
}

/// Which pages of a PDF are not looked up in, as far as they fit a line.
pub(super) fn not_read(pages: &[u32]) -> Option<impl IntoView + use<>> {
    const SHOWN_MAX: usize = 20;
    let shown: Vec<_> = pages.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
    let more = if pages.len() > SHOWN_MAX { ", …" } else { "" };
    let shown = format!("{}{more}", shown.join(", "));
    let text = tr_with("Not read, as on scanned pages: page {pages}", &[("pages", &shown)]);
    (!pages.is_empty()).then(|| view! { <span class="secret__about">{text}</span> })
}

/// What the agent's tool finds. A plain form: the address is the state.
#[component]
fn Search(id: AgentId, found: Option<Found>) -> impl IntoView {
    let asked = found.as_ref().map(|found| found.query.clone()).unwrap_or_default();
    let shown = found.map(|found| match found.passages {
        Err(error) => view! { <ErrorPanel error /> }.into_any(),
        Ok(passages) if passages.is_empty() => {
            view! { <p role="status">{tr("No document says anything about this.")}</p> }.into_any()
        }
        Ok(passages) => {
            let passage = |passage: FoundPassage| {
                let place = place(&passage.document, &passage.heading, passage.position);
                view! {
                    <li class="secret">
                        <div class="secret__head">
                            <a class="secret__name" href=passage.url>
                                {place}
                            </a>
                            <span class="secret__about">
                                {tr_with(
                                    "{percent} % of what was asked",
                                    &[("percent", &passage.relevance)],
                                )}
                            </span>
                        </div>
                        <blockquote class="knowledge__passage">{passage.text}</blockquote>
                    </li>
                }
            };
            let count = passages.len() as u64;
            view! {
                <p role="status">{tr_count("{n} passage found", "{n} passages found", count)}</p>
                <ol class="secret-list">{passages.into_iter().map(passage).collect_view()}</ol>
            }
            .into_any()
        }
    });
    view! {
        <section class="account__part" aria-labelledby="knowledge-search">
            <h2 id="knowledge-search">{tr("Try a search")}</h2>
            <form class="form" method="get" action=paths::knowledge(id)>
                <Field
                    label=tr("Question")
                    name="query"
                    value=asked
                    type_="search"
                    required=true
                    maxlength=QUERY_MAX
                    autocomplete="off"
                    hint=tr("Finds what the agent would find")
                />
                <Button>{tr("Search")}</Button>
            </form>
            {shown}
        </section>
    }
}

#[component]
fn Memories(
    id: AgentId,
    memories: Vec<Memory>,
    may_remember: bool,
    /// Whether the agent is the viewer's own.
    is_own: bool,
    forget: ServerAction<ForgetMemory>,
) -> impl IntoView {
    let nothing = memories.is_empty().then(|| {
        let text = if may_remember {
            tr("Nothing yet. Tell the agent what to remember, and its next sessions know it.")
        } else {
            tr("It remembers nothing: tick the tools “Remember” and “Recall” in the editor if it should.")
        };
        view! { <p>{text}</p> }
    });
    let row = move |memory: Memory| {
        view! {
            <li class="secret">
                <div class="secret__head">
                    <span class="secret__name">{memory.key.clone()}</span>
                    <span class="secret__about">{tr("kept ")} <Time at=memory.updated_at /></span>
                </div>
                <p>{memory.text}</p>
                <ActionForm action=forget>
                    <input type="hidden" name="id" value=id.to_string() />
                    <input type="hidden" name="memory_id" value=memory.id.to_string() />
                    <Button kind=ButtonKind::Danger busy=forget.pending()>
                        {tr("Forget")}
                        <span class="visually-hidden">{format!(" {}", memory.key)}</span>
                    </Button>
                </ActionForm>
            </li>
        }
    };
    view! {
        <section class="account__part" aria-labelledby="memories-title">
            <h2 id="memories-title">{tr("What it remembers")}</h2>
            {(!is_own).then(|| view! { <p>{tr("From your sessions with it, for your sessions alone.")}</p> })}
            <FormError error=action_error(forget) />
            {nothing}
            <ul class="secret-list">{memories.into_iter().map(row).collect_view()}</ul>
        </section>
    }
}

/// Where a passage of a document stands, as its citation tells a model.
pub(super) fn place(document: &str, heading: &str, position: u32) -> String {
    let within = if heading.is_empty() || heading == document {
        document.to_owned()
    } else {
        format!("{document} › {heading}")
    };
    tr_with("{within}, passage {position}", &[("within", &within), ("position", &position)])
}

/// What a document is: its format, its length, and how many passages it has.
pub(super) fn about(document: &KnowledgeDocument) -> String {
    format!(
        "{} · {} · {}",
        tr(document.format.title()),
        size(document.size_bytes),
        tr_count("{n} passage", "{n} passages", document.passages.into()),
    )
}

/// A length as people read it.
fn size(bytes: u32) -> String {
    if bytes < 1_024 {
        tr_with("{bytes} bytes", &[("bytes", &bytes)])
    } else {
        format!("{} KiB", bytes / 1_024)
    }
}

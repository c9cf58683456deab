//! `/studio/import`: a file becomes a new agent, or the draft of one that there is.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;

use super::agent_form::field_fault;
use super::conflict_notice::{ConflictNotice, is_conflict};
use super::diff_view::DiffView;
use super::editor_route::agent_id;
use super::import_api::{CheckFile, ImportFile, ImportTarget, get_import_target};
use crate::error::{AppError, last_error};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::refused_form::refused_form;
use crate::ui::{
    Button, ButtonKind, FormError, LinkButton, PageHead, Skeleton, TextArea, cannot_be_shown,
};
use crate::{browser, paths};

/// Beyond so many bytes no agent has a file.
const SIZE_MAX: f64 = 512.0 * 1024.0;

/// The page that reads a file.
#[derive(Debug)]
pub struct ImportRoute {
    target: Resource<Result<Option<ImportTarget>, AppError>>,
}

impl LazyPage for ImportRoute {
    fn data() -> Self {
        let query = use_query_map();
        let agent = move || query.read().get("agent").filter(|id| !id.is_empty());
        let target = Resource::new_blocking(agent, |agent| async move {
            let agent = agent.as_deref().map(agent_id).transpose()?;
            get_import_target(agent).await
        });
        Self { target }
    }

    fn view(this: Self) -> AnyView {
        let target = this.target;
        view! {
            <Title text=tr("Import a file") />
            <Meta name="description" content=tr("Make an AI agent from a file") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    match target.await {
                        Ok(target) => view! { <Import target=target /> }.into_any(),
                        Err(error) => cannot_be_shown(tr("This agent cannot be changed"), error),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

#[component]
fn Import(target: Option<ImportTarget>) -> impl IntoView {
    let import = ServerAction::<ImportFile>::new();
    let check = ServerAction::<CheckFile>::new();
    let text = RwSignal::new(refused_form().text("file").unwrap_or_default());
    // What was asked about. An answer that comes when something else stands there tells nothing of that.
    let asked = RwSignal::new(String::new());
    let is_asked = move || text.with(|text| asked.with(|asked| asked == text));
    // The newer of the two answers speaks.
    let failed = last_error(import);
    let refused = last_error(check);
    let error =
        Signal::derive(move || failed.get().or_else(|| refused.get().filter(|_| is_asked())));
    // Of a new agent nothing was changed elsewhere.
    let (is_new, is_conflict) = (target.is_none(), is_conflict(failed));
    let is_late = Signal::derive(move || !is_new && is_conflict.try_get() == Some(true));
    let other = Signal::derive(move || {
        error.try_get().flatten().filter(|_| is_late.try_get() != Some(true))
    });
    let changes = move || {
        let diff = check.value().get()?.ok()?;
        is_asked().then(|| {
            view! {
                <section class="import__changes" aria-labelledby="import-changes">
                    <h2 id="import-changes">{tr("What the file changes")}</h2>
                    <DiffView diff=diff />
                </section>
            }
        })
    };
    let on_input = Callback::new(move |typed: String| {
        text.set(typed);
        check.clear();
    });
    let unread = RwSignal::new(None);
    let read = move |event: leptos::ev::Event| {
        let Some(file) = browser::chosen_file(&event) else { return };
        unread.set(None);
        check.clear();
        if file.size_bytes() > SIZE_MAX {
            let told = tr_with("{file} is too large to be an agent", &[("file", &file.name())]);
            unread.set(Some(told));
            return;
        }
        spawn_local(async move {
            if let Some(read) = file.text().await {
                drop(text.try_set(read));
            } else {
                let told = tr_with("{file} could not be read", &[("file", &file.name())]);
                drop(unread.try_set(Some(told)));
            }
        });
    };
    let id = target.as_ref().map(|target| target.id);
    let (title, lead, back, verb) = match &target {
        Some(target) => (
            tr_with("Import into {agent}", &[("agent", &target.name)]),
            tr("The file replaces the draft; published versions stay as they are"),
            paths::agent(target.id),
            tr("Replace the draft"),
        ),
        None => (
            tr("Import a file").to_owned(),
            tr("A new agent from a file that was exported here or elsewhere"),
            paths::STUDIO.to_owned(),
            tr("Create agent"),
        ),
    };
    let hidden = target.map(|target| {
        // A refused form goes on from the draft that it was made for.
        let revision = refused_form().text("revision");
        let revision = revision.unwrap_or_else(|| target.revision.to_string());
        view! {
            <ConflictNotice
                text=tr(
                    "This agent was changed elsewhere after you opened it. Nothing of yours is lost: \
                    it still stands in the form.",
                )
                is_there=is_late
                busy=import.pending()
                theirs=paths::agent(target.id)
            />
            <input type="hidden" name="agent" value=target.id.to_string() />
            <input type="hidden" name="revision" value=revision />
        }
    });
    view! {
        <PageHead title=title lead=lead />
        <ActionForm action=import>
            <div class="agent-form">
                <FormError error=other fields=&["file"] />
                {hidden}
                <div class="field with-script">
                    <label class="field__label" for="import-file">
                        {tr("Choose a file")}
                    </label>
                    <input
                        class="field__control"
                        type="file"
                        id="import-file"
                        accept=".json,application/json"
                        aria-describedby="import-file-fault"
                        on:change=read
                    />
                    <p
                        class="field__error"
                        id="import-file-fault"
                        role="alert"
                        hidden=move || unread.with(Option::is_none)
                    >
                        {move || unread.get()}
                    </p>
                </div>
                <TextArea
                    label=tr("The file's text")
                    name="file"
                    value=text
                    on_input=on_input
                    rows=14
                    required=true
                    is_code=true
                    hint=tr("JSON, as the editor exports it. It holds no secrets")
                    error=field_fault(error, "file")
                />
                {changes}
                <div class="agent-form__end">
                    <Button kind=ButtonKind::Primary busy=import.pending()>
                        {verb}
                    </Button>
                    <span class="with-script">
                        <Button
                            type_="button"
                            busy=check.pending()
                            on_click=Callback::new(move |_| {
                                import.clear();
                                let file = text.get_untracked();
                                asked.set(file.clone());
                                check.dispatch(CheckFile { agent: id, file });
                            })
                        >
                            {tr("See what it changes")}
                        </Button>
                    </span>
                    <LinkButton href=back kind=ButtonKind::Quiet>
                        {tr("Back")}
                    </LinkButton>
                </div>
            </div>
        </ActionForm>
    }
}

//! What runs and what is drafted: publish the draft, or see what it still lacks.

use leptos::ev;
use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::agent_version::{AgentVersion, Edition, NOTES_MAX, missing};
use resonant_domain::{FaultKind, FieldFault};

use super::agent_form::field_fault;
use super::api::get_agent;
use super::draft::Draft;
use super::version_api::PublishVersion;
use crate::error::last_error;
use crate::language::{tr, tr_text, tr_with};
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_toasts;
use crate::ui::{Badge, Button, ButtonKind, FormError, Icon, IconName, TextArea, Tone};

/// How far an agent may go from the studio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Nowhere: it is a copy that was paid for.
    Here,
    /// Into a file: it is somebody else's.
    File,
    /// To the marketplace, too: it is the viewer's own.
    Marketplace,
}

/// Asks anew what the tests say whenever the draft is saved, and when one comes back to the page: they may
/// have been run elsewhere.
fn keep_up(draft: Draft, tests: RwSignal<Vec<FieldFault>>) {
    let id = draft.shown.with_untracked(|agent| agent.id);
    let is_gone = StoredValue::new(false);
    let ask = move || {
        if is_gone.try_get_value() != Some(false) {
            return;
        }
        spawn_local(async move {
            match get_agent(id).await {
                Ok(edited) => {
                    let _ = tests.try_set(edited.lacking_tests);
                }
                Err(error) if error.kind == FaultKind::NotFound => {
                    let _ = is_gone.try_set_value(true);
                }
                Err(_) => {}
            }
        });
    };
    let revision = Memo::new(move |_| draft.shown.with(|agent| agent.revision));
    Effect::new(move |before: Option<i64>| {
        let now = revision.get();
        if before.is_some_and(|before| before != now) {
            ask();
        }
        now
    });
    Effect::new(move || {
        let back = window_event_listener(ev::focus, move |_| ask());
        on_cleanup(move || back.remove());
    });
}

/// Publishes the draft as the next version. The button waits until nothing is missing.
#[component]
pub(super) fn PublishPanel(
    /// The draft as the editor knows it.
    draft: Draft,
    /// The version that sessions run.
    published: RwSignal<Option<AgentVersion>>,
    /// Whether a version needs the test sets to pass.
    requires_tests: bool,
    /// What the draft lacks of that.
    lacking_tests: Vec<FieldFault>,
    /// Whether the viewer may publish it.
    may_publish: bool,
    /// How far it may go from here.
    reach: Reach,
) -> impl IntoView {
    let publish = ServerAction::<PublishVersion>::new();
    let error = last_error(publish);
    let toasts = use_toasts();
    let notes = RwSignal::new(refused_form().text("notes").unwrap_or_default());
    let Draft { shown, is_changed, .. } = draft;
    let id = shown.with_untracked(|agent| agent.id);
    Effect::new(move || match publish.value().get() {
        Some(Ok(version)) => {
            // They tell of that version alone, and what is published cannot be put right.
            notes.set(String::new());
            let told = tr_with("Version {version} is published", &[("version", &version.version)]);
            toasts.show(Tone::Good, told);
            published.set(Some(version));
        }
        // Another version runs than this page knows of.
        Some(Err(error)) if error.kind == FaultKind::Conflict => {
            spawn_local(async move {
                if let Ok(edited) = get_agent(id).await {
                    let _ = published.try_set(edited.published);
                }
            });
        }
        _ => {}
    });
    let tests = RwSignal::new(lacking_tests);
    if requires_tests && may_publish {
        keep_up(draft, tests);
    }
    let lacks = Memo::new(move |_| {
        let mut lacks = shown.with(|agent| missing(&agent.spec));
        tests.with(|tests| lacks.extend_from_slice(tests));
        lacks
    });
    let is_new = Memo::new(move |_| {
        published.with(|published| {
            published.as_ref().is_none_or(|version| shown.with(|agent| version.spec != agent.spec))
        })
    });
    let is_ready = move || is_new.get() && lacks.with(Vec::is_empty) && !is_changed.get();
    let stands = move || match published.with(|published| published.as_ref().map(|v| v.version)) {
        None => tr("Nothing is published yet: sessions run the draft as it stands.").to_owned(),
        Some(version) if is_new.get() => tr_with(
            "Sessions run version {version}. The draft differs from it.",
            &[("version", &version)],
        ),
        Some(version) => tr_with(
            "Sessions run version {version}, which is the same as the draft.",
            &[("version", &version)],
        ),
    };
    let compare = move || {
        let version = published.with(|published| published.as_ref().map(|v| v.version))?;
        let href = paths::compare_versions(id, Edition::Version(version), Edition::Draft);
        is_new.get().then(|| view! { <a href=href>{tr("See what differs")}</a> })
    };
    let form = may_publish.then(|| {
        view! {
            <ActionForm action=publish>
                <input type="hidden" name="id" value=id.to_string() />
                <input
                    type="hidden"
                    name="revision"
                    value=move || shown.with(|agent| agent.revision).to_string()
                />
                <TextArea
                    id="publish-notes"
                    label=tr("What is new")
                    name="notes"
                    value=notes
                    on_input=Callback::new(move |typed| notes.set(typed))
                    rows=2
                    optional=true
                    maxlength=NOTES_MAX
                    error=field_fault(error, "notes")
                />
                <FormError error=error fields=&["notes"] />
                <Button
                    kind=ButtonKind::Primary
                    busy=publish.pending()
                    disabled=Signal::derive(move || !is_ready())
                    keeps_focus=true
                >
                    <Icon name=IconName::CheckCircle />
                    {tr("Publish")}
                </Button>
            </ActionForm>
        }
    });
    view! {
        <section class="editor__panel" aria-labelledby="publish-title">
            <h2 id="publish-title">
                {tr("Publish ")}
                <Show when=move || is_new.get() && published.with(Option::is_some)>
                    <Badge tone=Tone::Info>{tr("Draft differs")}</Badge>
                </Show>
            </h2>
            <p>{stands}</p>
            <p class="editor__links">
                {compare} <a href=paths::versions(id)>{tr("All versions")}</a>
                <a href=paths::bench(id)>{tr("Bench: test sets")}</a>
                {(reach == Reach::Marketplace)
                    .then(|| view! { <a href=paths::publish(id)>{tr("Publish to the marketplace")}</a> })}
                {(reach >= Reach::File)
                    .then(|| {
                        view! {
                            <a href=paths::agent_file(id) rel="external" download="">
                                {tr("Export as a file")}
                            </a>
                        }
                    })}
                {may_publish.then(|| view! { <a href=paths::import_into(id)>{tr("Import a file")}</a> })}
            </p>
            {(reach == Reach::Here)
                .then(|| {
                    view! {
                        <p>
                            {tr(
                                "It is a copy that was paid for: it cannot be exported as a file, nor \
                                published to the marketplace.",
                            )}
                        </p>
                    }
                })}
            <Show when=move || may_publish && !lacks.with(Vec::is_empty)>
                <div class="publish__missing">
                    <p>{tr("To be published, the agent")}</p>
                    <ul>
                        {move || {
                            lacks
                                .get()
                                .into_iter()
                                .map(|fault| view! { <li>{tr_text(fault.reason)}</li> })
                                .collect_view()
                        }}
                    </ul>
                </div>
            </Show>
            {(requires_tests && may_publish)
                .then(|| {
                    view! {
                        <p>
                            {tr("Its test sets must pass on the draft as it is: ")}
                            <a href=paths::bench(id)>{tr("run them at the bench")}</a> "."
                        </p>
                    }
                })}
            {form}
        </section>
    }
}

//! What runs and what is drafted: publish the draft, or see what it still lacks.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::agent::Agent;
use resonant_domain::agent_version::{AgentVersion, Edition, NOTES_MAX, missing};

use super::agent_form::{action_error, field_fault};
use super::version_api::PublishVersion;
use crate::paths;
use crate::state::use_toasts;
use crate::ui::{Badge, Button, ButtonKind, FormError, Icon, IconName, TextArea, Tone};

/// Publishes the draft as the next version. The button waits until nothing is missing.
#[component]
pub(super) fn PublishPanel(
    /// The draft as it was saved last.
    shown: RwSignal<Agent>,
    /// The version that sessions run.
    published: RwSignal<Option<AgentVersion>>,
    /// Whether there are changes that are not saved yet.
    #[prop(into)]
    is_changed: Signal<bool>,
    /// Whether a version needs the test sets to pass.
    requires_tests: bool,
    /// Whether the viewer may publish it.
    may_publish: bool,
    /// Whether it is the viewer's own.
    is_own: bool,
) -> impl IntoView {
    let publish = ServerAction::<PublishVersion>::new();
    let error = action_error(publish.value());
    let toasts = use_toasts();
    Effect::new(move || {
        if let Some(Ok(version)) = publish.value().get() {
            toasts.show(Tone::Good, format!("Version {} is published", version.version));
            published.set(Some(version));
        }
    });
    let id = shown.with_untracked(|agent| agent.id);
    let lacks = Memo::new(move |_| shown.with(|agent| missing(&agent.spec)));
    let is_new = Memo::new(move |_| {
        published.with(|published| {
            published.as_ref().is_none_or(|version| shown.with(|agent| version.spec != agent.spec))
        })
    });
    let is_ready = move || is_new.get() && lacks.with(Vec::is_empty) && !is_changed.get();
    let stands = move || match published.with(|published| published.as_ref().map(|v| v.version)) {
        None => "Nothing is published yet: sessions run the draft as it stands.".to_owned(),
        Some(version) if is_new.get() => {
            format!("Sessions run version {version}. The draft differs from it.")
        }
        Some(version) => format!("Sessions run version {version}, which is the same as the draft."),
    };
    let compare = move || {
        let version = published.with(|published| published.as_ref().map(|v| v.version))?;
        let href = paths::compare_versions(id, Edition::Version(version), Edition::Draft);
        is_new.get().then(|| view! { <a href=href>"See what differs"</a> })
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
                    label="What is new"
                    name="notes"
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
                >
                    <Icon name=IconName::CheckCircle />
                    "Publish"
                </Button>
            </ActionForm>
        }
    });
    view! {
        <section class="editor__panel" aria-labelledby="publish-title">
            <h2 id="publish-title">
                "Publish "
                <Show when=move || is_new.get() && published.with(Option::is_some)>
                    <Badge tone=Tone::Info>"Draft differs"</Badge>
                </Show>
            </h2>
            <p>{stands}</p>
            <p class="editor__links">
                {compare} <a href=paths::versions(id)>"All versions"</a>
                <a href=paths::bench(id)>"Bench: test sets"</a>
                {is_own
                    .then(|| view! { <a href=paths::publish(id)>"Publish to the marketplace"</a> })}
                <a href=paths::agent_file(id) rel="external" download="">
                    "Export as a file"
                </a>
                {may_publish.then(|| view! { <a href=paths::import_into(id)>"Import a file"</a> })}
            </p>
            <Show when=move || may_publish && !lacks.with(Vec::is_empty)>
                <div class="publish__missing">
                    <p>"To be published, the agent"</p>
                    <ul>
                        {move || {
                            lacks
                                .get()
                                .into_iter()
                                .map(|fault| view! { <li>{fault.reason}</li> })
                                .collect_view()
                        }}
                    </ul>
                </div>
            </Show>
            {(requires_tests && may_publish)
                .then(|| {
                    view! {
                        <p>
                            "Its test sets must pass on the draft as it is: "
                            <a href=paths::bench(id)>"run them at the bench"</a> "."
                        </p>
                    }
                })}
            {form}
        </section>
    }
}

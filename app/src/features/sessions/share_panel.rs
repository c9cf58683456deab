//! What an owner does with a session as a whole: share it, keep it as a file, compare it.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::session::Session;

use super::api::{ShareSession, UnshareSession, get_share};
use crate::error::action_error;
use crate::language::tr;
use crate::paths;
use crate::ui::{Button, ButtonKind, CopyButton, FormError, Icon, IconName, kept};

/// A read-only link that can be taken back, files to keep, and the way to a comparison.
#[component]
pub(super) fn SharePanel(
    /// The session.
    session: Session,
    /// Whether the viewer may make a link for anyone.
    may_link: bool,
) -> impl IntoView {
    let (id, agent) = (session.id, session.agent_id);
    let share = ServerAction::<ShareSession>::new();
    let unshare = ServerAction::<UnshareSession>::new();
    let changes = move || (share.version().get(), unshare.version().get());
    let token = Resource::new(changes, move |_| async move {
        if may_link { get_share(id).await } else { Ok(None) }
    });
    let shown = move || async move {
        let token = token.await.ok().flatten();
        match token {
            None if !may_link => ().into_any(),
            None => view! {
                <ActionForm action=share>
                    <input type="hidden" name="id" value=id.to_string() />
                    <Button busy=share.pending()>{tr("Make a read-only link")}</Button>
                </ActionForm>
            }
            .into_any(),
            Some(token) => {
                let path = paths::shared(&token);
                view! {
                    <p class="share__link">
                        <a href=path.clone()>{tr("Read-only link")}</a>
                        <span class="needs-script">
                            <CopyLink path=path />
                        </span>
                    </p>
                    <p>{tr("Anyone who has it can read this session until you take it back.")}</p>
                    <ActionForm action=unshare>
                        <input type="hidden" name="id" value=id.to_string() />
                        <Button kind=ButtonKind::Danger busy=unshare.pending()>
                            {tr("Take the link back")}
                        </Button>
                    </ActionForm>
                }
                .into_any()
            }
        }
    };
    let test = move || {
        view! {
            <a href=paths::new_test_of(agent, id)>
                <Icon name=IconName::CheckCircle />
                {tr("Make it a test case")}
            </a>
        }
    };
    view! {
        <details class="share">
            <summary class="share__title">{tr("Share, export, compare")}</summary>
            <div class="share__parts">
                <section>
                    <Transition fallback=|| ()>{kept(shown)}</Transition>
                    <FormError error=action_error(share) />
                    <FormError error=action_error(unshare) />
                </section>
                <p class="share__ways">
                    <a href=paths::session_file(id, "md") rel="external" download="">
                        <Icon name=IconName::Download />
                        "Markdown"
                    </a>
                    <a href=paths::session_file(id, "json") rel="external" download="">
                        <Icon name=IconName::Download />
                        "JSON"
                    </a>
                    <a href=paths::replay(id)>
                        <Icon name=IconName::History />
                        {tr("Replay")}
                    </a>
                    <a href=paths::compare_session(id)>
                        <Icon name=IconName::Parallel />
                        {tr("Compare with another session")}
                    </a>
                    {may_link.then(test)}
                </p>
            </div>
        </details>
    }
}

/// Copies the whole address, which only the browser knows.
#[component]
fn CopyLink(path: String) -> impl IntoView {
    let text = RwSignal::new(path.clone());
    #[cfg(not(feature = "ssr"))]
    Effect::new(move || text.set(format!("{}{path}", crate::browser::origin())));
    view! { <CopyButton text=text label=tr("Copy the link") /> }
}

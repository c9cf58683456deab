//! The form that shows a recorded session on a listing's page.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::{AgentId, SessionId};

use super::api::ShowSession;
use crate::error::{action_error, field_error};
use crate::language::tr;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{Button, ChoiceError, FormError, Select};

/// The form.
#[component]
pub(super) fn ShowForm(
    /// The agent.
    agent_id: AgentId,
    /// The sessions that there are to choose, each with its goal.
    sessions: Vec<(SessionId, String)>,
    /// The one that is shown now.
    shown: Option<(SessionId, String)>,
    /// What shows one.
    show: ServerAction<ShowSession>,
) -> impl IntoView {
    let error = action_error(show);
    let fault = field_error(error, "consent");
    let none = (String::new(), tr("None").to_owned());
    let chosen = shown.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default();
    // It may be behind those that there are to choose.
    let older = shown.clone().filter(|(id, _)| sessions.iter().all(|(other, _)| other != id));
    let options: Vec<_> = std::iter::once(none)
        .chain(sessions.into_iter().chain(older).map(|(id, goal)| (id.to_string(), goal)))
        .collect();
    let now = shown.map(|(id, goal)| {
        view! { <p>{tr("The listing shows: ")} <a href=paths::session(id)>{goal}</a></p> }
    });
    view! {
        <details>
            <summary>{tr("Show a recorded session")}</summary>
            {now}
            <ActionForm action=show>
                <div class="form">
                    <FormError error fields=&["session", "consent"] />
                    <input type="hidden" name="id" value=agent_id.to_string() />
                    <Select
                        label=tr("Session")
                        name="session"
                        options=options
                        value=refused_form().text("session").unwrap_or(chosen)
                        hint=tr("One of your own that ran the version in the marketplace and reached its answer")
                        error=field_error(error, "session")
                    />
                    <label class="star-choice__one">
                        <input
                            type="checkbox"
                            name="consent"
                            value="true"
                            aria-invalid=move || fault.with(Option::is_some).then_some("true")
                            aria-describedby="consent-error"
                        />
                        <span>
                            {tr("I agree that anyone reads this session as a whole: its goal, its material, its variables, every tool call and the answer. Taking back its link takes it off the page, and so does saying more to it.")}
                        </span>
                    </label>
                    <ChoiceError id="consent-error" error=fault />
                    <Button busy=show.pending()>{tr("Show it")}</Button>
                </div>
            </ActionForm>
        </details>
    }
}

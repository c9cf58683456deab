//! The form in which a draft is written: saves by itself, knows the way back, and never overwrites what
//! someone wrote elsewhere.

use std::time::Duration;

use leptos::ev;
use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use resonant_domain::FaultKind;
use resonant_domain::agent::Agent;
use resonant_domain::draft_weight::DraftWeight;

use super::agent_fields::AgentFields;
use super::agent_form::{AGENT_FIELDS, AgentForm};
use super::api::{Callable, UpdateAgent};
use crate::error::last_error;
use crate::language::tr;
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_toasts;
use crate::ui::{Button, ButtonKind, FormError, Icon, IconName, Notice, Tone};

/// After such a pause in typing the draft is saved.
const PAUSE: Duration = Duration::from_millis(1_500);

/// The states of the draft that were saved here, and which of them is shown.
#[derive(Debug, Clone)]
struct Past {
    saved: Vec<AgentForm>,
    at: usize,
}

impl Past {
    fn new(form: AgentForm) -> Self {
        Self { saved: vec![form], at: 0 }
    }

    /// Takes over what was saved. What had been undone before is gone.
    fn push(&mut self, form: AgentForm) {
        if self.saved[self.at] != form {
            self.saved.truncate(self.at + 1);
            self.saved.push(form);
            self.at += 1;
        }
    }

    const fn may_undo(&self) -> bool {
        self.at > 0
    }

    const fn may_redo(&self) -> bool {
        self.at + 1 < self.saved.len()
    }

    fn step(&mut self, by: Step) -> Option<AgentForm> {
        match by {
            Step::Undo if self.may_undo() => self.at -= 1,
            Step::Redo if self.may_redo() => self.at += 1,
            Step::Undo | Step::Redo => return None,
        }
        Some(self.saved[self.at].clone())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Undo,
    Redo,
}

/// All that an agent is made of.
#[component]
pub(super) fn EditForm(
    /// The draft as it was loaded.
    agent: Agent,
    /// The draft as it was saved last.
    shown: RwSignal<Agent>,
    /// Whether there are changes that are not saved yet.
    is_changed: RwSignal<bool>,
    /// The language model that `Auto` means.
    language_model: Option<String>,
    /// The agents that it may be let call.
    callable: Vec<Callable>,
    /// What the draft weighs as it was loaded.
    weight: Option<DraftWeight>,
) -> impl IntoView {
    let update = ServerAction::<UpdateAgent>::new();
    let error = last_error(update);
    let form = NodeRef::<html::Form>::new();
    let toasts = use_toasts();
    let first = AgentForm::refused().unwrap_or_else(|| AgentForm::from(&agent.spec));
    // A refused form goes on from the agent that it was made for.
    let refused_revision = refused_form().text("revision");
    let revision = move || {
        let shown = shown.with(|agent| agent.revision).to_string();
        refused_revision.clone().unwrap_or(shown)
    };
    let past = RwSignal::new(Past::new(first.clone()));
    // What the fields start with. They hold what is typed, so going back makes them anew: each time
    // under another number.
    let loaded = RwSignal::new((0_u32, first));
    // Counts the changes, so that one made while the form was on its way is not taken for saved.
    let edits = StoredValue::new(0_u32);
    let sent = StoredValue::new(0_u32);
    let is_asked = StoredValue::new(false);
    let is_conflict = Memo::new(move |_| {
        error.with(|error| error.as_ref().is_some_and(|error| error.kind == FaultKind::Conflict))
    });

    let save = move || {
        let may_save = !is_conflict.get_untracked() && !update.pending().get_untracked();
        if let Some(form) = form.get_untracked().filter(|form| may_save && form.check_validity()) {
            // A form that its own rules refuse waits for the person who writes.
            let _ = form.request_submit();
        }
    };
    let save_later = std::cell::RefCell::new(debounce(PAUSE, move |()| {
        if is_changed.try_get_untracked() == Some(true) {
            save();
        }
    }));
    let save_again = move || {
        set_timeout(
            move || {
                if is_changed.try_get_untracked() == Some(true) {
                    save();
                }
            },
            PAUSE,
        );
    };
    let go = move |step: Step| {
        let back = past.try_update(|past| past.step(step)).flatten();
        if let Some(back) = back {
            loaded.update(|(turn, form)| (*turn, *form) = (*turn + 1, back));
            is_changed.set(true);
            edits.update_value(|edits| *edits += 1);
            // Once the fields hold what is saved.
            request_animation_frame(move || request_animation_frame(save));
        }
    };
    let waiting_step = StoredValue::new(None::<Step>);
    let ask_step = move |step: Step| {
        let Some(form) = form.get_untracked() else { return };
        if !is_changed.get_untracked() {
            go(step);
        } else if form.report_validity() {
            // What is typed is saved first, so that there is a way back to it.
            waiting_step.set_value(Some(step));
            save();
        }
    };
    Effect::new(move || {
        let Some(Ok(agent)) = update.value().get() else {
            waiting_step.set_value(None);
            return;
        };
        past.update(|past| past.push(AgentForm::from(&agent.spec)));
        shown.set(agent);
        if edits.get_value() == sent.get_value() {
            is_changed.set(false);
            if let Some(step) = waiting_step.try_update_value(Option::take).flatten() {
                go(step);
            }
        } else {
            save_again();
        }
        if is_asked.get_value() {
            is_asked.set_value(false);
            toasts.show(Tone::Good, tr("Saved"));
        }
    });
    Effect::new(move || {
        let keys = window_event_listener(ev::keydown, move |event| {
            let is_save = (event.ctrl_key() || event.meta_key()) && event.key() == "s";
            if let Some(form) = form.get_untracked().filter(|_| is_save) {
                event.prevent_default();
                is_asked.set_value(true);
                // A form that its own rules refuse says so itself.
                let _ = form.request_submit();
            }
        });
        on_cleanup(move || keys.remove());
    });
    let id = agent.id;
    let other = Signal::derive(move || error.get().filter(|_| !is_conflict.get()));
    view! {
        <div
            class="agent-form"
            on:input=move |_| {
                is_changed.set(true);
                edits.update_value(|edits| *edits += 1);
                (save_later.borrow_mut())(());
            }
            on:submit=move |_| sent.set_value(edits.get_value())
        >
            <ActionForm action=update node_ref=form>
                <input type="hidden" name="id" value=id.to_string() />
                <input
                    type="hidden"
                    name="revision"
                    value=revision
                />
                <For
                    each=move || [loaded.get()]
                    key=|(turn, _)| *turn
                    children=move |(turn, form)| {
                        view! {
                            <AgentFields
                                form=form
                                error=error
                                language_model=language_model.clone()
                                callable=callable.clone()
                                agent=Some(id)
                                weight=weight.clone().filter(|_| turn == 0)
                            />
                        }
                    }
                />
                <FormError error=other fields=AGENT_FIELDS />
                <div role="alert">
                    <Show when=move || is_conflict.get()>
                        <Notice tone=Tone::Warn>
                            <p>
                                {tr(
                                    "This agent was changed elsewhere after you opened it. Nothing of yours \
                                    is lost: it still stands in the form.",
                                )}
                            </p>
                            <div class="agent-form__end">
                                <Button name="overwrite" value="true" busy=update.pending()>
                                    {tr("Keep mine")}
                                </Button>
                                <a class="button button--quiet" href=paths::agent(id) rel="external">
                                    {tr("Load theirs")}
                                </a>
                            </div>
                        </Notice>
                    </Show>
                </div>
                <div class="agent-form__end agent-form__end--sticky">
                    <Button
                        kind=ButtonKind::Primary
                        busy=update.pending()
                        on_click=Callback::new(move |_| is_asked.set_value(true))
                    >
                        {tr("Save changes")}
                    </Button>
                    <span class="agent-form__steps with-script">
                        <Button
                            kind=ButtonKind::Quiet
                            type_="button"
                            label=tr("Undo")
                            disabled=Signal::derive(move || {
                                !past.with(Past::may_undo) && !is_changed.get()
                            })
                            on_click=Callback::new(move |_| ask_step(Step::Undo))
                        >
                            <Icon name=IconName::Undo />
                        </Button>
                        <Button
                            kind=ButtonKind::Quiet
                            type_="button"
                            label=tr("Redo")
                            disabled=Signal::derive(move || !past.with(Past::may_redo))
                            on_click=Callback::new(move |_| ask_step(Step::Redo))
                        >
                            <Icon name=IconName::Redo />
                        </Button>
                    </span>
                    <span class="agent-form__mark" role="status">
                        {move || match (is_changed.get(), past.with(|past| past.saved.len() > 1)) {
                            (true, _) => tr("Not saved yet"),
                            (false, true) => tr("All changes are saved"),
                            (false, false) => "",
                        }}
                    </span>
                    <span class="agent-form__key">
                        <kbd>{tr("Ctrl")}</kbd> " " <kbd>"S"</kbd>
                    </span>
                </div>
            </ActionForm>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(name: &str) -> AgentForm {
        AgentForm { name: name.to_owned(), ..AgentForm::default() }
    }

    #[test]
    fn one_goes_back_and_forth_until_something_else_is_saved() {
        let mut past = Past::new(form("a"));
        assert_eq!(past.step(Step::Undo), None);
        past.push(form("b"));
        past.push(form("b"));
        past.push(form("c"));
        assert_eq!(past.step(Step::Undo), Some(form("b")));
        // What was undone is saved, too, and changes nothing here.
        past.push(form("b"));
        assert_eq!(past.step(Step::Undo), Some(form("a")));
        assert_eq!(past.step(Step::Redo), Some(form("b")));
        past.push(form("d"));
        assert!(!past.may_redo());
        assert_eq!(past.step(Step::Undo), Some(form("b")));
    }
}

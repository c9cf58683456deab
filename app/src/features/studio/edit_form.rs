//! The form in which a draft is written: saves by itself, also when it is left, knows the way back, and
//! never overwrites what someone wrote elsewhere.

use std::time::Duration;

use leptos::ev;
use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_location;
use resonant_domain::FaultKind;
use resonant_domain::agent::Agent;
use resonant_domain::draft_weight::DraftWeight;

use super::agent_fields::AgentFields;
use super::agent_form::{AGENT_FIELDS, AgentForm};
use super::api::{Callable, UpdateAgent};
use super::conflict_notice::{ConflictNotice, is_conflict};
use super::draft::{Draft, Left};
use super::past::{Past, Step};
use super::saving::{Saving, Unheard, new_saving, save_left};
use crate::browser;
use crate::error::AppError;
use crate::language::{tr, tr_text};
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_toasts;
use crate::ui::{Button, ButtonKind, FormError, Icon, IconName, Tone};

/// After such a pause in typing the draft is saved.
const PAUSE: Duration = Duration::from_millis(1_500);
/// How long to wait before what could not be sent is sent again, in seconds; longer each time.
const WAITS: [u64; 5] = [2, 5, 15, 30, 60];

/// All that an agent is made of.
#[component]
pub(super) fn EditForm(
    /// The draft as it was loaded.
    agent: Agent,
    /// The draft as the editor knows it.
    draft: Draft,
    /// The language model that `Auto` means.
    language_model: Option<String>,
    /// The agents that it may be let call.
    callable: Vec<Callable>,
    /// What the draft weighs as it was loaded.
    weight: Option<DraftWeight>,
) -> impl IntoView {
    let id = agent.id;
    let form = NodeRef::<html::Form>::new();
    let toasts = use_toasts();
    // For browsers without a script. With one, the form is sent by `saving`.
    let plain = ServerAction::<UpdateAgent>::new();
    let saving = new_saving(plain.value().get_untracked());
    let pending = Signal::<bool>::from(saving.pending());
    let error = last_error(&saving);
    let refused = AgentForm::refused();
    // A refused form goes on from the agent that it was made for. Other forms of the page name theirs, too.
    let refused_revision = refused.as_ref().and_then(|_| refused_form().text("revision"));
    let first = refused.unwrap_or_else(|| AgentForm::from(&agent.spec));
    let revision = move || {
        let shown = draft.shown.with(|agent| agent.revision).to_string();
        refused_revision.clone().unwrap_or(shown)
    };
    let past = RwSignal::new(Past::new(first.clone()));
    // What the fields start with. They hold what is typed, so going back makes them anew: each time
    // under another number.
    let loaded = RwSignal::new((0_u32, first));
    // Counts the changes, so that one made while the form was on its way is not taken for saved.
    let edits = StoredValue::new(0_u32);
    let sent = StoredValue::new(0_u32);
    // The revision that the form was sent with.
    let sent_revision = StoredValue::new(None::<i64>);
    // What the form held that is on its way, and what was sent before and never answered.
    let on_its_way = StoredValue::new(None::<AgentForm>);
    let unheard = StoredValue::new(Unheard::default());
    let is_asked = StoredValue::new(false);
    // Whoever has asked is led to what is wrong, once: afterwards the form sends itself again.
    let is_led = StoredValue::new(false);
    let (told, late) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    let ask = move || {
        is_asked.set_value(true);
        is_led.set_value(true);
    };
    let failures = StoredValue::new(0_usize);
    let timer = StoredValue::new(None::<TimeoutHandle>);

    let is_refused = is_conflict(error);
    let is_late = Memo::new(move |_| is_refused.get() && !pending.get());
    // It is late by a change from elsewhere, and not by one of the status, which this page knows by now.
    let is_conflict = Memo::new(move |_| {
        let known = draft.shown.with(|agent| agent.revision);
        is_late.get() && sent_revision.get_value().is_none_or(|sent| sent == known)
    });

    let save = move || {
        // Whether more has changed is looked for when the answer is there.
        if pending.try_get_untracked() != Some(false) {
            return;
        }
        let Some(form) = form.get_untracked() else { return };
        // A form that its own rules refuse waits for the person who writes.
        if is_conflict.get_untracked() || !form.check_validity() {
            draft.tell(false);
        } else {
            let _ = form.request_submit();
        }
    };
    draft.saves_by(Callback::new(move |()| save()));
    let save_in = move |wait: Duration| {
        if let Some(timer) = timer.get_value() {
            timer.clear();
        }
        let due = move || {
            if draft.is_changed.try_get_untracked() == Some(true) {
                save();
            }
        };
        timer.set_value(set_timeout_with_handle(due, wait).ok());
    };
    let change = move || {
        draft.is_changed.set(true);
        edits.update_value(|edits| *edits += 1);
    };
    let put = move |form: AgentForm| {
        loaded.update(|(turn, loaded)| (*turn, *loaded) = (*turn + 1, form));
        change();
        // Once the fields hold what is saved.
        request_animation_frame(move || request_animation_frame(save));
    };
    let go = move |step: Step| {
        if let Some(back) = past.try_update(|past| past.step(step)).flatten() {
            put(back);
        }
    };
    let ask_step = move |step: Step| {
        let Some(form) = form.get_untracked() else { return };
        if draft.is_changed.get_untracked() && !form.report_validity() {
            return;
        }
        // What is typed is saved first, so that there is a way back to it.
        draft.once_saved(Callback::new(move |is_saved: bool| {
            if is_saved {
                go(step);
            }
        }));
    };

    let answer = saving.value();
    Effect::new(move || {
        let Some(answer) = answer.get() else { return };
        if let Some(sent) = on_its_way.try_update_value(Option::take).flatten() {
            unheard.update_value(|unheard| unheard.hear(sent, &answer));
        }
        match answer {
            Ok(agent) => {
                failures.set_value(0);
                past.update(|past| past.push(AgentForm::from(&agent.spec)));
                draft.take_saved(agent);
                let has_more = edits.get_value() != sent.get_value();
                if has_more && (draft.is_awaited() || is_asked.get_value()) {
                    save();
                } else if has_more {
                    save_in(PAUSE);
                } else {
                    draft.is_changed.set(false);
                    draft.tell(true);
                    is_led.set_value(false);
                    if is_asked.try_update_value(std::mem::take) == Some(true) {
                        toasts.show(Tone::Good, tr("Saved"));
                    }
                }
            }
            // It is sent again at once, see below.
            Err(_) if is_late.get_untracked() && !is_conflict.get_untracked() => {}
            Err(error) => {
                draft.tell(false);
                if is_led.try_update_value(std::mem::take) == Some(true) {
                    browser::lead_to_fault(if is_conflict.get_untracked() { late } else { told });
                }
                if matches!(error.kind, FaultKind::Unavailable | FaultKind::TooMany) {
                    let wait = WAITS[failures.get_value().min(WAITS.len() - 1)];
                    failures.update_value(|failures| *failures += 1);
                    save_in(Duration::from_secs(wait));
                }
            }
        }
    });
    Effect::new(move || {
        if is_late.get() && !is_conflict.get() {
            save();
        }
    });
    let is_unsaved = move || draft.is_changed.try_get_untracked() == Some(true);
    Effect::new(move || {
        let keys = window_event_listener(ev::keydown, move |event| {
            let is_command = (event.ctrl_key() || event.meta_key()) && !event.shift_key();
            // With Caps Lock it is a capital. What a browser fills in by itself tells of no key at all.
            let is_save = is_command && browser::key_of(&event).eq_ignore_ascii_case("s");
            if let Some(form) = form.get_untracked().filter(|_| is_save) {
                event.prevent_default();
                ask();
                // A form that its own rules refuse says so itself.
                let _ = form.request_submit();
            }
        });
        let back = window_event_listener(ev::online, move |_| {
            if is_unsaved() {
                save();
            }
        });
        let unload = window_event_listener(ev::beforeunload, move |event| {
            if is_unsaved() {
                event.prevent_default();
            }
        });
        on_cleanup(move || {
            keys.remove();
            back.remove();
            unload.remove();
        });
    });
    // Whoever leaves does so with what is written: as soon as the next page is asked for, and at the last
    // with what was entered since or could not be sent.
    let pathname = use_location().pathname;
    Effect::new(move |here: Option<String>| {
        let now = pathname.get();
        if here.is_some_and(|here| here != now) && is_unsaved() {
            save();
        }
        now
    });
    let leaving = saving.clone();
    on_cleanup(move || {
        if is_unsaved()
            && let Some(mut left) = browser::form_values::<UpdateAgent>(form)
        {
            let known = draft.shown.try_with_untracked(|agent| agent.revision);
            left.revision = known.unwrap_or(left.revision);
            let is_sent = edits.try_get_value() == sent.try_get_value();
            let unheard = unheard.try_get_value().unwrap_or_default();
            spawn_local(save_left(leaving, left, unheard, is_sent, toasts));
        }
    });
    // A form that was refused without a script goes on from the revision that the server has drawn.
    Effect::new(move || {
        let drawn = browser::form_values::<UpdateAgent>(form).map(|drawn| drawn.revision);
        let known = draft.shown.with_untracked(|agent| agent.revision);
        if let Some(drawn) = drawn.filter(|drawn| *drawn != known) {
            draft.shown.update(|shown| shown.revision = drawn);
        }
    });
    Effect::new(move || {
        if let Some(left) = Left::take(id) {
            let Left { revision, form, unheard: before, .. } = left;
            unheard.set_value(before);
            draft.shown.update(|shown| shown.revision = revision);
            put(form);
        }
    });

    let submit = move |event: ev::SubmitEvent| {
        // The form itself would send it by what goes away with the page.
        event.prevent_default();
        if pending.get_untracked() {
            return;
        }
        if let Ok(mut input) = UpdateAgent::from_event(&event) {
            // The field of it is drawn a moment after an answer that the next save does not wait for.
            input.revision = draft.shown.with_untracked(|agent| agent.revision);
            sent.set_value(edits.get_value());
            sent_revision.set_value(Some(input.revision));
            on_its_way.set_value(Some(input.form.clone()));
            saving.dispatch((input, unheard.get_value()));
        }
    };
    let other =
        Signal::derive(move || error.get().filter(|error| error.kind != FaultKind::Conflict));
    // The bar is always in sight; what else tells the reason may be far below.
    let mark = move || match (draft.is_changed.get(), past.with(Past::has_saved)) {
        (true, _) => {
            let reason = other.get().filter(|error| !error.is_about_fields());
            let told = tr("Not saved yet");
            reason.map_or_else(
                || told.to_owned(),
                |error| format!("{told}: {}", tr_text(error.message)),
            )
        }
        (false, true) => tr("All changes are saved").to_owned(),
        (false, false) => String::new(),
    };
    view! {
        <div
            class="agent-form"
            on:input=move |_| {
                change();
                save_in(PAUSE);
            }
            on:submit:capture=submit
        >
            <ActionForm action=plain node_ref=form>
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
                <FormError error=other fields=AGENT_FIELDS place=told />
                <ConflictNotice
                    text=tr(
                        "This agent was changed elsewhere after you opened it. Nothing of yours is lost: \
                        it still stands in the form.",
                    )
                    is_there=is_conflict
                    busy=pending
                    theirs=paths::agent(id)
                    on_give_up=Callback::new(move |()| draft.is_changed.set(false))
                    place=late
                />
                <div class="agent-form__end agent-form__end--sticky">
                    <Button
                        kind=ButtonKind::Primary
                        busy=pending
                        on_click=Callback::new(move |_| ask())
                    >
                        {tr("Save changes")}
                    </Button>
                    <span class="agent-form__steps with-script">
                        <Button
                            kind=ButtonKind::Quiet
                            type_="button"
                            label=tr("Undo")
                            disabled=Signal::derive(move || {
                                !past.with(Past::may_undo) && !draft.is_changed.get()
                            })
                            keeps_focus=true
                            on_click=Callback::new(move |_| ask_step(Step::Undo))
                        >
                            <Icon name=IconName::Undo />
                        </Button>
                        <Button
                            kind=ButtonKind::Quiet
                            type_="button"
                            label=tr("Redo")
                            disabled=Signal::derive(move || !past.with(Past::may_redo))
                            keeps_focus=true
                            on_click=Callback::new(move |_| ask_step(Step::Redo))
                        >
                            <Icon name=IconName::Redo />
                        </Button>
                    </span>
                    <span class="agent-form__mark" role="status">
                        {mark}
                    </span>
                    <span class="agent-form__key">
                        <kbd>{tr("Ctrl")}</kbd> " " <kbd>"S"</kbd>
                    </span>
                </div>
            </ActionForm>
        </div>
    }
}

/// What the form was refused with when it was sent last.
fn last_error(saving: &Saving) -> Signal<Option<AppError>> {
    let answer = saving.value();
    Signal::derive(move || {
        let failed = answer.try_with(|answer| match answer {
            Some(Err(error)) => Some(error.clone()),
            _ => None,
        });
        failed.flatten()
    })
}

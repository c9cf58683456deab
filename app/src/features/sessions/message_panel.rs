//! What a person says to a session: while it runs it is heard with the next step, when it is over the
//! session goes on with it.

use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use resonant_domain::SessionId;
use resonant_domain::session::GOAL_MAX;
use resonant_domain::timeline::TimelineMessage;

use super::api::Say;
use super::live_session::LiveSession;
use super::pin_button::PinButton;
use crate::browser;
use crate::error::{action_error, field_error};
use crate::intent::{Intent, IntentField};
use crate::language::{tr, tr_count};
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, FormError, TextArea};

/// The form for a message, below the log.
#[component]
pub fn MessagePanel(
    /// The session.
    live: LiveSession,
    /// Its identity.
    id: SessionId,
) -> impl IntoView {
    let say = ServerAction::<Say>::new();
    let intent = Intent::of(say);
    let value = say.value();
    let text = RwSignal::new(refused_form().text("text").unwrap_or_default());
    let on_its_way = StoredValue::new(String::new());
    Effect::new(move || {
        if let Some(Ok(session)) = value.get() {
            live.renew(session);
            // What was written since is the beginning of the next one.
            let rest = text.with_untracked(|text| after(text, &on_its_way.get_value()));
            text.set(rest);
        }
    });
    let error = action_error(say);
    let is_over = Memo::new(move |_| live.state().is_terminal());
    let form = NodeRef::<html::Form>::new();
    let send = move |event: leptos::ev::KeyboardEvent| {
        if (event.ctrl_key() || event.meta_key()) && browser::key_of(&event) == "Enter" {
            event.prevent_default();
            if let Some(form) = form.get_untracked() {
                // A form that its own rules refuse says so itself.
                let _ = form.request_submit();
            }
        }
    };
    let title = move || if is_over.get() { tr("Go on from here") } else { tr("Tell it something") };
    let lead = move || {
        if is_over.get() {
            tr("It knows all that was said and found so far.")
        } else {
            tr("It reads this before its next step; what is under way goes on.")
        }
    };
    view! {
        <section
            class="say"
            id="say"
            aria-labelledby="say-title"
            on:keydown=send
            on:submit=move |_| on_its_way.set_value(text.get_untracked())
        >
            <h3 class="say__title" id="say-title">
                {title}
            </h3>
            <p class="say__lead">{lead}</p>
            <ActionForm action=say node_ref=form>
                <input type="hidden" name="id" value=id.to_string() />
                <IntentField intent=intent />
                <TextArea
                    id="say-text"
                    label=tr("Message")
                    name="text"
                    value=text
                    on_input=move |typed| text.set(typed)
                    rows=2
                    required=true
                    maxlength=GOAL_MAX
                    hint=tr("Ctrl-Enter sends")
                    error=field_error(error, "text")
                />
                <FormError error=error fields=&["text"] />
                <Button kind=ButtonKind::Secondary busy=say.pending()>{tr("Send")}</Button>
            </ActionForm>
        </section>
    }
}

/// What a text says beyond what was sent of it; all of it where it is another one by now.
fn after(text: &str, sent: &str) -> String {
    text.strip_prefix(sent).map_or(text, str::trim_start).to_owned()
}

/// What people said, each as one block.
#[component]
pub fn Said(
    /// The messages.
    messages: Vec<TimelineMessage>,
    /// Whether a step has heard them.
    is_heard: bool,
    /// The session, for a reader who may pin them.
    pins: Option<LiveSession>,
) -> impl IntoView {
    let message = move |message: TimelineMessage| {
        let who = if is_heard { tr("Message") } else { tr("Message; its next step hears it") };
        let context = message.context.map(|context| view! { <Material context=context /> });
        let number = message.sequence;
        let pin = pins.map(|live| view! { <PinButton live=live message=number /> });
        view! {
            <div class="said" class:said--waiting=!is_heard>
                <p class="said__who">{who}</p>
                <p class="session__text">{message.text}</p>
                {context}
                {pin}
            </div>
        }
    };
    messages.into_iter().map(message).collect_view()
}

/// The context that came with a goal or a message, folded up.
#[component]
pub fn Material(
    /// The text.
    context: String,
) -> impl IntoView {
    let size = tr_count("{n} character", "{n} characters", context.chars().count() as u64);
    view! {
        <details class="session__material">
            <summary>{tr("Context, ")} {size}</summary>
            <p class="session__text" tabindex="0">
                {context}
            </p>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_while_a_message_was_sent_stays() {
        for (text, sent, rest) in
            [("And?", "And?", ""), ("And? More", "And?", "More"), ("Other", "And?", "Other")]
        {
            assert_eq!(after(text, sent), rest, "{text:?} after {sent:?}");
        }
    }
}

//! What a form says when the thing that it holds was changed elsewhere.

use leptos::html;
use leptos::prelude::*;
use resonant_domain::FaultKind;

use crate::browser;
use crate::error::AppError;
use crate::language::tr;
use crate::ui::{Button, Notice, Tone};

/// Whether a form was refused because the thing is no longer as it was seen.
pub(crate) fn is_conflict(error: Signal<Option<AppError>>) -> Signal<bool> {
    Signal::derive(move || {
        let kind = error.try_with(|error| error.as_ref().map(|error| error.kind));
        kind.flatten() == Some(FaultKind::Conflict)
    })
}

/// Says that somebody else was faster, and asks whose changes shall stay: the form's own, which are sent
/// once more with `overwrite`, or the others'. Belongs into the form. Whoever has sent that is led here.
#[component]
pub(crate) fn ConflictNotice(
    /// What happened.
    text: &'static str,
    /// Whether it did.
    #[prop(into)]
    is_there: Signal<bool>,
    /// Whether the form is on its way.
    #[prop(into)]
    busy: Signal<bool>,
    /// Where the thing is shown as it is now.
    #[prop(into)]
    theirs: String,
    /// Hears that the form's own changes are given up.
    #[prop(into, optional)]
    on_give_up: Option<Callback<()>>,
    /// Where this stands, for a form that sends itself and so leads nobody unasked.
    #[prop(optional)]
    place: Option<NodeRef<html::Div>>,
) -> impl IntoView {
    let is_leading = place.is_none();
    let place = place.unwrap_or_default();
    if is_leading {
        Effect::new(move |was_there: Option<()>| {
            if is_there.try_get() == Some(true) && was_there.is_some() {
                browser::lead_to_fault(place);
            }
        });
    }
    let theirs = StoredValue::new(theirs);
    let give_up = move |_| {
        if let Some(on_give_up) = on_give_up {
            on_give_up.run(());
        }
    };
    view! {
        <div role="alert" tabindex="-1" node_ref=place>
            <Show when=move || is_there.try_get() == Some(true)>
                <Notice tone=Tone::Warn>
                    <p>{text}</p>
                    <div class="agent-form__end">
                        <Button name="overwrite" value="true" busy=busy>
                            {tr("Keep mine")}
                        </Button>
                        <a
                            class="button button--quiet"
                            href=theirs.get_value()
                            rel="external"
                            on:click=give_up
                        >
                            {tr("Load theirs")}
                        </a>
                    </div>
                </Notice>
            </Show>
        </div>
    }
}

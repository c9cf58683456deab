//! What cannot be undone is asked for once more.

use leptos::html;
use leptos::prelude::*;

use super::{Button, ButtonKind};
use crate::language::tr;

/// A button behind which a form waits: in a dialog, or without JavaScript in a part that unfolds.
#[component]
pub fn Confirm(
    /// What the button says.
    label: &'static str,
    /// What it is done to, for those who hear the button alone.
    #[prop(into)]
    about: String,
    /// What is asked.
    #[prop(into)]
    question: String,
    /// What follows.
    text: &'static str,
    /// The form that does it. It is there twice: in the dialog and in the part that unfolds.
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let open = Callback::new(move |_| {
        if let Some(dialog) = dialog.get_untracked() {
            // Fails only when it is open already.
            let _ = dialog.show_modal();
        }
    });
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let (hidden, name) = (about.clone(), question.clone());
    view! {
        <div class="with-script">
            <Button kind=ButtonKind::Danger type_="button" on_click=open>
                {label}
                <span class="visually-hidden">" " {hidden}</span>
            </Button>
        </div>
        <details class="without-script">
            <summary>{label} <span class="visually-hidden">" " {about}</span></summary>
            <p>{text}</p>
            {children()}
        </details>
        <dialog
            class="dialog"
            node_ref=dialog
            aria-label=name
            // What comes of it is told on the page.
            on:submit=move |_| close()
        >
            <p class="dialog__question">{question}</p>
            <p>{text}</p>
            <div class="dialog__actions">
                {children()}
                <Button type_="button" on_click=Callback::new(move |_| close())>
                    {tr("Keep it")}
                </Button>
            </div>
        </dialog>
    }
}

//! What cannot be undone is asked for once more.

use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;

use super::{Button, ButtonKind};
use crate::browser;
use crate::language::tr;

/// A button behind which a form waits: in a dialog, or without JavaScript in a part that unfolds. Of which
/// server function it is makes no difference here, so it is there once for all of them.
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
    /// What the button says that does it.
    #[prop(default = tr("Yes, delete it"))]
    yes: &'static str,
    /// Where the form is sent without JavaScript.
    url: &'static str,
    /// What is sent there.
    fields: Vec<(&'static str, String)>,
    /// Whether it is being done.
    #[prop(into)]
    busy: Signal<bool>,
    /// Does it.
    #[prop(into)]
    on_yes: Callback<()>,
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
    let is_done = StoredValue::new(false);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        // What comes of it is told on the page.
        close();
        is_done.set_value(true);
        on_yes.run(());
    };
    // The button may go with what it was about, and the focus that the dialog gave back to it.
    on_cleanup(move || {
        if is_done.try_get_value() == Some(true) {
            browser::focus_if_lost("main");
        }
    });
    let form = move || {
        let fields = fields.iter().map(|(name, value)| {
            view! { <input type="hidden" name=*name value=value.clone() /> }
        });
        view! {
            <form method="post" action=url on:submit=submit>
                {fields.collect_view()}
                <Button kind=ButtonKind::Danger busy>
                    {yes}
                </Button>
            </form>
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
            {form()}
        </details>
        <dialog class="dialog" node_ref=dialog aria-label=name>
            <p class="dialog__question">{question}</p>
            <p>{text}</p>
            <div class="dialog__actions">
                {form()}
                // A key that is held down must not answer the question.
                <Button
                    type_="button"
                    autofocus=true
                    on_click=Callback::new(move |_| close())
                >
                    {tr("Keep it")}
                </Button>
            </div>
        </dialog>
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn the_form_is_there_with_and_without_scripts_and_keeping_comes_first() {
        Owner::new().with(|| {
            provide_context(Language::English);
            let fields = vec![("id", "7".to_owned()), ("name", "\"quoted\"".to_owned())];
            let html = view! {
                <Confirm
                    label="Delete"
                    about="Seven"
                    question="Delete Seven?"
                    text="It is gone then."
                    url="/api/fn/seven/delete"
                    fields
                    busy=Signal::stored(false)
                    on_yes=|()| {}
                />
            }
            .to_html();
            assert_eq!(html.matches("action=\"/api/fn/seven/delete\"").count(), 2, "{html}");
            assert_eq!(html.matches("name=\"id\" value=\"7\"").count(), 2, "{html}");
            assert_eq!(html.matches("value=\"&quot;quoted&quot;\"").count(), 2, "{html}");
            assert_eq!(html.matches("Yes, delete it").count(), 2, "{html}");
            let (_, keep) = html.rsplit_once("<button").unwrap();
            assert!(keep.contains("autofocus") && keep.contains("Keep it"), "{html}");
            assert_eq!(html.matches("autofocus").count(), 1, "{html}");
        });
    }
}

//! Buttons, and links that look like them.

use leptos::ev::MouseEvent;
use leptos::prelude::*;

/// How much weight a button has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// The one thing that a page or form is for.
    Primary,
    /// Everything else.
    #[default]
    Secondary,
    /// Beside others, without a frame.
    Quiet,
    /// Takes something away.
    Danger,
}

impl ButtonKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button--primary",
            Self::Secondary => "button",
            Self::Quiet => "button button--quiet",
            Self::Danger => "button button--danger",
        }
    }
}

/// A button.
#[component]
pub fn Button(
    /// Its weight.
    #[prop(optional)]
    kind: ButtonKind,
    /// `submit` sends the form around it; `button` does nothing by itself.
    #[prop(optional, default = "submit")]
    type_: &'static str,
    /// Whether it cannot be pressed now.
    #[prop(into, optional)]
    disabled: Signal<bool>,
    /// Whether what it started is still under way. It cannot be pressed again meanwhile, and keeps the focus.
    #[prop(into, optional)]
    busy: Signal<bool>,
    /// Whether it keeps the focus while it is `disabled`, too: pressing it may be what disables it.
    #[prop(optional)]
    keeps_focus: bool,
    /// The name under which a form sends `value`.
    #[prop(into, optional)]
    name: Option<String>,
    /// What a form sends when this button was the one pressed.
    #[prop(into, optional)]
    value: Option<String>,
    /// Whether the form is sent though fields lack what they require.
    #[prop(optional)]
    novalidate: bool,
    /// Whether it has the focus as soon as the dialog around it is open.
    #[prop(optional)]
    autofocus: bool,
    /// What it says to assistive technology when its content is a sign alone.
    #[prop(into, optional)]
    label: Option<String>,
    /// What pressing it does.
    #[prop(into, optional)]
    on_click: Option<Callback<MouseEvent>>,
    /// What it says.
    children: Children,
) -> impl IntoView {
    // An action's signals may be gone before the last effect of the page that had the button.
    let is_busy = move || busy.try_get().unwrap_or_default();
    let is_disabled = move || disabled.try_get().unwrap_or_default();
    // A browser takes the focus from what is disabled, and gives it to nothing.
    let is_inert = move || is_busy() || (keeps_focus && is_disabled());
    view! {
        <button
            type=type_
            class=kind.class()
            class:is-busy=is_busy
            name=name
            value=value
            formnovalidate=novalidate
            autofocus=autofocus
            aria-label=label
            aria-busy=move || is_busy().then_some("true")
            aria-disabled=move || is_inert().then_some("true")
            disabled=move || !keeps_focus && is_disabled()
            on:click=move |event| {
                // The key that sends a form presses its button, too.
                if untrack(is_inert) {
                    event.prevent_default();
                    return;
                }
                if let Some(on_click) = on_click {
                    on_click.run(event);
                }
            }
        >
            {children()}
        </button>
    }
}

/// A link with the looks of a button.
#[component]
pub fn LinkButton(
    /// Where it leads.
    #[prop(into)]
    href: Signal<String>,
    /// Its weight.
    #[prop(optional)]
    kind: ButtonKind,
    /// What it says.
    children: Children,
) -> impl IntoView {
    view! {
        <a href=href class=kind.class()>
            {children()}
        </a>
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    fn drawn(disabled: bool, busy: bool, keeps_focus: bool) -> String {
        Owner::new().with(|| {
            let (disabled, busy) = (Signal::stored(disabled), Signal::stored(busy));
            view! { <Button disabled busy keeps_focus>"Go"</Button> }.to_html()
        })
    }

    #[test]
    fn a_button_that_is_busy_says_so_and_can_have_the_focus() {
        let busy = drawn(false, true, false);
        assert!(busy.contains("aria-disabled=\"true\"") && !busy.contains(" disabled"), "{busy}");
        let idle = drawn(false, false, true);
        assert!(!idle.contains("disabled"), "{idle}");
    }

    #[test]
    fn a_button_that_its_own_press_disables_can_have_the_focus() {
        let off = drawn(true, false, false);
        assert!(off.contains(" disabled") && !off.contains("aria-disabled"), "{off}");
        let kept = drawn(true, false, true);
        assert!(kept.contains("aria-disabled=\"true\"") && !kept.contains(" disabled"), "{kept}");
    }
}

//! The button that copies.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{Icon, IconName};
use crate::browser;
use crate::language::tr;

/// Copies a text to the clipboard and says so.
#[component]
pub fn CopyButton(
    /// What is copied.
    #[prop(into)]
    text: Signal<String>,
    /// What it says to assistive technology.
    #[prop(into, optional, default = tr("Copy").to_owned())]
    label: String,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        spawn_local(async move {
            if browser::copy_text(&text.get_untracked()).await {
                copied.set(true);
                set_timeout(
                    move || {
                        copied.try_set(false);
                    },
                    std::time::Duration::from_secs(2),
                );
            }
        });
    };
    view! {
        <button type="button" class="button button--quiet copy-button" aria-label=label on:click=copy>
            <Show when=move || copied.get() fallback=|| view! { <Icon name=IconName::Copy /> }>
                <Icon name=IconName::Check />
            </Show>
            <span class="copy-button__text" aria-live="polite">
                {move || if copied.get() { tr("Copied") } else { tr("Copy") }}
            </span>
        </button>
    }
}

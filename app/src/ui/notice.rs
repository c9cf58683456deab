//! A remark within a page.

use leptos::prelude::*;

use super::{Icon, IconName, Tone};

/// A remark that stands out from the text around it.
#[component]
pub fn Notice(
    /// What its colour says.
    #[prop(optional, default = Tone::Info)]
    tone: Tone,
    /// What it says.
    children: Children,
) -> impl IntoView {
    let icon = match tone {
        Tone::Neutral | Tone::Info => IconName::Info,
        Tone::Good => IconName::CheckCircle,
        Tone::Warn => IconName::Alert,
        Tone::Bad => IconName::XCircle,
    };
    view! {
        <div class=format!("notice notice--{}", tone.as_str())>
            <span class="notice__icon"><Icon name=icon /></span>
            <div class="notice__body">{children()}</div>
        </div>
    }
}

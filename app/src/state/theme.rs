//! Light or dark. Without a choice the page follows the system; a choice is kept in a cookie, so that
//! the server writes it into the first byte and nothing flashes.

use leptos::prelude::*;

use crate::browser;
use crate::language::tr;

/// The cookie that keeps the choice.
pub(crate) const COOKIE: &str = "resonant_theme";

/// A chosen colour scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Theme {
    /// Dark text on light ground.
    Light,
    /// Light text on dark ground.
    Dark,
}

impl Theme {
    /// The scheme as it stands in the cookie and in `data-theme`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The scheme of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.as_str() == name)
    }

    const fn other(self) -> Self {
        match self {
            Self::Light => Self::Dark,
            Self::Dark => Self::Light,
        }
    }
}

/// Changes to the scheme that is not shown now, and remembers it.
pub fn toggle() {
    let shown = browser::chosen_theme()
        .and_then(|name| Theme::named(&name))
        .unwrap_or(if browser::prefers_dark() { Theme::Dark } else { Theme::Light });
    browser::choose_theme(COOKIE, shown.other().as_str());
}

/// The switch between light and dark. Both signs are drawn; the style sheet shows the right one, so
/// that the server need not know the system's scheme.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    use crate::ui::{Icon, IconName};

    view! {
        <button
            type="button"
            class="theme-switch"
            title=tr("Switch between light and dark")
            aria-label=tr("Switch between light and dark")
            on:click=move |_| toggle()
        >
            <span class="theme-switch__sun"><Icon name=IconName::Sun /></span>
            <span class="theme-switch__moon"><Icon name=IconName::Moon /></span>
        </button>
    }
}

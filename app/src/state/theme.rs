//! Light or dark. Without a choice the page follows the system; a choice is kept in a cookie, so that
//! the server writes it into the first byte and nothing flashes.

use leptos::prelude::*;

use crate::browser;
use crate::language::tr;

/// The cookie that keeps the choice.
const COOKIE: &str = "resonant_theme";

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

    const fn other(self) -> Self {
        match self {
            Self::Light => Self::Dark,
            Self::Dark => Self::Light,
        }
    }
}

/// Finds the choice in a `Cookie` header.
pub fn read_cookie(header: &str) -> Option<Theme> {
    let value = header.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })?;
    [Theme::Light, Theme::Dark].into_iter().find(|theme| theme.as_str() == value)
}

/// Changes to the scheme that is not shown now, and remembers it.
pub fn toggle() {
    let shown = browser::chosen_theme()
        .and_then(|name| read_cookie(&format!("{COOKIE}={name}")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        assert_eq!(read_cookie("a=b; resonant_theme=dark; c=d"), Some(Theme::Dark));
        assert_eq!(read_cookie("resonant_theme=\"><script>"), None);
        assert_eq!(read_cookie("xresonant_theme=dark"), None);
    }
}

//! What stands around every page: header, navigation, footer, notes.

use leptos::html;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::account_menu::AccountMenu;
use super::commands::Commands;
use crate::language::{LanguageChoice, key, tr};
use crate::state::ViewerState;
use crate::state::theme::ThemeSwitch;
use crate::state::toasts::ToastArea;
use crate::state::use_toasts;
use crate::ui::{Icon, IconName, Logo, Tone};
use crate::{browser, paths};

/// The places that the header leads to.
const PLACES: [(&str, &str); 3] = [
    (paths::MARKETPLACE, key("Marketplace")),
    (paths::STUDIO, key("Studio")),
    (paths::SESSIONS, key("Sessions")),
];

/// Header, page and footer.
#[component]
pub fn Frame(
    /// Who looks.
    viewer: ViewerState,
    /// Whether the next page is on its way.
    #[prop(into)]
    is_routing: Signal<bool>,
    /// The page.
    children: Children,
) -> impl IntoView {
    let location = use_location();
    let pathname = location.pathname;
    let announcement = RwSignal::new(String::new());

    // Starting something makes an anonymous visitor a guest, and leads to one of these places.
    Effect::new(move |before: Option<String>| {
        let now = pathname.get();
        let is_new = before.is_some_and(|before| before != now);
        let is_owned = now.starts_with(paths::STUDIO) || now.starts_with(paths::SESSIONS);
        if is_new && is_owned && viewer.is_anonymous_untracked() {
            viewer.refresh();
        }
        now
    });

    // A new page is read from its beginning, as after a page load.
    Effect::new(move |was_routing: Option<bool>| {
        let routing = is_routing.get();
        if was_routing == Some(true) && !routing {
            browser::announce_page(move |title| announcement.set(title));
        }
        routing
    });

    let search = location.search;
    let here = move || match search.get() {
        query if query.is_empty() => pathname.get(),
        query => format!("{}?{query}", pathname.get()),
    };

    view! {
        <a class="skip-link" href="#main" rel="external">
            {tr("Skip to the content")}
        </a>
        <div class="routing" class:is-active=is_routing aria-hidden="true"></div>
        <p class="visually-hidden" role="status" aria-live="polite">
            {announcement}
        </p>
        <Header viewer pathname=pathname.into() />
        <main class="main" id="main" tabindex="-1">
            {children()}
        </main>
        <Footer />
        <ToastArea />
        <Connection />
        <Commands />
        // Drawn beforehand: it is shown when the app has stopped and can draw nothing any more.
        <div class="fault-notice" id="fault-notice" role="alert" hidden=true>
            <p class="fault-notice__text">
                {tr(
                    "This page could not be loaded. Either the connection is down, or Resonant was \
                     updated in the meantime.",
                )}
            </p>
            <a class="button button--primary" href=here rel="external">
                {tr("Reload")}
            </a>
        </div>
    }
}

/// Says that the browser has no network, and that it has one again.
#[component]
fn Connection() -> impl IntoView {
    let is_offline = RwSignal::new(false);
    let toasts = use_toasts();
    // Until the document is live this stands as the server drew it.
    Effect::new(move || {
        let away = window_event_listener(leptos::ev::offline, move |_| {
            if browser::is_live() {
                is_offline.set(true);
            }
        });
        let back = window_event_listener(leptos::ev::online, move |_| {
            if browser::is_live() {
                is_offline.set(false);
                toasts.show(Tone::Good, tr("You are online again"));
            }
        });
        browser::when_live(move || {
            if !browser::is_online() {
                is_offline.try_set(true);
            }
        });
        on_cleanup(move || {
            away.remove();
            back.remove();
        });
    });
    view! {
        <div class="offline" role="status">
            {move || {
                is_offline
                    .get()
                    .then(|| {
                        view! {
                            <p class="offline__text">
                                {tr(
                                    "You are offline. What you see stays; other pages and changes wait until you are back.",
                                )}
                            </p>
                        }
                    })
            }}
        </div>
    }
}

/// Closes a menu once another page is there, at Escape, and for whoever goes on elsewhere: its sheet would
/// hide what has the focus then. One that was opened before this page was live stays open.
pub(super) fn close_elsewhere(menu: NodeRef<html::Details>, pathname: Signal<String>) {
    Effect::new(move || {
        let listeners = ["keydown", "pointerdown", "focusin"].map(|name| {
            window_event_listener_untyped(name, move |event| browser::fold_up(&event, menu))
        });
        on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    });
    Effect::new(move |before: Option<String>| {
        let here = pathname.get();
        if before.is_some_and(|before| before != here)
            && let Some(menu) = menu.get_untracked()
        {
            menu.set_open(false);
        }
        here
    });
}

#[component]
fn Header(viewer: ViewerState, pathname: Signal<String>) -> impl IntoView {
    let menu = NodeRef::<html::Details>::new();
    close_elsewhere(menu, pathname);
    view! {
        <header class="header">
            <div class="header__inner">
                <a class="header__brand" href=paths::HOME>
                    <Logo />
                    <span>"Resonant"</span>
                </a>
                <nav class="header__nav" aria-label=tr("Main")>
                    <Places pathname />
                </nav>
                <div class="header__end">
                    <ThemeSwitch />
                    <AccountMenu viewer pathname />
                    <details class="menu header__menu" node_ref=menu>
                        <summary class="menu__button" aria-label=tr("Menu")>
                            <Icon name=IconName::Menu />
                        </summary>
                        <nav class="menu__sheet" aria-label=tr("Main, small")>
                            <Places pathname />
                        </nav>
                    </details>
                </div>
            </div>
        </header>
    }
}

#[component]
fn Places(pathname: Signal<String>) -> impl IntoView {
    let place = |(href, title): (&'static str, &'static str)| {
        let current = move || is_within(&pathname.read(), href).then_some("page");
        view! {
            <li>
                <a class="places__link" href=href aria-current=current>
                    {tr(title)}
                </a>
            </li>
        }
    };
    view! { <ul class="places">{PLACES.map(place).collect_view()}</ul> }
}

#[component]
fn Footer() -> impl IntoView {
    view! {
        <footer class="footer">
            <div class="footer__inner">
                <p class="footer__text">
                    <b>"Resonant"</b>
                    {tr(
                        " is an open-source platform for AI agents, under the MIT or Apache-2.0 licence.",
                    )}
                </p>
                <nav aria-label=tr("Footer")>
                    <ul class="footer__links">
                        {PLACES
                            .map(|(href, title)| view! { <li><a href=href>{tr(title)}</a></li> })
                            .collect_view()}
                        <li>
                            <a href=paths::ACCOUNT>{tr("Account")}</a>
                        </li>
                    </ul>
                </nav>
                <LanguageChoice />
            </div>
        </footer>
    }
}

/// Whether a path is the place itself or lies below it.
fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_holds_what_lies_below_it() {
        assert!(is_within("/studio", paths::STUDIO));
        assert!(is_within("/studio/new", paths::STUDIO));
        assert!(!is_within("/studios", paths::STUDIO));
        assert!(!is_within("/", paths::STUDIO));
    }
}

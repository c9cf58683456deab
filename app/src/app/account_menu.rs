//! The corner of the header that says who one is.

use leptos::html;
use leptos::prelude::*;
use resonant_domain::member::{UserKind, Viewer};

use super::frame::close_elsewhere;
use crate::features::account::api::SignOut;
use crate::language::{tr, tr_with};
use crate::paths;
use crate::state::{ViewerState, use_unread};
use crate::ui::{Icon, IconName, kept};

/// A link to the sign-in form, or a menu under the viewer's name.
#[component]
pub fn AccountMenu(
    /// Who looks.
    viewer: ViewerState,
    /// Where they are.
    pathname: Signal<String>,
) -> impl IntoView {
    let sign_out = ServerAction::<SignOut>::new();
    Effect::new(move || {
        if sign_out.version().get() > 0 {
            viewer.refresh();
        }
    });
    view! {
        <div class="account-menu">
            <Transition fallback=|| {
                view! { <span class="account-menu__waiting"></span> }
            }>
                {kept(move || async move {
                    match viewer.load().await {
                        Some(viewer) => {
                            view! { <NameMenu viewer pathname sign_out /> }.into_any()
                        }
                        None => view! { <SignInLink pathname /> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
}

/// The way to the notices, with how many are not read: so many when the page was made, and live since.
#[component]
fn Bell(before: i64) -> impl IntoView {
    /// More are not counted out.
    const COUNTED: i64 = 99;

    let unread = use_unread();
    // Whoever was told last is right: the page, after somebody has signed in or read something.
    Effect::new(move || unread.tell(before));
    unread.follow();
    let count = Signal::derive(move || unread.count().unwrap_or(before));
    let label = move || match count.get() {
        0 => tr("Notices").to_owned(),
        1 => tr("Notices, 1 new").to_owned(),
        count => tr_with("Notices, {count} new", &[("count", &count)]),
    };
    let text = move || {
        let count = count.get();
        if count > COUNTED { format!("{COUNTED}+") } else { count.to_string() }
    };
    view! {
        <a class="bell" href=paths::NOTICES aria-label=label>
            <Icon name=IconName::Bell />
            <span class="bell__count" aria-hidden="true" hidden=move || count.get() == 0>
                {text}
            </span>
        </a>
    }
}

#[component]
fn SignInLink(pathname: Signal<String>) -> impl IntoView {
    // The forms themselves are no place to come back to.
    let href = move || match pathname.get().as_str() {
        paths::HOME
        | paths::SIGN_IN
        | paths::SIGN_UP
        | paths::FORGOT_PASSWORD
        | paths::RESET_PASSWORD
        | paths::CONFIRM_EMAIL => paths::SIGN_IN.to_owned(),
        path => paths::sign_in(path),
    };
    view! {
        <a class="button" href=href>
            {tr("Sign in")}
        </a>
    }
}

#[component]
fn NameMenu(
    viewer: Viewer,
    pathname: Signal<String>,
    sign_out: ServerAction<SignOut>,
) -> impl IntoView {
    let menu = NodeRef::<html::Details>::new();
    close_elsewhere(menu, pathname);
    let is_guest = viewer.kind == UserKind::Guest;
    let name = viewer.display_name;
    view! {
        <Bell before=viewer.unread_notices />
        <details class="menu" node_ref=menu>
            <summary class="menu__button">
                <Icon name=IconName::User />
                <span class="account-menu__name">{name.clone()}</span>
                <Icon name=IconName::ChevronDown />
            </summary>
            <div class="menu__sheet">
                <p class="account-menu__who">
                    <b>{name}</b>
                    <span>
                        {viewer.email.unwrap_or_else(|| tr("Guest in this browser").to_owned())}
                    </span>
                </p>
                {is_guest
                    .then(|| {
                        view! {
                            <a class="menu__item" href=paths::SIGN_UP>
                                {tr("Create an account")}
                            </a>
                        }
                    })}
                <a class="menu__item" href=paths::ACCOUNT>
                    {tr("Your account")}
                </a>
                {(!is_guest)
                    .then(|| {
                        view! {
                            <a class="menu__item" href=paths::TEAMS>
                                {tr("Teams")}
                            </a>
                        }
                    })}
                {viewer
                    .is_admin
                    .then(|| {
                        view! {
                            <a class="menu__item" href=paths::ADMIN>
                                {tr("Administration")}
                            </a>
                        }
                    })}
                {if is_guest {
                    // A guest who signs out cannot come back to what they made.
                    view! {
                        <a class="menu__item" href=paths::SIGN_IN>
                            {tr("Sign in")}
                        </a>
                    }
                        .into_any()
                } else {
                    view! {
                        <ActionForm action=sign_out>
                            <button class="menu__item" type="submit">
                                {tr("Sign out")}
                            </button>
                        </ActionForm>
                    }
                        .into_any()
                }}
            </div>
        </details>
    }
}

//! The sign-in page.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;
use resonant_domain::member::UserKind;

use super::api::SignIn;
use super::form_page::{FormPage, Next, refresh_viewer, switch_href};
use crate::error::{action_error, field_error};
use crate::language::tr;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_viewer;
use crate::ui::{Button, ButtonKind, Field, FormError, Notice, Tone};

/// The sign-in page.
pub struct SignInRoute {
    action: ServerAction<SignIn>,
}

impl LazyPage for SignInRoute {
    fn data() -> Self {
        Self { action: ServerAction::new() }
    }

    fn view(this: Self) -> AnyView {
        let action = this.action;
        let error = action_error(action);
        let viewer = use_viewer();
        refresh_viewer(action);
        let query = use_query_map();
        view! {
            <Title text=tr("Sign in") />
            <Meta name="description" content=tr("Sign in to your agents and sessions on Resonant.") />
            <FormPage title=tr("Sign in") lead=tr("Back to your agents and sessions.")>
                <Suspense>
                    {move || Suspend::new(async move {
                        let viewer = viewer.load().await;
                        viewer
                            .is_some_and(|viewer| viewer.kind == UserKind::Guest)
                            .then(|| view! { <GuestNotice query /> })
                    })}
                </Suspense>
                <ActionForm action>
                    <div class="form">
                        <FormError error fields=&["email", "password"] />
                        <Next query />
                        <Field
                            label=tr("E-mail address")
                            name="email"
                            type_="email"
                            value=refused_form().text("email").unwrap_or_default()
                            autocomplete="email"
                            required=true
                            error=field_error(error, "email")
                        />
                        <Field
                            label=tr("Password")
                            name="password"
                            type_="password"
                            autocomplete="current-password"
                            required=true
                            error=field_error(error, "password")
                        />
                        <Button kind=ButtonKind::Primary busy=action.pending()>
                            {tr("Sign in")}
                        </Button>
                    </div>
                </ActionForm>
                <p class="form-page__switch">
                    <a href=paths::FORGOT_PASSWORD>{tr("Forgot your password?")}</a>
                </p>
                <p class="form-page__switch">
                    {tr("New here? ")}
                    <a href=switch_href(query, paths::SIGN_UP)>{tr("Create an account")}</a>
                    {tr(", or ")}
                    <a href=paths::HOME>{tr("start without one")}</a>
                    "."
                </p>
            </FormPage>
        }
        .into_any()
    }
}

/// Another account does not take over what a guest has made.
#[component]
fn GuestNotice(query: Memo<ParamsMap>) -> impl IntoView {
    view! {
        <Notice tone=Tone::Warn>
            <p>
                {tr("You are a guest in this browser. Signing in to an account leaves what you made as a \
                 guest behind. ")}
                <a href=switch_href(query, paths::SIGN_UP)>{tr("Create an account")}</a>
                {tr(" to keep it.")}
            </p>
        </Notice>
    }
}

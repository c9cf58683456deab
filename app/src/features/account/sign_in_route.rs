//! The sign-in page.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use leptos_router::{LazyRoute, lazy_route};

use super::api::SignIn;
use super::form_page::{FormPage, Next, refresh_viewer, switch_href};
use crate::error::{action_error, field_error};
use crate::paths;
use crate::ui::{Button, ButtonKind, Field, FormError};

/// The sign-in page.
pub struct SignInRoute {
    action: ServerAction<SignIn>,
}

#[lazy_route]
impl LazyRoute for SignInRoute {
    fn data() -> Self {
        Self { action: ServerAction::new() }
    }

    fn view(this: Self) -> AnyView {
        let action = this.action;
        let error = action_error(action);
        refresh_viewer(action);
        let query = use_query_map();
        view! {
            <Title text="Sign in" />
            <Meta name="description" content="Sign in to your agents and sessions on Resonant." />
            <FormPage title="Sign in" lead="Back to your agents and sessions.">
                <ActionForm action>
                    <div class="form">
                        <FormError error fields=&["email", "password"] />
                        <Next query />
                        <Field
                            label="E-mail address"
                            name="email"
                            type_="email"
                            autocomplete="email"
                            required=true
                            error=field_error(error, "email")
                        />
                        <Field
                            label="Password"
                            name="password"
                            type_="password"
                            autocomplete="current-password"
                            required=true
                            error=field_error(error, "password")
                        />
                        <Button kind=ButtonKind::Primary busy=action.pending()>
                            "Sign in"
                        </Button>
                    </div>
                </ActionForm>
                <p class="form-page__switch">
                    "New here? " <a href=switch_href(query, paths::SIGN_UP)>"Create an account"</a>
                    ", or "
                    <a href=paths::HOME>"start without one"</a>
                    "."
                </p>
            </FormPage>
        }
        .into_any()
    }
}

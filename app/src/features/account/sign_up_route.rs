//! The sign-up page; for a guest, the way to keep what they made.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::member::{DISPLAY_NAME_MAX, PASSWORD_MAX, PASSWORD_MIN, UserKind, Viewer};

use super::api::SignUp;
use super::form_page::{FormPage, Next, refresh_viewer, switch_href};
use crate::error::{action_error, field_error};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_viewer;
use crate::ui::{Button, ButtonKind, Field, FormError, Skeleton};

/// The sign-up page.
pub struct SignUpRoute {
    action: ServerAction<SignUp>,
}

impl LazyPage for SignUpRoute {
    fn data() -> Self {
        Self { action: ServerAction::new() }
    }

    fn view(this: Self) -> AnyView {
        let action = this.action;
        let viewer = use_viewer();
        refresh_viewer(action);
        view! {
            <Title text=tr("Create an account") />
            <Meta
                name="description"
                content=tr("Create an account on Resonant with an e-mail address and a password.")
            />
            <Suspense fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {move || Suspend::new(async move {
                    let viewer = viewer.load().await;
                    view! { <SignUpForm action viewer /> }
                })}
            </Suspense>
        }
        .into_any()
    }
}

#[component]
fn SignUpForm(action: ServerAction<SignUp>, viewer: Option<Viewer>) -> impl IntoView {
    let error = action_error(action);
    let refused = refused_form();
    let query = use_query_map();
    let is_guest = viewer.is_some_and(|viewer| viewer.kind == UserKind::Guest);
    let (title, lead) = if is_guest {
        (
            tr("Keep what you made"),
            tr("Your agents and sessions stay yours, on every device you sign in on."),
        )
    } else {
        (tr("Create an account"), tr("Your agents and sessions, on every device you sign in on."))
    };
    let hint = tr_with(
        "At least {min} characters; a phrase is easier to remember",
        &[("min", &PASSWORD_MIN)],
    );
    view! {
        <FormPage title lead>
            <ActionForm action>
                <div class="form">
                    <FormError error fields=&["display_name", "email", "password"] />
                    <Next query />
                    <Field
                        label=tr("Name")
                        name="display_name"
                        value=refused.text("display_name").unwrap_or_default()
                        autocomplete="name"
                        hint=tr("What we call you; change it whenever you like")
                        required=true
                        maxlength=DISPLAY_NAME_MAX
                        error=field_error(error, "display_name")
                    />
                    <Field
                        label=tr("E-mail address")
                        name="email"
                        type_="email"
                        value=refused.text("email").unwrap_or_default()
                        autocomplete="email"
                        required=true
                        error=field_error(error, "email")
                    />
                    <Field
                        label=tr("Password")
                        name="password"
                        type_="password"
                        autocomplete="new-password"
                        hint=hint
                        required=true
                        minlength=PASSWORD_MIN
                        maxlength=PASSWORD_MAX
                        error=field_error(error, "password")
                    />
                    <Button kind=ButtonKind::Primary busy=action.pending()>
                        {if is_guest { tr("Keep everything") } else { tr("Create account") }}
                    </Button>
                </div>
            </ActionForm>
            <p class="form-page__switch">
                {tr("Already have an account? ")}
                <a href=switch_href(query, paths::SIGN_IN)>{tr("Sign in")}</a>
                "."
            </p>
        </FormPage>
    }
}

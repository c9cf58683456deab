//! `/reset-password`: another password, by the link of a letter that was opened.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::member::PASSWORD_MIN;

use super::form_page::{FormPage, link_is_gone, refresh_viewer};
use super::mailed_api::{SetForgotten, find_forgotten};
use crate::error::{AppError, action_error, field_error};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::ui::{
    Button, ButtonKind, Field, FormError, LinkButton, Skeleton, cannot_be_shown, kept,
};
use crate::{paths, ssr};

/// The page of a new password.
pub struct ResetPasswordRoute {
    set: ServerAction<SetForgotten>,
    is_done: Memo<bool>,
    whose: Resource<Result<Option<String>, AppError>>,
}

impl LazyPage for ResetPasswordRoute {
    fn data() -> Self {
        let query = use_query_map();
        let is_done = Memo::new(move |_| query.read().get("done").is_some());
        Self {
            set: ServerAction::new(),
            is_done,
            whose: Resource::new_blocking(move || is_done.get(), |_| find_forgotten()),
        }
    }

    fn view(this: Self) -> AnyView {
        let ResetPasswordRoute { set, is_done, whose } = this;
        ssr::forbid_keeping();
        refresh_viewer(set);
        view! {
            <Title text=tr("Set a new password") />
            <Meta name="description" content=tr("Set a new password by the link that was mailed to you.") />
            <Meta name="robots" content="noindex" />
            <Transition fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {kept(move || {
                    let is_done = is_done.get();
                    async move {
                        match whose.await {
                            _ if is_done => done(),
                            Ok(Some(address)) => form(set, &address),
                            Ok(None) => link_is_gone(paths::FORGOT_PASSWORD, tr("Ask for another link")),
                            Err(error) => cannot_be_shown(tr("Set a new password"), error),
                        }
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn form(set: ServerAction<SetForgotten>, address: &str) -> AnyView {
    let error = action_error(set);
    let hint = tr_with("At least {min} characters", &[("min", &PASSWORD_MIN)]);
    let lead = tr_with(
        "For the account of {email}. All its sign-ins elsewhere end.",
        &[("email", &address)],
    );
    view! {
        <FormPage title=tr("Set a new password") lead>
            <ActionForm action=set>
                <div class="form">
                    <FormError error fields=&["password"] />
                    <Field
                        label=tr("New password")
                        name="password"
                        type_="password"
                        autocomplete="new-password"
                        required=true
                        minlength=PASSWORD_MIN
                        hint
                        error=field_error(error, "password")
                    />
                    <Button kind=ButtonKind::Primary busy=set.pending()>
                        {tr("Set the password")}
                    </Button>
                </div>
            </ActionForm>
        </FormPage>
    }
    .into_any()
}

fn done() -> AnyView {
    view! {
        <FormPage
            title=tr("The new password is set")
            lead=tr("Your other sign-ins have ended. API keys are as they were.")
        >
            <LinkButton href=paths::SIGN_IN kind=ButtonKind::Primary>
                {tr("Sign in")}
            </LinkButton>
        </FormPage>
    }
    .into_any()
}

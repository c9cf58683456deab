//! `/forgot-password`: where one asks for a link by which another password is set. It says the same to everybody,
//! whoever has an account.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::member::MAILED_LINK_MINUTES;

use super::form_page::FormPage;
use super::mailed_api::{AskForPassword, writes_to_people};
use crate::error::{AppError, action_error, field_error};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, Field, FormError, Notice, Skeleton, Tone, kept};
use crate::{paths, ssr};

/// The page of a forgotten password.
pub struct ForgotPasswordRoute {
    ask: ServerAction<AskForPassword>,
    is_asked: Memo<bool>,
    writes: Resource<Result<bool, AppError>>,
}

impl LazyPage for ForgotPasswordRoute {
    fn data() -> Self {
        let query = use_query_map();
        Self {
            ask: ServerAction::new(),
            is_asked: Memo::new(move |_| query.read().get("asked").is_some()),
            writes: Resource::new_blocking(|| (), |()| writes_to_people()),
        }
    }

    fn view(this: Self) -> AnyView {
        let ForgotPasswordRoute { ask, is_asked, writes } = this;
        ssr::forbid_keeping();
        view! {
            <Title text=tr("Forgotten password") />
            <Meta name="description" content=tr("Set another password for your account on Resonant.") />
            <Meta name="robots" content="noindex" />
            <Transition fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {kept(move || {
                    let is_asked = is_asked.get();
                    async move {
                        match writes.await {
                            Ok(true) => asked_by_mail(ask, is_asked),
                            Ok(false) | Err(_) => asked_of_the_operator(),
                        }
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn asked_by_mail(ask: ServerAction<AskForPassword>, is_asked: bool) -> AnyView {
    let error = action_error(ask);
    let sent = is_asked.then(|| {
        view! {
            <Notice tone=Tone::Good>
                <p role="status">
                    {tr_with(
                        "If there is an account with this address, a mail is on its way to it. The link \
                         in it counts once, for {minutes} minutes.",
                        &[("minutes", &MAILED_LINK_MINUTES)],
                    )}
                </p>
            </Notice>
        }
    });
    view! {
        <FormPage
            title=tr("Forgot your password?")
            lead=tr("A link that comes by mail lets you set another one.")
        >
            {sent}
            <ActionForm action=ask>
                <div class="form">
                    <FormError error fields=&["email"] />
                    <Field
                        label=tr("E-mail address")
                        name="email"
                        type_="email"
                        value=refused_form().text("email").unwrap_or_default()
                        autocomplete="email"
                        required=true
                        error=field_error(error, "email")
                    />
                    <Button kind=ButtonKind::Primary busy=ask.pending()>
                        {tr("Send the link")}
                    </Button>
                </div>
            </ActionForm>
            <BackToSignIn />
        </FormPage>
    }
    .into_any()
}

fn asked_of_the_operator() -> AnyView {
    view! {
        <FormPage
            title=tr("Forgot your password?")
            lead=tr("Whoever operates this installation gives you another one.")
        >
            <BackToSignIn />
        </FormPage>
    }
    .into_any()
}

#[component]
fn BackToSignIn() -> impl IntoView {
    view! {
        <p class="form-page__switch">
            <a href=paths::SIGN_IN>{tr("Back to the sign-in")}</a>
        </p>
    }
}

//! The account page: the name, how one signs in, and the way out.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::member::{DISPLAY_NAME_MAX, UserKind, Viewer};
use resonant_domain::publisher::Profile;

use super::address_form::AddressForm;
use super::api::{SaveProfile, SignOut, UpdateProfile, get_profile};
use super::form_page::refresh_viewer;
use super::mailed_api::{AskForAddress, writes_to_people};
use super::profile_form::ProfileForm;
use crate::error::{AppError, action_error, field_error, successes};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::{use_toasts, use_viewer};
use crate::ui::{
    Button, ButtonKind, EmptyState, Field, FormError, IconName, LinkButton, Notice, PageHead,
    Skeleton, Tone, kept,
};

/// The account page.
pub struct AccountRoute {
    update: ServerAction<UpdateProfile>,
    sign_out: ServerAction<SignOut>,
    profile: Resource<Result<Option<Profile>, AppError>>,
    save: ServerAction<SaveProfile>,
    ask: ServerAction<AskForAddress>,
    writes: Resource<Result<bool, AppError>>,
}

impl LazyPage for AccountRoute {
    fn data() -> Self {
        let save = ServerAction::new();
        let saved = successes(save);
        Self {
            profile: Resource::new(move || saved.get(), |_| get_profile()),
            save,
            update: ServerAction::new(),
            sign_out: ServerAction::new(),
            ask: ServerAction::new(),
            writes: Resource::new(|| (), |()| writes_to_people()),
        }
    }

    fn view(this: Self) -> AnyView {
        let AccountRoute { update, sign_out, profile, save, ask, writes } = this;
        let viewer = use_viewer();
        let toasts = use_toasts();
        refresh_viewer(update);
        refresh_viewer(sign_out);
        let saved = update.value();
        Effect::new(move |seen: Option<()>| {
            if saved.with(|saved| matches!(saved, Some(Ok(_)))) && seen.is_some() {
                toasts.show(Tone::Good, tr("Saved"));
            }
        });
        view! {
            <Title text=tr("Your account") />
            <Meta name="description" content=tr("Your name and sign-in on Resonant.") />
            <Transition fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {kept(move || async move {
                    match viewer.load().await {
                        Some(viewer) => {
                            view! { <Account viewer update sign_out profile save ask writes /> }
                                .into_any()
                        },
                        None => view! { <NobodyYet /> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Account(
    viewer: Viewer,
    update: ServerAction<UpdateProfile>,
    sign_out: ServerAction<SignOut>,
    profile: Resource<Result<Option<Profile>, AppError>>,
    save: ServerAction<SaveProfile>,
    ask: ServerAction<AskForAddress>,
    writes: Resource<Result<bool, AppError>>,
) -> impl IntoView {
    let error = action_error(update);
    let is_guest = viewer.kind == UserKind::Guest;
    let name = viewer.display_name.clone();
    let publisher = (!is_guest).then(|| {
        view! {
            <Transition>
                {kept(move || {
                    let display_name = name.clone();
                    async move {
                        let profile = profile.await.ok()?;
                        Some(view! { <ProfileForm profile display_name save /> })
                    }
                })}
            </Transition>
        }
        .into_any()
    });
    // Where no mail is sent, whoever operates the installation is asked.
    let address = (!is_guest).then(|| {
        view! {
            <Transition>
                {kept(move || async move {
                    let writes = writes.await.unwrap_or_default();
                    writes.then(|| view! { <AddressForm ask /> })
                })}
            </Transition>
        }
        .into_any()
    });
    let lead = match &viewer.email {
        Some(email) => tr_with("You sign in as {email}.", &[("email", email)]),
        None => tr("You are a guest in this browser.").to_owned(),
    };
    view! {
        <div class="account">
            <PageHead title=tr("Your account") lead />
            {is_guest.then(|| view! { <GuestNotice /> })}
            <section class="account__part" aria-labelledby="account-name">
                <h2 id="account-name">{tr("Name")}</h2>
                <ActionForm action=update>
                    <div class="form">
                        <FormError error fields=&["display_name"] />
                        <Field
                            label=tr("What we call you")
                            name="display_name"
                            value=refused_form().text("display_name").unwrap_or(viewer.display_name)
                            autocomplete="name"
                            required=true
                            maxlength=DISPLAY_NAME_MAX
                            error=field_error(error, "display_name")
                        />
                        <Button busy=update.pending()>{tr("Save name")}</Button>
                    </div>
                </ActionForm>
            </section>
            {address}
            {publisher}
            <section class="account__part" aria-labelledby="account-usage">
                <h2 id="account-usage">{tr("Usage and budget")}</h2>
                <p>{tr("What your agents used this month, and how much they may use.")}</p>
                <LinkButton href=paths::USAGE>{tr("Usage and budget")}</LinkButton>
            </section>
            <section class="account__part" aria-labelledby="account-secrets">
                <h2 id="account-secrets">{tr("Secrets")}</h2>
                <p>{tr("Keys that your agents' tools may send, each to the hosts that you name.")}</p>
                <p>
                    <a href=paths::SECRETS>{tr("Your secrets")}</a>
                </p>
            </section>
            <section class="account__part" aria-labelledby="account-purchases">
                <h2 id="account-purchases">{tr("Marketplace")}</h2>
                <p>{tr("What you bought, what your listings earned, and whom you follow.")}</p>
                <p>
                    <a href=paths::PURCHASES>{tr("Your purchases")}</a>
                    " · "
                    <a href=paths::FOLLOWING>{tr("Publishers you follow")}</a>
                </p>
            </section>
            <section class="account__part" aria-labelledby="account-security">
                <h2 id="account-security">{tr("Security and data")}</h2>
                <p>{tr("Password, other sign-ins, a copy of your data, the end of the account.")}</p>
                <LinkButton href=paths::SECURITY>{tr("Security and data")}</LinkButton>
            </section>
            <section class="account__part" aria-labelledby="account-teams">
                <h2 id="account-teams">{tr("Teams")}</h2>
                <p>{tr("People with whom you share agents, each with a role.")}</p>
                <LinkButton href=paths::TEAMS>{tr("Your teams")}</LinkButton>
            </section>
            <section class="account__part" aria-labelledby="account-audit">
                <h2 id="account-audit">{tr("Audit log")}</h2>
                <p>{tr("What was done to your account and your things: when, by whom, from where.")}</p>
                <LinkButton href=paths::AUDIT>{tr("Read the audit log")}</LinkButton>
            </section>
            <section class="account__part" aria-labelledby="account-keys">
                <h2 id="account-keys">{tr("API keys")}</h2>
                <p class="account__warning">
                    {tr("By a key, a program of yours uses Resonant for you: within the scopes that you \
                     choose, until you revoke it.")}
                </p>
                <LinkButton href=paths::KEYS>{tr("Manage API keys")}</LinkButton>
            </section>
            {viewer.is_admin.then(|| view! { <Moderation /> })}
            <section class="account__part" aria-labelledby="account-out">
                <h2 id="account-out">{tr("Sign out")}</h2>
                {is_guest
                    .then(|| {
                        view! {
                            <p class="account__warning">
                                {tr("A guest who signs out cannot come back: agents and sessions made \
                                 here are lost to you. Create an account first to keep them.")}
                            </p>
                        }
                    })}
                <ActionForm action=sign_out>
                    <Button
                        kind=if is_guest { ButtonKind::Danger } else { ButtonKind::Secondary }
                        busy=sign_out.pending()
                    >
                        {if is_guest { tr("Sign out and leave it all") } else { tr("Sign out") }}
                    </Button>
                </ActionForm>
            </section>
        </div>
    }
}

#[component]
fn Moderation() -> impl IntoView {
    view! {
        <section class="account__part" aria-labelledby="account-moderation">
            <h2 id="account-moderation">{tr("Moderation")}</h2>
            <p>{tr("You judge what people hand in for the marketplace, and what they report.")}</p>
            <LinkButton href=paths::MODERATION>{tr("Open the review queue")}</LinkButton>
        </section>
    }
}

#[component]
fn GuestNotice() -> impl IntoView {
    view! {
        <Notice tone=Tone::Warn>
            <p>
                <b>{tr("Keep what you made. ")}</b>
                {tr("Only this browser knows you. With an e-mail address and a password, your agents and \
                 sessions stay yours.")}
            </p>
            <LinkButton href=paths::SIGN_UP kind=ButtonKind::Primary>
                {tr("Create an account")}
            </LinkButton>
        </Notice>
    }
}

#[component]
fn NobodyYet() -> impl IntoView {
    view! {
        <h1 class="visually-hidden">{tr("Your account")}</h1>
        <EmptyState
            icon=IconName::User
            title=tr("You are not signed in")
            text=tr("Start anything and you become a guest; sign in to get back to what you made.")
        >
            <LinkButton href=paths::sign_in(paths::ACCOUNT) kind=ButtonKind::Primary>
                {tr("Sign in")}
            </LinkButton>
            <LinkButton href=paths::SIGN_UP>{tr("Create an account")}</LinkButton>
        </EmptyState>
    }
}

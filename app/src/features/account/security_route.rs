//! The page of the viewer's password, sign-ins and data, and the end of the account.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::member::{PASSWORD_MIN, UserKind};

use super::form_page::refresh_viewer;
use super::security_api::{ChangePassword, CloseAccount, EndOtherSignIns, count_sign_ins};
use crate::error::{AppError, action_error, field_error, successes};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::state::{use_toasts, use_viewer};
use crate::ui::{
    Button, ButtonKind, Field, FormError, PageHead, Skeleton, Tone, kept, not_signed_in_page,
};

/// The page of the viewer's password, sign-ins and data.
pub struct SecurityRoute {
    change: ServerAction<ChangePassword>,
    end_others: ServerAction<EndOtherSignIns>,
    close: ServerAction<CloseAccount>,
    sign_ins: Resource<Result<u64, AppError>>,
}

impl LazyPage for SecurityRoute {
    fn data() -> Self {
        let (change, end_others, close) =
            (ServerAction::new(), ServerAction::new(), ServerAction::new());
        let (changed, ended) = (successes(change), successes(end_others));
        let sign_ins =
            Resource::new_blocking(move || (changed.get(), ended.get()), |_| count_sign_ins());
        Self { change, end_others, close, sign_ins }
    }

    fn view(this: Self) -> AnyView {
        let SecurityRoute { change, end_others, close, sign_ins } = this;
        let viewer = use_viewer();
        refresh_viewer(close);
        view! {
            <Title text=tr("Security and data") />
            <Meta name="description" content=tr("Your password, your sign-ins, and all that is kept of you.") />
            <Transition fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {kept(move || async move {
                    match viewer.load().await {
                        Some(viewer) => {
                            let is_member = viewer.kind == UserKind::Member;
                            view! { <Security is_member change end_others close sign_ins /> }.into_any()
                        }
                        None => not_signed_in_page(
                            tr("Security and data"),
                            tr("Sign in to see to your password and your data."),
                            paths::SECURITY,
                        ),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Security(
    is_member: bool,
    change: ServerAction<ChangePassword>,
    end_others: ServerAction<EndOtherSignIns>,
    close: ServerAction<CloseAccount>,
    sign_ins: Resource<Result<u64, AppError>>,
) -> impl IntoView {
    let toasts = use_toasts();
    let changes = successes(change);
    Effect::new(move |before: Option<usize>| {
        let now = changes.get();
        if before.is_some_and(|before| before != now) {
            let text = tr("The password has changed, and your other sign-ins have ended");
            toasts.show(Tone::Good, text);
        }
        now
    });
    view! {
        <div class="account">
            <PageHead
                title=tr("Security and data")
                lead=tr("Who can act as you, and all that Resonant keeps of you.")
            />
            {is_member.then(|| view! { <Password change /> })}
            <section class="account__part" aria-labelledby="security-sign-ins">
                <h2 id="security-sign-ins">{tr("Sign-ins")}</h2>
                <p>
                    <Transition>
                        {kept(move || async move {
                            match sign_ins.await.unwrap_or(1) {
                                0 | 1 => tr("You are signed in in this browser alone.").to_owned(),
                                count => tr_with(
                                    "You are signed in in {count} browsers.",
                                    &[("count", &count)],
                                ),
                            }
                        })}
                    </Transition>
                </p>
                <FormError error=action_error(end_others) />
                <ActionForm action=end_others>
                    <Button busy=end_others.pending()>{tr("Sign out everywhere else")}</Button>
                </ActionForm>
            </section>
            <section class="account__part" aria-labelledby="security-data">
                <h2 id="security-data">{tr("Your data")}</h2>
                <p>
                    {tr("One JSON file with all that is kept of you: agents, sessions with every step, \
                     files, memories, schedules, reviews. The values of secrets and keys are not in it: \
                     nobody can read them.")}
                </p>
                // The router would take it for a page.
                <a class="button button--secondary" href=paths::ACCOUNT_FILE rel="external" download="">
                    {tr("Download your data")}
                </a>
            </section>
            <CloseForm is_member close />
        </div>
    }
}

#[component]
fn Password(change: ServerAction<ChangePassword>) -> impl IntoView {
    let error = action_error(change);
    let hint = tr_with("At least {min} characters", &[("min", &PASSWORD_MIN)]);
    view! {
        <section class="account__part" aria-labelledby="security-password">
            <h2 id="security-password">{tr("Password")}</h2>
            <ActionForm action=change>
                <div class="form">
                    <FormError error fields=&["current_password", "password"] />
                    <Field
                        label=tr("Current password")
                        name="current_password"
                        type_="password"
                        autocomplete="current-password"
                        required=true
                        error=field_error(error, "current_password")
                    />
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
                    <Button kind=ButtonKind::Primary busy=change.pending()>
                        {tr("Change password")}
                    </Button>
                </div>
            </ActionForm>
        </section>
    }
}

#[component]
fn CloseForm(is_member: bool, close: ServerAction<CloseAccount>) -> impl IntoView {
    let error = action_error(close);
    view! {
        <section class="account__part" aria-labelledby="security-close">
            <h2 id="security-close">{tr("Delete the account")}</h2>
            <p>
                {tr("Agents, sessions, files, secrets, keys and reviews are deleted and cannot be brought \
                 back. Your listings leave the marketplace; copies that others have installed stay \
                 theirs.")}
            </p>
            <details>
                <summary>{tr("Delete it for good")}</summary>
                <ActionForm action=close>
                    <div class="form">
                        <FormError error fields=&["current_password"] />
                        {is_member
                            .then(|| {
                                view! {
                                    <Field
                                        label=tr("Your password")
                                        name="current_password"
                                        id="close-password"
                                        type_="password"
                                        autocomplete="current-password"
                                        required=true
                                        error=field_error(error, "current_password")
                                    />
                                }
                            })}
                        <Button kind=ButtonKind::Danger busy=close.pending()>
                            {tr("Delete account and data")}
                        </Button>
                    </div>
                </ActionForm>
            </details>
        </section>
    }
}

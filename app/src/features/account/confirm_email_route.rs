//! `/confirm-email`: another address of an account, by the link of a letter that was opened.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;

use super::form_page::{FormPage, link_is_gone, refresh_viewer};
use super::mailed_api::{ConfirmAddress, find_address};
use crate::error::{AppError, action_error};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::ui::{Button, ButtonKind, FormError, LinkButton, Skeleton, cannot_be_shown, kept};
use crate::{paths, ssr};

/// The page of a new address.
pub struct ConfirmEmailRoute {
    confirm: ServerAction<ConfirmAddress>,
    is_done: Memo<bool>,
    address: Resource<Result<Option<String>, AppError>>,
}

impl LazyPage for ConfirmEmailRoute {
    fn data() -> Self {
        let query = use_query_map();
        let is_done = Memo::new(move |_| query.read().get("done").is_some());
        Self {
            confirm: ServerAction::new(),
            is_done,
            address: Resource::new_blocking(move || is_done.get(), |_| find_address()),
        }
    }

    fn view(this: Self) -> AnyView {
        let ConfirmEmailRoute { confirm, is_done, address } = this;
        ssr::forbid_keeping();
        refresh_viewer(confirm);
        view! {
            <Title text=tr("Confirm your e-mail address") />
            <Meta name="description" content=tr("Confirm the e-mail address of your account on Resonant.") />
            <Meta name="robots" content="noindex" />
            <Transition fallback=|| {
                view! { <Skeleton lines=4 /> }
            }>
                {kept(move || {
                    let is_done = is_done.get();
                    async move {
                        match address.await {
                            _ if is_done => done(),
                            Ok(Some(address)) => form(confirm, &address),
                            Ok(None) => link_is_gone(paths::ACCOUNT, tr("Your account")),
                            Err(error) => cannot_be_shown(tr("Confirm your e-mail address"), error),
                        }
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn form(confirm: ServerAction<ConfirmAddress>, address: &str) -> AnyView {
    let lead = tr_with(
        "You sign in as {email} from then on, and the address before is told so.",
        &[("email", &address)],
    );
    view! {
        <FormPage title=tr("Confirm your e-mail address") lead>
            <FormError error=action_error(confirm) />
            <ActionForm action=confirm>
                <div class="form">
                    <Button kind=ButtonKind::Primary busy=confirm.pending()>
                        {tr("Confirm the address")}
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
            title=tr("The address is confirmed")
            lead=tr("From now on you sign in by it.")
        >
            <LinkButton href=paths::ACCOUNT kind=ButtonKind::Primary>
                {tr("Your account")}
            </LinkButton>
        </FormPage>
    }
    .into_any()
}

//! Webhooks on the page of automations: who is told when a session ends.

use leptos::prelude::*;
use resonant_domain::webhook::{Webhook, WithKey};
use server_fn::ServerFn as _;

use super::api::DeleteWebhook;
use super::automations_route::{Actions, SigningKey};
use crate::error::{action_error, field_error, removal_error};
use crate::language::{tr, tr_with};
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{Button, Confirm, Field, FormError};

/// The webhooks, and the form for a new one.
#[component]
pub(super) fn Webhooks(
    /// Those that there are.
    webhooks: Vec<WithKey<Webhook>>,
    /// What the forms do.
    actions: Actions,
) -> impl IntoView {
    let (create, delete) = (actions.create_webhook, actions.delete_webhook);
    let error = action_error(create);
    let rows = webhooks
        .into_iter()
        .map(|WithKey { made, signing_key }| {
            let Webhook { id, url, .. } = made;
            let question = tr_with("Delete {name}?", &[("name", &url)]);
            view! {
                <li class="secret">
                    <code class="secret__name">{url.clone()}</code>
                    <SigningKey signing_key />
                    <p>
                        <a href=paths::webhook(id)>{tr("What it was told")}</a>
                    </p>
                    <Confirm
                        label=tr("Delete")
                        about=url
                        question
                        text=tr("It is told of no session any more. What it was told goes with it.")
                        url=DeleteWebhook::url()
                        fields=vec![("id", id.to_string())]
                        busy=delete.pending()
                        on_yes=move |()| {
                            delete.dispatch(DeleteWebhook { id });
                        }
                    />
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="account__part" aria-labelledby="webhooks-title">
            <h2 id="webhooks-title">{tr("Webhooks")}</h2>
            <p>{tr("Each of these addresses is told, by a signed message, when a session of yours ends.")}</p>
            <FormError error=removal_error(delete) />
            <ul class="secret-list">{rows}</ul>
            <ActionForm action=create>
                <div class="form">
                    <FormError error fields=&["url"] />
                    <Field
                        label=tr("Address")
                        name="url"
                        value=refused_form().text("url").unwrap_or_default()
                        type_="url"
                        required=true
                        autocomplete="off"
                        placeholder="https://example.org/hook"
                        error=field_error(error, "url")
                    />
                    <Button busy=create.pending()>{tr("Add webhook")}</Button>
                </div>
            </ActionForm>
        </section>
    }
}

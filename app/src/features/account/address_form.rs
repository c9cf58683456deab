//! Another e-mail address, by a link that is mailed to it.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use resonant_domain::member::MAILED_LINK_MINUTES;

use super::mailed_api::AskForAddress;
use crate::error::{action_error, field_error};
use crate::language::{tr, tr_with};
use crate::refused_form::refused_form;
use crate::ui::{Button, Field, FormError, Notice, Tone};

/// The form, with word of the letter once there is one.
#[component]
pub(super) fn AddressForm(
    /// What asks for the letter.
    ask: ServerAction<AskForAddress>,
) -> impl IntoView {
    let error = action_error(ask);
    let query = use_query_map();
    let is_asked = move || query.read().get("asked").is_some();
    view! {
        <section class="account__part" aria-labelledby="account-address">
            <h2 id="account-address">{tr("E-mail address")}</h2>
            <Show when=is_asked>
                <Notice tone=Tone::Good>
                    <p role="status">
                        {tr_with(
                            "A mail is on its way to the new address. The link in it lets you confirm \
                             it within {minutes} minutes; until then nothing changes.",
                            &[("minutes", &MAILED_LINK_MINUTES)],
                        )}
                    </p>
                </Notice>
            </Show>
            <ActionForm action=ask>
                <div class="form">
                    <FormError error fields=&["email", "current_password"] />
                    <Field
                        label=tr("New e-mail address")
                        name="email"
                        id="address-email"
                        type_="email"
                        value=refused_form().text("email").unwrap_or_default()
                        autocomplete="email"
                        required=true
                        hint=tr("A link is mailed to it")
                        error=field_error(error, "email")
                    />
                    <Field
                        label=tr("Current password")
                        name="current_password"
                        id="address-password"
                        type_="password"
                        autocomplete="current-password"
                        required=true
                        error=field_error(error, "current_password")
                    />
                    <Button busy=ask.pending()>{tr("Change the address")}</Button>
                </div>
            </ActionForm>
        </section>
    }
}

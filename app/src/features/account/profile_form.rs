//! What somebody tells of themselves as a publisher.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::publisher::{BIO_MAX, HANDLE_MAX, NAME_MAX, Profile};

use super::api::SaveProfile;
use crate::error::{action_error, field_error};
use crate::language::tr;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{Button, Field, FormError, TextArea};

/// The form, with the way to the page that it makes.
#[component]
pub(super) fn ProfileForm(
    /// What was told before.
    profile: Option<Profile>,
    /// What the account is called, for a start.
    display_name: String,
    /// What keeps it.
    save: ServerAction<SaveProfile>,
) -> impl IntoView {
    let page = profile.as_ref().map(|profile| {
        let href = paths::publisher(&profile.handle);
        view! {
            <p>
                <a href=href>{tr("Your publisher page")}</a>
            </p>
        }
    });
    let start = profile.unwrap_or_else(|| Profile { name: display_name, ..Profile::default() });
    let error = action_error(save);
    let refused = refused_form();
    let or = |field: &str, text: String| refused.text(field).unwrap_or(text);
    let (handle, name) = (or("handle", start.handle), or("name", start.name));
    let bio = or("bio", start.bio);
    view! {
        <section class="account__part" id="publisher" aria-labelledby="account-publisher">
            <h2 id="account-publisher">{tr("Publisher page")}</h2>
            <p class="account__warning">
                {tr("Listings that you publish lead to it: your name, what you say about yourself, and \
                 all that you publish.")}
            </p>
            {page}
            <ActionForm action=save>
                <div class="form">
                    <FormError error fields=&["handle", "name", "bio"] />
                    <Field
                        label=tr("Handle")
                        name="handle"
                        value=handle
                        required=true
                        maxlength=HANDLE_MAX
                        autocomplete="off"
                        hint=tr("Small letters, digits and hyphens; the address of your page ends in it")
                        error=field_error(error, "handle")
                    />
                    <Field
                        label=tr("Public name")
                        name="name"
                        value=name
                        required=true
                        maxlength=NAME_MAX
                        autocomplete="organization"
                        error=field_error(error, "name")
                    />
                    <TextArea
                        label=tr("About you")
                        name="bio"
                        value=bio
                        rows=4
                        optional=true
                        maxlength=BIO_MAX
                        error=field_error(error, "bio")
                    />
                    <Button busy=save.pending()>{tr("Save publisher page")}</Button>
                </div>
            </ActionForm>
        </section>
    }
}

//! What stands in a form.

use leptos::form::FromFormData as _;
use leptos::html;
use leptos::prelude::{GetUntracked as _, NodeRef};
use serde::de::DeserializeOwned;
use web_sys::FormData;

/// What a form would send as it stands, whether its own rules refuse it or not. One that was taken out of
/// the document can still be read.
pub fn form_values<T: DeserializeOwned>(form: NodeRef<html::Form>) -> Option<T> {
    let form = form.try_get_untracked().flatten()?;
    T::from_form_data(&FormData::new_with_form(&form).ok()?).ok()
}

//! Where visitors choose the language.

use leptos::prelude::*;
use server_fn::ServerFn;

use super::{COOKIE, Language, tr};
use crate::browser;
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::ssr;

/// Speaks another language from the next page on, for who has no JavaScript.
#[server(prefix = "/api/fn", endpoint = "language/choose_language")]
pub async fn choose_language(tag: String) -> Result<(), AppError> {
    let language = Language::tagged(&tag);
    ssr::keep_language(language.ok_or_else(|| ssr::invalid("tag", "is not a language of ours"))?);
    Ok(())
}

/// Remembers a choice and loads the page anew.
fn choose(tag: &str) {
    if let Some(language) = Language::of_tag(tag) {
        browser::choose_language(COOKIE, language.tag());
    }
}

/// The choice between the languages.
#[component]
pub fn LanguageChoice() -> impl IntoView {
    let spoken = Language::current();
    let option = move |language: Language| {
        view! {
            <option value=language.tag() lang=language.tag() selected=language == spoken>
                {language.name()}
            </option>
        }
    };
    view! {
        <form class="language" method="post" action={ChooseLanguage::url()}>
            <label class="visually-hidden" for="language">
                {tr("Language")}
            </label>
            <select
                id="language"
                class="language__select"
                name="tag"
                on:change=move |event| choose(&event_target_value(&event))
            >
                {Language::ALL.map(option).collect_view()}
            </select>
            <noscript>
                <button class="language__button" type="submit">
                    {tr("Change the language")}
                </button>
            </noscript>
        </form>
    }
}

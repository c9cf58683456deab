//! What the pages ask the server that are about links in letters: another password, another address.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::letters;
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// Whether letters with links are sent here.
#[server(prefix = "/api/fn", endpoint = "account/writes_to_people")]
pub async fn writes_to_people() -> Result<bool, AppError> {
    Ok(ssr::ctx()?.backend().writes_to_people())
}

/// Has a link for another password mailed, if an account has the address.
#[server(prefix = "/api/fn", endpoint = "account/ask_for_password")]
pub async fn ask_for_password(email: String) -> Result<(), AppError> {
    let (ctx, letter) = (ssr::ctx()?, letters::password());
    let asked = resonant_backend::members::ask_for_password(&ctx, &email, &letter).await;
    asked.map_err(ssr::fail)?;
    ssr::redirect(&format!("{}?asked=link", paths::FORGOT_PASSWORD));
    Ok(())
}

/// The address of the account whose password the link that was opened sets.
#[server(prefix = "/api/fn", endpoint = "account/find_forgotten")]
pub async fn find_forgotten() -> Result<Option<String>, AppError> {
    let (ctx, token) = (ssr::ctx()?, ssr::link_token().unwrap_or_default());
    resonant_backend::members::find_forgotten(&ctx, &token).await.map_err(ssr::fail)
}

/// Sets the password by the link that was opened.
#[server(prefix = "/api/fn", endpoint = "account/set_forgotten")]
pub async fn set_forgotten(password: String) -> Result<(), AppError> {
    let (ctx, token) = (ssr::ctx()?, ssr::link_token().unwrap_or_default());
    let set = resonant_backend::members::set_forgotten(&ctx, &token, password).await;
    set.map_err(ssr::fail)?;
    ssr::forget_link();
    ssr::redirect(&format!("{}?done=set", paths::RESET_PASSWORD));
    Ok(())
}

/// Has a link mailed to the address that is to be the viewer's.
#[server(prefix = "/api/fn", endpoint = "account/ask_for_address")]
pub async fn ask_for_address(
    #[server(default)] current_password: String,
    #[server(default)] email: String,
) -> Result<(), AppError> {
    let (ctx, letter) = (ssr::ctx()?, letters::address());
    let asked =
        resonant_backend::members::ask_for_address(&ctx, current_password, &email, &letter).await;
    asked.map_err(ssr::fail)?;
    ssr::redirect(&format!("{}?asked=address#account-address", paths::ACCOUNT));
    Ok(())
}

/// The address that becomes an account's by the link that was opened.
#[server(prefix = "/api/fn", endpoint = "account/find_address")]
pub async fn find_address() -> Result<Option<String>, AppError> {
    let (ctx, token) = (ssr::ctx()?, ssr::link_token().unwrap_or_default());
    resonant_backend::members::find_address(&ctx, &token).await.map_err(ssr::fail)
}

/// Changes the address by the link that was opened.
#[server(prefix = "/api/fn", endpoint = "account/confirm_address")]
pub async fn confirm_address() -> Result<(), AppError> {
    let (ctx, token) = (ssr::ctx()?, ssr::link_token().unwrap_or_default());
    let confirmed =
        resonant_backend::members::confirm_address(&ctx, &token, &letters::moved()).await;
    confirmed.map_err(ssr::fail)?;
    ssr::forget_link();
    ssr::redirect(&format!("{}?done=confirmed", paths::CONFIRM_EMAIL));
    Ok(())
}

//! What the page of password, sign-ins and data asks the server.

use leptos::prelude::*;

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// In how many browsers the viewer is signed in.
#[server(prefix = "/api/fn", endpoint = "account/count_sign_ins")]
pub async fn count_sign_ins() -> Result<u64, AppError> {
    resonant_backend::members::count_sign_ins(&ssr::ctx()?).await.map_err(ssr::fail)
}

/// Gives the viewer another password.
#[server(prefix = "/api/fn", endpoint = "account/change_password")]
pub async fn change_password(current_password: String, password: String) -> Result<(), AppError> {
    let ctx = ssr::ctx()?;
    let changed = resonant_backend::members::change_password(&ctx, current_password, password);
    changed.await.map_err(ssr::fail)?;
    ssr::redirect(paths::SECURITY);
    Ok(())
}

/// Ends the viewer's sign-ins in all other browsers.
#[server(prefix = "/api/fn", endpoint = "account/end_other_sign_ins")]
pub async fn end_other_sign_ins() -> Result<(), AppError> {
    resonant_backend::members::end_other_sign_ins(&ssr::ctx()?).await.map_err(ssr::fail)?;
    ssr::redirect(paths::SECURITY);
    Ok(())
}

/// Closes the viewer's account. A guest gives no password.
#[server(prefix = "/api/fn", endpoint = "account/close")]
pub async fn close_account(#[server(default)] current_password: String) -> Result<(), AppError> {
    let ctx = ssr::ctx()?;
    resonant_backend::members::close_account(&ctx, current_password).await.map_err(ssr::fail)?;
    ssr::redirect(paths::HOME);
    Ok(())
}

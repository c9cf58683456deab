//! What the account pages ask the server.

use leptos::prelude::*;
use resonant_domain::member::Viewer;

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// Who looks at the page; nobody for an anonymous visitor.
#[server(prefix = "/api/fn", endpoint = "account/get_viewer")]
pub async fn get_viewer() -> Result<Option<Viewer>, AppError> {
    let ctx = ssr::ctx()?;
    resonant_backend::members::viewer(&ctx).await.map_err(ssr::fail)
}

/// Makes an account; a guest's becomes a full one and keeps everything.
#[server(prefix = "/api/fn", endpoint = "account/sign_up")]
pub async fn sign_up(
    display_name: String,
    email: String,
    password: String,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    use resonant_backend::members::{self, NewMember};

    let ctx = ssr::ctx()?;
    let new = NewMember { email, password, display_name };
    members::sign_up(&ctx, new).await.map_err(ssr::fail)?;
    ssr::redirect(paths::own(&next, paths::STUDIO));
    Ok(())
}

/// Signs in by address and password.
#[server(prefix = "/api/fn", endpoint = "account/sign_in")]
pub async fn sign_in(
    email: String,
    password: String,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    use resonant_backend::members::{self, Credentials};

    let ctx = ssr::ctx()?;
    members::sign_in(&ctx, Credentials { email, password }).await.map_err(ssr::fail)?;
    ssr::redirect(paths::own(&next, paths::STUDIO));
    Ok(())
}

/// Ends the sign-in.
#[server(prefix = "/api/fn", endpoint = "account/sign_out")]
pub async fn sign_out() -> Result<(), AppError> {
    let ctx = ssr::ctx()?;
    resonant_backend::members::sign_out(&ctx).await.map_err(ssr::fail)?;
    ssr::redirect(paths::HOME);
    Ok(())
}

/// Changes what the viewer is called.
#[server(prefix = "/api/fn", endpoint = "account/update_profile")]
pub async fn update_profile(display_name: String) -> Result<Viewer, AppError> {
    let ctx = ssr::ctx()?;
    let viewer =
        resonant_backend::members::update_profile(&ctx, display_name).await.map_err(ssr::fail)?;
    ssr::redirect(paths::ACCOUNT);
    Ok(viewer)
}

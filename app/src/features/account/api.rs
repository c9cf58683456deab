//! What the account pages ask the server.

use leptos::prelude::*;
use resonant_domain::api_key::{ApiKey, Scope};
use resonant_domain::member::Viewer;
use resonant_domain::notice::Notice;
use resonant_domain::page::Page;
#[cfg(feature = "ssr")]
use resonant_domain::page::PageRequest;
use resonant_domain::publisher::Profile;
use resonant_domain::secret::SecretSummary;
use resonant_domain::{ApiKeyId, NoticeId};
use serde::{Deserialize, Serialize};

use super::key_life::KeyLife;
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// The viewer's API keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OwnKeys {
    /// Newest first.
    pub keys: Vec<ApiKey>,
    /// The text of a key that a form without JavaScript has just made.
    pub made: Option<String>,
}

/// A key that was made, and its text, which is told this once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MadeKey {
    /// The key.
    pub key: ApiKey,
    /// Its text.
    pub text: String,
}

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

/// What the viewer tells of themselves as a publisher; `None` before they have.
#[server(prefix = "/api/fn", endpoint = "account/get_profile")]
pub async fn get_profile() -> Result<Option<Profile>, AppError> {
    resonant_backend::publishers::profile(&ssr::ctx()?).await.map_err(ssr::fail)
}

/// Keeps what the viewer tells of themselves as a publisher.
#[server(prefix = "/api/fn", endpoint = "account/save_profile")]
pub async fn save_profile(
    #[server(default)] handle: String,
    #[server(default)] name: String,
    #[server(default)] bio: String,
) -> Result<(), AppError> {
    // A form sends line ends as CR LF (WHATWG HTML 4.10.21.8); texts keep LF alone.
    let profile = Profile { handle, name, bio: bio.replace("\r\n", "\n") };
    resonant_backend::publishers::save(&ssr::ctx()?, profile).await.map_err(ssr::fail)?;
    ssr::redirect(&format!("{}#publisher", paths::ACCOUNT));
    Ok(())
}

/// What the viewer was told, from a cursor on.
#[server(prefix = "/api/fn", endpoint = "account/list_notices")]
pub async fn list_notices(cursor: Option<String>) -> Result<Page<Notice>, AppError> {
    let page = PageRequest { cursor, limit: None };
    resonant_backend::inbox::list(&ssr::ctx()?, page).await.map_err(ssr::fail)
}

/// Marks one notice as read, or all of them.
#[server(prefix = "/api/fn", endpoint = "account/read_notices")]
pub async fn read_notices(#[server(default)] id: Option<NoticeId>) -> Result<(), AppError> {
    let ids: Vec<_> = id.into_iter().collect();
    resonant_backend::inbox::mark_read(&ssr::ctx()?, &ids).await.map_err(ssr::fail)?;
    ssr::redirect(paths::NOTICES);
    Ok(())
}

/// The viewer's secrets, without their values.
#[server(prefix = "/api/fn", endpoint = "account/list_secrets")]
pub async fn list_secrets() -> Result<Vec<SecretSummary>, AppError> {
    let all = resonant_backend::secrets::list(&ssr::ctx()?, PageRequest::largest()).await;
    all.map(|page| page.items).map_err(ssr::fail)
}

/// Keeps a secret. `hosts` are parted by blanks or commas.
#[server(prefix = "/api/fn", endpoint = "account/create_secret")]
pub async fn create_secret(name: String, value: String, hosts: String) -> Result<(), AppError> {
    use resonant_domain::secret::NewSecret;

    let new = NewSecret { name: name.trim().to_owned(), value, hosts: parted(&hosts) };
    resonant_backend::secrets::create(&ssr::ctx()?, new).await.map_err(ssr::fail)?;
    ssr::redirect(paths::SECRETS);
    Ok(())
}

/// Gives a secret another value and other hosts.
#[server(prefix = "/api/fn", endpoint = "account/update_secret")]
pub async fn update_secret(name: String, value: String, hosts: String) -> Result<(), AppError> {
    use resonant_domain::secret::SecretChanges;

    let changes = SecretChanges { value: Some(value), hosts: Some(parted(&hosts)) };
    resonant_backend::secrets::update(&ssr::ctx()?, &name, changes).await.map_err(ssr::fail)?;
    ssr::redirect(paths::SECRETS);
    Ok(())
}

/// Deletes a secret.
#[server(prefix = "/api/fn", endpoint = "account/delete_secret")]
pub async fn delete_secret(name: String) -> Result<(), AppError> {
    resonant_backend::secrets::delete(&ssr::ctx()?, &name).await.map_err(ssr::fail)?;
    ssr::redirect(paths::SECRETS);
    Ok(())
}

#[cfg(feature = "ssr")]
fn parted(hosts: &str) -> Vec<String> {
    let parts = hosts.split(|c: char| c == ',' || c.is_whitespace());
    parts.filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

/// The viewer's API keys.
#[server(prefix = "/api/fn", endpoint = "account/list_keys")]
pub async fn list_keys() -> Result<OwnKeys, AppError> {
    let keys = resonant_backend::api_keys::list(&ssr::ctx()?, PageRequest::largest()).await;
    let keys = keys.map_err(ssr::fail)?.items;
    Ok(OwnKeys { keys, made: ssr::take_note(paths::KEYS) })
}

/// Makes an API key.
#[server(prefix = "/api/fn", endpoint = "account/create_key")]
pub async fn create_key(
    #[server(default)] name: String,
    #[server(default)] scopes: Vec<Scope>,
    #[server(default)] life: KeyLife,
) -> Result<MadeKey, AppError> {
    let ctx = ssr::ctx()?;
    let made = resonant_backend::api_keys::create_lasting(&ctx, name, scopes, life.days());
    let (key, text) = made.await.map_err(ssr::fail)?;
    ssr::leave_note(paths::KEYS, text.as_str());
    Ok(MadeKey { key, text: text.as_str().to_owned() })
}

/// Ends an API key.
#[server(prefix = "/api/fn", endpoint = "account/revoke_key")]
pub async fn revoke_key(id: ApiKeyId) -> Result<(), AppError> {
    resonant_backend::api_keys::revoke(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(paths::KEYS);
    Ok(())
}

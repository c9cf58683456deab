//! What the marketplace asks the server for one viewer alone: whom they follow, what they have bought.

use leptos::prelude::*;
use resonant_domain::listing::ListingSummary;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// How the viewer stands to a publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FollowState {
    /// They do not follow.
    No,
    /// They follow.
    Yes,
    /// They are the publisher.
    Oneself,
}

/// How the viewer stands to a listing that costs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaleState {
    /// Nobody is signed in.
    Nobody,
    /// They are a guest, who buys nothing.
    Guest,
    /// They may use it.
    Entitled,
    /// They have to buy it first.
    Buyer,
}

/// How the viewer stands to a listing and its publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerStanding {
    /// To the publisher; nothing where they have no page.
    pub follow: Option<FollowState>,
    /// To what it costs.
    pub sale: SaleState,
}

#[cfg(feature = "ssr")]
async fn follow_state(
    ctx: &resonant_backend::Ctx,
    handle: &str,
) -> Result<FollowState, resonant_backend::Error> {
    use resonant_backend::follows::{self, Following};

    Ok(match follows::get(ctx, handle).await? {
        Following::No => FollowState::No,
        Following::Yes => FollowState::Yes,
        Following::Oneself => FollowState::Oneself,
    })
}

/// Whether the viewer follows a publisher.
#[server(prefix = "/api/fn", endpoint = "marketplace/get_follow")]
pub async fn get_follow(handle: String) -> Result<FollowState, AppError> {
    follow_state(&ssr::ctx()?, &handle).await.map_err(ssr::fail)
}

/// How the viewer stands to a listing and its publisher.
#[server(prefix = "/api/fn", endpoint = "marketplace/get_standing")]
pub async fn get_standing(slug: String) -> Result<ViewerStanding, AppError> {
    use resonant_backend::purchases::{self, Standing};
    use resonant_backend::{Error, listings};

    let ctx = ssr::ctx()?;
    let listing = listings::get(&ctx, &slug).await.map_err(ssr::fail)?.summary;
    let follow = match listing.publisher_handle {
        Some(handle) => match follow_state(&ctx, &handle).await {
            // They have just got another handle.
            Err(Error::NotFound(_)) => None,
            found => Some(found.map_err(ssr::fail)?),
        },
        None => None,
    };
    let sale = if listing.price.is_free() {
        SaleState::Entitled
    } else {
        match purchases::standing(&ctx, &slug).await.map_err(ssr::fail)? {
            Standing::Nobody => SaleState::Nobody,
            Standing::Guest => SaleState::Guest,
            Standing::Entitled => SaleState::Entitled,
            Standing::Buyer => SaleState::Buyer,
        }
    };
    Ok(ViewerStanding { follow, sale })
}

/// Follows a publisher, or no more, and goes back. Somebody who is not known yet becomes a guest.
#[server(prefix = "/api/fn", endpoint = "marketplace/set_following")]
pub async fn set_following(
    handle: String,
    is_followed: bool,
    #[server(default)] back: String,
) -> Result<(), AppError> {
    use resonant_backend::{follows, members};

    let ctx = ssr::ctx()?;
    if is_followed {
        members::begin_guest(&ctx).await.map_err(ssr::fail)?;
        follows::follow(&ctx, &handle).await.map_err(ssr::fail)?;
    } else {
        follows::unfollow(&ctx, &handle).await.map_err(ssr::fail)?;
    }
    let publisher = paths::publisher(&handle);
    ssr::redirect(paths::own(&back, &publisher));
    Ok(())
}

/// The newest listings of the publishers whom the viewer follows.
#[server(prefix = "/api/fn", endpoint = "marketplace/list_followed")]
pub async fn list_followed() -> Result<Vec<ListingSummary>, AppError> {
    resonant_backend::follows::newest(&ssr::ctx()?).await.map_err(ssr::fail)
}

/// Begins to buy a listing and goes where it is paid.
#[server(prefix = "/api/fn", endpoint = "marketplace/buy_listing")]
pub async fn buy_listing(
    slug: String,
    #[server(default)] quantity: String,
) -> Result<(), AppError> {
    use resonant_domain::purchase::NewPurchase;

    let quantity = match quantity.trim() {
        "" => 1,
        text => text.parse().map_err(|_| ssr::invalid("quantity", "must be a whole number"))?,
    };
    let new = NewPurchase { quantity };
    let bought = resonant_backend::purchases::begin(&ssr::ctx()?, &slug, new).await;
    let url = bought.map_err(ssr::fail)?.checkout_url.unwrap_or_default();
    // A form may not lead to another site; the page of purchases has a link there.
    ssr::redirect(paths::own(&url, paths::PURCHASES));
    Ok(())
}

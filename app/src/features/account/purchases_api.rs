//! What the pages of purchases and of those whom one follows ask the server.

use leptos::prelude::*;
use resonant_domain::page::Page;
#[cfg(feature = "ssr")]
use resonant_domain::page::PageRequest;
use resonant_domain::publisher::FollowedPublisher;
use resonant_domain::purchase::{Earning, Entitlement, Purchase, Sale};
use resonant_domain::{ListingId, PurchaseId};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// What the viewer bought and sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// What they bought.
    pub page: Page<Purchase>,
    /// What that entitles them to.
    pub entitlements: Vec<(ListingId, Entitlement)>,
    /// What of it has no page in the marketplace any more.
    pub gone: Vec<ListingId>,
    /// What of it is added to the studio from here.
    pub to_add: Vec<ListingId>,
    /// What their listings earned.
    pub earnings: Page<Earning>,
    /// The purchases of their listings, the newest first.
    pub sales: Page<Sale>,
}

/// What the viewer bought and sold, each list from a cursor on.
#[server(prefix = "/api/fn", endpoint = "account/list_purchases")]
pub async fn list_purchases(
    cursor: Option<String>,
    #[server(default)] earnings: Option<String>,
    #[server(default)] sales: Option<String>,
) -> Result<Trade, AppError> {
    use resonant_backend::purchases;

    let ctx = ssr::ctx()?;
    let from = |cursor| PageRequest { cursor, limit: None };
    let page = purchases::list(&ctx, from(cursor)).await.map_err(ssr::fail)?;
    let entitlements = purchases::entitlements(&ctx).await.map_err(ssr::fail)?;
    let places = purchases::places(&ctx, &page.items, &entitlements).await.map_err(ssr::fail)?;
    let gone = places.iter().filter(|place| !place.has_page).map(|place| place.listing).collect();
    let to_add = places.iter().filter(|place| place.can_add).map(|place| place.listing).collect();
    Ok(Trade {
        page,
        entitlements,
        gone,
        to_add,
        earnings: purchases::earnings(&ctx, from(earnings)).await.map_err(ssr::fail)?,
        sales: purchases::sales(&ctx, from(sales)).await.map_err(ssr::fail)?,
    })
}

/// Gives a purchase up, or ends a subscription.
#[server(prefix = "/api/fn", endpoint = "account/cancel_purchase")]
pub async fn cancel_purchase(id: PurchaseId) -> Result<(), AppError> {
    resonant_backend::purchases::cancel(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(paths::PURCHASES);
    Ok(())
}

/// Gives the money back for a purchase of one of the viewer's listings.
#[server(prefix = "/api/fn", endpoint = "account/refund_purchase")]
pub async fn refund_purchase(id: PurchaseId) -> Result<(), AppError> {
    resonant_backend::purchases::refund(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(paths::PURCHASES);
    Ok(())
}

/// A purchase of the viewer's at the checkout of the test provider.
#[server(prefix = "/api/fn", endpoint = "account/get_test_checkout")]
pub async fn get_test_checkout(id: PurchaseId) -> Result<Purchase, AppError> {
    use resonant_backend::{Error, purchases};

    let ctx = ssr::ctx()?;
    if !purchases::are_tests(ctx.backend()) {
        return Err(ssr::fail(Error::NotFound("purchase")));
    }
    purchases::get(&ctx, id).await.map_err(ssr::fail)
}

/// Pays or declines at the checkout of the test provider.
#[server(prefix = "/api/fn", endpoint = "account/act_at_test_checkout")]
pub async fn act_at_test_checkout(
    id: PurchaseId,
    #[server(default)] act: String,
) -> Result<(), AppError> {
    use resonant_backend::purchases::{self, TestAct};

    let act = match act.as_str() {
        "approve" => TestAct::Approve,
        "decline" => TestAct::Decline,
        "renew" => TestAct::Renew,
        _ => return Err(ssr::invalid("act", "must be approve, decline or renew")),
    };
    purchases::act_as_test(&ssr::ctx()?, id, act).await.map_err(ssr::fail)?;
    ssr::redirect(paths::PURCHASES);
    Ok(())
}

/// Whom the viewer follows, from a cursor on.
#[server(prefix = "/api/fn", endpoint = "account/list_following")]
pub async fn list_following(
    #[server(default)] cursor: Option<String>,
) -> Result<Page<FollowedPublisher>, AppError> {
    let page = PageRequest { cursor, limit: None };
    resonant_backend::follows::list(&ssr::ctx()?, page).await.map_err(ssr::fail)
}

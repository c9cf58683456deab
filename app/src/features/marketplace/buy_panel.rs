//! Where a listing that costs something is bought, and tried once it is.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::listing::ListingSummary;
use resonant_domain::price::{Price, PriceKind};

use super::figures::price_text;
use super::follow_api::{BuyListing, FollowState, SaleState, ViewerStanding};
use super::listing_head::Install;
use crate::error::{AppError, action_error, field_error};
use crate::language::{key, tr};
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, ErrorPanel, Field, FormError, LinkButton, Skeleton, kept};

/// So many sessions are offered at first, where each is paid for.
const SESSIONS: &str = "10";

/// What a listing costs and the button that buys it; for those who have paid, the form that tries it.
pub(super) fn buy_panel(
    (listing, version): (&ListingSummary, i32),
    standing: Resource<Result<ViewerStanding, AppError>>,
    buy: ServerAction<BuyListing>,
    form: impl Fn() -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView {
    let (slug, price) = (listing.slug.clone(), listing.price);
    view! {
        <div id="get">
        <Transition fallback=|| view! { <Skeleton lines=4 /> }>
            {kept(move || {
                let (slug, form) = (slug.clone(), form.clone());
                async move {
                    match standing.await {
                        Ok(standing) if standing.sale == SaleState::Entitled => {
                            let is_counted = price.kind == PriceKind::PerExecution;
                            let more = (is_counted && has_paid(standing))
                                .then(|| more_sessions(slug.clone(), price, buy));
                            view! {
                                <Install slug version />
                                {form()}
                                {more}
                            }
                                .into_any()
                        }
                        Ok(standing) => offer(slug, price, standing.sale, buy),
                        Err(error) => view! { <ErrorPanel error /> }.into_any(),
                    }
                }
            })}
        </Transition>
        </div>
    }
    .into_any()
}

/// Whether the viewer may use what is for sale, and not because it is their own.
fn has_paid(standing: ViewerStanding) -> bool {
    standing.sale == SaleState::Entitled && standing.follow != Some(FollowState::Oneself)
}

/// The button that installs a paused listing, for those who have paid for it.
pub(super) fn held_panel(
    slug: String,
    version: i32,
    standing: Resource<Result<ViewerStanding, AppError>>,
) -> AnyView {
    view! {
        <Transition>
            {kept(move || {
                let slug = slug.clone();
                async move {
                    let standing = standing.await.ok()?;
                    has_paid(standing)
                        .then(|| {
                            view! {
                                <p>{tr("You have paid for it, so you still can.")}</p>
                                <Install slug version />
                            }
                        })
                }
            })}
        </Transition>
    }
    .into_any()
}

/// The form for those who have sessions left and want more of them.
fn more_sessions(slug: String, price: Price, buy: ServerAction<BuyListing>) -> AnyView {
    view! {
        <section class="try buy" aria-labelledby="buy-title">
            <h2 id="buy-title">{tr("Buy more sessions")}</h2>
            <p>{format!("{}: {}", tr(price.kind.title()), price_text(&price))}</p>
            {buy_form(slug, price, buy)}
        </section>
    }
    .into_any()
}

fn offer(slug: String, price: Price, state: SaleState, buy: ServerAction<BuyListing>) -> AnyView {
    let act = match state {
        SaleState::Nobody => {
            let next = paths::listing(&slug);
            view! {
                <p>{tr("Sign in to buy it.")}</p>
                <LinkButton href=paths::sign_in(&next) kind=ButtonKind::Primary>
                    {tr("Sign in")}
                </LinkButton>
            }
            .into_any()
        }
        SaleState::Guest => view! {
            <p>{tr("Create an account to buy it: what you buy belongs to a person who can come back.")}</p>
            <LinkButton href=paths::sign_up(&paths::listing(&slug)) kind=ButtonKind::Primary>
                {tr("Create an account")}
            </LinkButton>
        }
        .into_any(),
        SaleState::Buyer | SaleState::Entitled => buy_form(slug, price, buy),
    };
    view! {
        <section class="try buy" id="try" aria-labelledby="buy-title">
            <h2 id="buy-title">{format!("{}: {}", tr(price.kind.title()), price_text(&price))}</h2>
            <p>{tr(terms(price.kind))}</p>
            <p class="listing__note">
                {tr("What a session’s model costs to run comes on top, as with any agent.")}
            </p>
            {act}
        </section>
    }
    .into_any()
}

fn buy_form(slug: String, price: Price, buy: ServerAction<BuyListing>) -> AnyView {
    let error = action_error(buy);
    let quantity = (price.kind == PriceKind::PerExecution).then(|| {
        let typed = refused_form().text("quantity").unwrap_or_else(|| SESSIONS.to_owned());
        view! {
            <Field
                label=tr("Sessions")
                name="quantity"
                value=typed
                required=true
                maxlength=5
                autocomplete="off"
                hint=tr("How many you pay for now")
                error=field_error(error, "quantity")
            />
        }
    });
    let button = match price.kind {
        PriceKind::Subscription => tr("Subscribe"),
        PriceKind::Rental => tr("Rent it"),
        PriceKind::PerExecution => tr("Buy sessions"),
        PriceKind::OneTime | PriceKind::Free => tr("Buy it"),
    };
    view! {
        <ActionForm action=buy>
            <div class="form">
                <FormError error fields=&["quantity"] />
                <input type="hidden" name="slug" value=slug />
                {quantity}
                <Button kind=ButtonKind::Primary busy=buy.pending()>
                    {button}
                </Button>
            </div>
        </ActionForm>
    }
    .into_any()
}

const fn terms(kind: PriceKind) -> &'static str {
    match kind {
        PriceKind::Free => key("It costs nothing."),
        PriceKind::OneTime => key("It is yours for good, with all its new versions."),
        PriceKind::Subscription => key(
            "It is paid anew for each span of time until you cancel, and then lasts to the end of \
             what you paid.",
        ),
        PriceKind::PerExecution => key(
            "You pay for sessions beforehand, and each that you start uses one of them. Going on \
             with a session uses none.",
        ),
        PriceKind::Rental => key(
            "You pay once. When the time is over it starts no more sessions; it does not renew.",
        ),
    }
}

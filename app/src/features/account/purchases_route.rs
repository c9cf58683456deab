//! `/account/purchases`: what the viewer bought, and what their own listings earned.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::price::PriceKind;
use resonant_domain::purchase::{Earning, Entitlement, Purchase, PurchaseState, Sale};

use super::purchases_api::{CancelPurchase, RefundPurchase, Trade, list_purchases};
use crate::error::{AppError, action_error, successes};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Badge, Button, ButtonKind, EmptyState, FormError, IconName, LinkButton, PageHead, Skeleton,
    Time, Tone, own_page_fault,
};

/// The page of purchases.
pub struct PurchasesRoute {
    trade: Resource<Result<Trade, AppError>>,
    cancel: ServerAction<CancelPurchase>,
    refund: ServerAction<RefundPurchase>,
}

impl LazyPage for PurchasesRoute {
    fn data() -> Self {
        let query = use_query_map();
        let cursor = Memo::new(move |_| query.read().get("cursor"));
        let (cancel, refund) = (ServerAction::new(), ServerAction::new());
        let changes = (successes(cancel), successes(refund));
        let trade = Resource::new_blocking(
            move || (cursor.get(), changes.0.get(), changes.1.get()),
            |(cursor, _, _)| list_purchases(cursor),
        );
        Self { trade, cancel, refund }
    }

    fn view(this: Self) -> AnyView {
        let PurchasesRoute { trade, cancel, refund } = this;
        view! {
            <Title text="Purchases" />
            <Meta name="description" content="What you bought in the marketplace, and what you sold" />
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    match trade.await {
                        Ok(trade) => page(trade, cancel, refund),
                        Err(error) => own_page_fault(
                            "Purchases",
                            "Sign in to see what you bought.",
                            paths::PURCHASES,
                            error,
                        ),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn page(
    trade: Trade,
    cancel: ServerAction<CancelPurchase>,
    refund: ServerAction<RefundPurchase>,
) -> AnyView {
    let Trade { page, entitlements, earnings, sales } = trade;
    let rows: Vec<_> = page
        .items
        .into_iter()
        .map(|purchase| {
            let held = entitlements.iter().find(|(id, _)| *id == purchase.listing_id);
            row(purchase, held.map(|(_, held)| *held), cancel)
        })
        .collect();
    let list = if rows.is_empty() {
        view! {
            <EmptyState
                icon=IconName::Store
                title="Nothing bought yet"
                text="Most agents of the marketplace are free. What you pay for comes here."
            >
                <LinkButton href=paths::MARKETPLACE>"Open the marketplace"</LinkButton>
            </EmptyState>
        }
        .into_any()
    } else {
        view! { <ol class="reviews">{rows}</ol> }.into_any()
    };
    let older = page.next_cursor.map(|cursor| {
        view! {
            <p>
                <LinkButton href=paths::purchases_page(&cursor)>"Older purchases"</LinkButton>
            </p>
        }
    });
    let sold = (!earnings.is_empty()).then(|| view_sold(earnings, sales, refund));
    view! {
        <div class="account">
            <PageHead title="Purchases" lead="What you bought in the marketplace." />
            <FormError error=action_error(cancel) />
            {list}
            {older}
            {sold}
        </div>
    }
    .into_any()
}

/// How a state looks.
const fn tone(state: PurchaseState) -> Tone {
    match state {
        PurchaseState::Paid => Tone::Good,
        PurchaseState::Pending => Tone::Warn,
        PurchaseState::Cancelled | PurchaseState::Declined | PurchaseState::Refunded => Tone::Info,
    }
}

fn row(
    purchase: Purchase,
    held: Option<Entitlement>,
    cancel: ServerAction<CancelPurchase>,
) -> AnyView {
    let can_cancel = purchase.can_be_cancelled();
    let Purchase { id, slug, name, price, quantity, total, state, checkout_url, .. } = purchase;
    let paid = match price.kind {
        PriceKind::PerExecution => {
            format!("{quantity} sessions for {}", price.currency.text(total))
        }
        _ => price.to_string(),
    };
    let left = held
        .filter(|_| price.kind == PriceKind::PerExecution)
        .map(|held| format!(" · {} of all that you bought are left", held.executions_left()));
    let until = purchase.valid_until.map(|until| {
        let word = match (price.kind, state) {
            (PriceKind::Subscription, PurchaseState::Paid) => " · paid until ",
            _ => " · ends ",
        };
        view! { {word} <Time at=until /> }
    });
    let pay = checkout_url.map(|url| {
        view! {
            <a class="button button--primary" href=url rel="external">
                "Continue to payment" <span class="visually-hidden">" for " {name.clone()}</span>
            </a>
        }
    });
    let open = matches!(state, PurchaseState::Paid | PurchaseState::Cancelled).then(|| {
        view! { <LinkButton href=paths::listing(&slug)>"Open the listing"</LinkButton> }
    });
    let stop = can_cancel.then(|| {
        let text =
            if state == PurchaseState::Pending { "Give it up" } else { "Cancel subscription" };
        view! {
            <ActionForm action=cancel>
                <input type="hidden" name="id" value=id.to_string() />
                <Button busy=cancel.pending()>{text}</Button>
            </ActionForm>
        }
    });
    view! {
        <li class="review">
            <p class="review__head">
                <a href=paths::listing(&slug)>{name}</a>
                <Badge tone=tone(state)>{state.title()}</Badge>
                <span class="review__about">
                    <Time at=purchase.created_at />
                </span>
            </p>
            <p>{paid} {left} {until}</p>
            <div class="publish__buttons">{pay} {open} {stop}</div>
        </li>
    }
    .into_any()
}

/// What the viewer's listings earned, and the newest sales.
fn view_sold(
    earnings: Vec<Earning>,
    sales: Vec<Sale>,
    refund: ServerAction<RefundPurchase>,
) -> AnyView {
    let sums: Vec<_> = earnings
        .into_iter()
        .map(|earning| {
            view! {
                <tr>
                    <th scope="row">
                        <a href=paths::listing(&earning.slug)>{earning.name}</a>
                    </th>
                    <td>{earning.payments}</td>
                    <td>{earning.refunds}</td>
                    <td>{earning.currency.text(earning.amount)}</td>
                </tr>
            }
        })
        .collect();
    let sales: Vec<_> = sales
        .into_iter()
        .map(|sale| {
            let can_refund = matches!(sale.state, PurchaseState::Paid | PurchaseState::Cancelled);
            let back = can_refund.then(|| {
                view! {
                    <ActionForm action=refund>
                        <input type="hidden" name="id" value=sale.id.to_string() />
                        <Button kind=ButtonKind::Danger busy=refund.pending()>
                            {format!("Give {} back", sale.price.currency.text(sale.total))}
                        </Button>
                    </ActionForm>
                }
            });
            view! {
                <li class="review">
                    <p class="review__head">
                        <span>{sale.slug} ", " {sale.price.to_string()}</span>
                        <Badge tone=tone(sale.state)>{sale.state.title()}</Badge>
                        <span class="review__about">
                            <Time at=sale.created_at />
                        </span>
                    </p>
                    {back}
                </li>
            }
        })
        .collect();
    view! {
        <section class="account__part" aria-labelledby="earnings-title">
            <h2 id="earnings-title">"What your listings earned"</h2>
            <div class="earnings" tabindex="0" role="group" aria-label="Earnings by listing">
                <table class="earnings__table">
                    <thead>
                        <tr>
                            <th scope="col">"Listing"</th>
                            <th scope="col">"Payments"</th>
                            <th scope="col">"Given back"</th>
                            <th scope="col">"Earned"</th>
                        </tr>
                    </thead>
                    <tbody>{sums}</tbody>
                </table>
            </div>
            <FormError error=action_error(refund) />
            <details>
                <summary>"The newest sales"</summary>
                <ol class="reviews">{sales}</ol>
            </details>
        </section>
    }
    .into_any()
}

//! `/account/purchases`: what the viewer bought, and what their own listings earned.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::page::Page;
use resonant_domain::price::PriceKind;
use resonant_domain::purchase::{Earning, Entitlement, Purchase, PurchaseState, Sale};

use super::purchases_api::{CancelPurchase, RefundPurchase, Trade, list_purchases};
use crate::error::{AppError, action_error, successes};
use crate::features::marketplace::api::InstallListing;
use crate::features::marketplace::price_text;
use crate::language::{money, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Badge, Button, ButtonKind, EmptyState, FormError, IconName, LinkButton, PageHead, PageLinks,
    Skeleton, Time, Tone, kept, own_page_fault,
};

/// From where on each list is shown; from its beginning where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Asked {
    purchases: Option<String>,
    earnings: Option<String>,
    sales: Option<String>,
}

/// The page of purchases.
pub struct PurchasesRoute {
    /// What was asked for, and what the server answered.
    trade: Resource<(Asked, Result<Trade, AppError>)>,
    cancel: ServerAction<CancelPurchase>,
    refund: ServerAction<RefundPurchase>,
    install: ServerAction<InstallListing>,
}

impl LazyPage for PurchasesRoute {
    fn data() -> Self {
        let query = use_query_map();
        let asked = Memo::new(move |_| {
            let query = query.read();
            Asked {
                purchases: query.get("cursor"),
                earnings: query.get("earnings"),
                sales: query.get("sales"),
            }
        });
        let (cancel, refund) = (ServerAction::new(), ServerAction::new());
        let changes = (successes(cancel), successes(refund));
        let trade = Resource::new_blocking(
            move || (asked.get(), changes.0.get(), changes.1.get()),
            |(asked, _, _)| async move {
                let Asked { purchases, earnings, sales } = asked.clone();
                (asked, list_purchases(purchases, earnings, sales).await)
            },
        );
        Self { trade, cancel, refund, install: ServerAction::new() }
    }

    fn view(this: Self) -> AnyView {
        let PurchasesRoute { trade, cancel, refund, install } = this;
        view! {
            <Title text=tr("Purchases") />
            <Meta name="description" content=tr("What you bought in the marketplace, and what you sold") />
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {kept(move || async move {
                    let (asked, trade) = trade.await;
                    match trade {
                        Ok(trade) => page(&asked, trade, (cancel, install), refund),
                        Err(error) => own_page_fault(
                            tr("Purchases"),
                            tr("Sign in to see what you bought."),
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
    asked: &Asked,
    trade: Trade,
    (cancel, install): (ServerAction<CancelPurchase>, ServerAction<InstallListing>),
    refund: ServerAction<RefundPurchase>,
) -> AnyView {
    let Trade { page, entitlements, gone, to_add, earnings, sales } = trade;
    let Page { items, next_cursor } = page;
    let rows: Vec<_> = items
        .into_iter()
        .map(|purchase| {
            let held = entitlements.iter().find(|(id, _)| *id == purchase.listing_id);
            let has_page = !gone.contains(&purchase.listing_id);
            let add = to_add.contains(&purchase.listing_id).then_some(install);
            row(purchase, held.map(|(_, held)| *held), has_page, (cancel, add))
        })
        .collect();
    let list = if rows.is_empty() && asked.purchases.is_none() {
        view! {
            <EmptyState
                icon=IconName::Store
                title=tr("Nothing bought yet")
                text=tr("Most agents of the marketplace are free. What you pay for comes here.")
            >
                <LinkButton href=paths::MARKETPLACE>{tr("Open the marketplace")}</LinkButton>
            </EmptyState>
        }
        .into_any()
    } else {
        view! { <ol class="reviews">{rows}</ol> }.into_any()
    };
    let first = asked.purchases.is_some().then(|| paths::PURCHASES.to_owned());
    let sells = asked.earnings.is_some() || !earnings.items.is_empty();
    let sold = sells.then(|| view_sold(asked, earnings, sales, refund));
    view! {
        <div class="account">
            <PageHead title=tr("Purchases") lead=tr("What you bought in the marketplace.") />
            <FormError error=action_error(cancel) />
            <FormError error=action_error(install) />
            {list}
            <PageLinks
                next=next_cursor.as_deref().map(paths::purchases_page)
                more=tr("Older purchases")
                first
                back=tr("Back to the newest")
            />
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

/// What a state is called: what ends a subscription is another word than what calls off a purchase, in
/// some languages.
pub(super) fn state_text(state: PurchaseState, kind: PriceKind) -> &'static str {
    match (state, kind) {
        (PurchaseState::Cancelled, PriceKind::Subscription) => tr("Cancelled|subscription"),
        (PurchaseState::Cancelled, _) => tr("Cancelled|purchase"),
        _ => tr(state.title()),
    }
}

fn row(
    purchase: Purchase,
    held: Option<Entitlement>,
    has_page: bool,
    (cancel, add): (ServerAction<CancelPurchase>, Option<ServerAction<InstallListing>>),
) -> AnyView {
    let can_cancel = purchase.can_be_cancelled();
    let Purchase { id, slug, name, price, quantity, total, state, checkout_url, .. } = purchase;
    let paid = match price.kind {
        PriceKind::PerExecution => {
            let total = money(price.currency.text(total));
            tr_with(
                "{quantity} sessions for {total}",
                &[("quantity", &quantity), ("total", &total)],
            )
        }
        _ => price_text(&price),
    };
    let left = held.filter(|_| price.kind == PriceKind::PerExecution).map(|held| {
        let left = held.executions_left();
        tr_with(" · {left} of all that you bought are left", &[("left", &left)])
    });
    let until = purchase.valid_until.map(|until| {
        let word = match (price.kind, state) {
            (PriceKind::Subscription, PurchaseState::Paid) => tr(" · paid until "),
            _ => tr(" · ends "),
        };
        view! { {word} <Time at=until /> }
    });
    let pay = checkout_url.map(|url| {
        view! {
            <a class="button button--primary" href=url rel="external">
                {tr("Continue to payment")}
                <span class="visually-hidden">{tr(" for ")} {name.clone()}</span>
            </a>
        }
    });
    let is_bought = matches!(state, PurchaseState::Paid | PurchaseState::Cancelled);
    // Its page may be gone, or say that nobody installs it for now: who has paid adds it from here.
    let add = add.filter(|_| is_bought).map(|install| {
        let (slug, name) = (slug.clone(), name.clone());
        add_form(slug, name, install)
    });
    let open = (is_bought && has_page).then(|| {
        view! { <LinkButton href=paths::listing(&slug)>{tr("Open the listing")}</LinkButton> }
    });
    let stop = can_cancel.then(|| {
        let text = if state == PurchaseState::Pending {
            tr("Give it up")
        } else {
            tr("Cancel subscription")
        };
        view! {
            <ActionForm action=cancel>
                <input type="hidden" name="id" value=id.to_string() />
                <Button busy=cancel.pending()>{text}</Button>
            </ActionForm>
        }
    });
    let name = if has_page {
        view! { <a href=paths::listing(&slug)>{name}</a> }.into_any()
    } else {
        view! { <span>{name}</span> }.into_any()
    };
    view! {
        <li class="review">
            <p class="review__head">
                {name}
                <Badge tone=tone(state)>{state_text(state, price.kind)}</Badge>
                <span class="review__about">
                    <Time at=purchase.created_at />
                </span>
            </p>
            <p>{paid} {left} {until}</p>
            <div class="publish__buttons">{pay} {add} {open} {stop}</div>
        </li>
    }
    .into_any()
}

/// Adds what was bought to the viewer's studio. In the version that is there: it is paid for.
fn add_form(slug: String, name: String, install: ServerAction<InstallListing>) -> AnyView {
    view! {
        <ActionForm action=install>
            <input type="hidden" name="slug" value=slug />
            <Button kind=ButtonKind::Primary busy=install.pending()>
                {tr("Add to my studio")}
                <span class="visually-hidden">": " {name}</span>
            </Button>
        </ActionForm>
    }
    .into_any()
}

/// What the viewer's listings earned, and who bought them.
fn view_sold(
    asked: &Asked,
    earnings: Page<Earning>,
    sales: Page<Sale>,
    refund: ServerAction<RefundPurchase>,
) -> AnyView {
    let first = |is_later: bool| is_later.then(|| format!("{}#earnings-title", paths::PURCHASES));
    let is_later = asked.sales.is_some();
    let (first_earnings, first_sales) = (first(asked.earnings.is_some()), first(is_later));
    let summary = if is_later { tr("Older sales") } else { tr("The newest sales") };
    let next_earnings = earnings.next_cursor.as_deref().map(paths::earnings_page);
    let next_sales = sales.next_cursor.as_deref().map(paths::sales_page);
    let sums: Vec<_> = earnings
        .items
        .into_iter()
        .map(|earning| {
            view! {
                <tr>
                    <th scope="row">
                        <a href=paths::listing(&earning.slug)>{earning.name}</a>
                    </th>
                    <td>{earning.payments}</td>
                    <td>{earning.refunds}</td>
                    <td>{money(earning.currency.text(earning.amount))}</td>
                </tr>
            }
        })
        .collect();
    let sales: Vec<_> = sales
        .items
        .into_iter()
        .map(|sale| {
            let can_refund = matches!(sale.state, PurchaseState::Paid | PurchaseState::Cancelled);
            let back = can_refund.then(|| {
                let amount = money(sale.price.currency.text(sale.total));
                view! {
                    <ActionForm action=refund>
                        <input type="hidden" name="id" value=sale.id.to_string() />
                        <Button kind=ButtonKind::Danger busy=refund.pending()>
                            {tr_with("Give {amount} back", &[("amount", &amount)])}
                        </Button>
                    </ActionForm>
                }
            });
            view! {
                <li class="review">
                    <p class="review__head">
                        <span>{sale.slug} ", " {price_text(&sale.price)}</span>
                        <Badge tone=tone(sale.state)>{state_text(sale.state, sale.price.kind)}</Badge>
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
            <h2 id="earnings-title">{tr("What your listings earned")}</h2>
            <div class="earnings" tabindex="0" role="group" aria-label=tr("Earnings by listing")>
                <table class="earnings__table">
                    <thead>
                        <tr>
                            <th scope="col">{tr("Listing")}</th>
                            <th scope="col">{tr("Payments")}</th>
                            <th scope="col">{tr("Given back")}</th>
                            <th scope="col">{tr("Earned")}</th>
                        </tr>
                    </thead>
                    <tbody>{sums}</tbody>
                </table>
            </div>
            <PageLinks
                next=next_earnings
                more=tr("More listings")
                first=first_earnings
                back=tr("Back to the beginning of the list")
            />
            <FormError error=action_error(refund) />
            <details id="sales" open=is_later>
                <summary>{summary}</summary>
                <ol class="reviews">{sales}</ol>
                <PageLinks
                    next=next_sales
                    more=tr("Older sales")
                    first=first_sales
                    back=tr("Back to the newest")
                />
            </details>
        </section>
    }
    .into_any()
}

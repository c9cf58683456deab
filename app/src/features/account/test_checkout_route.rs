//! `/checkout/test/{id}`: where a purchase is paid with money that is none.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_params_map;
use resonant_domain::price::PriceKind;
use resonant_domain::purchase::{Purchase, PurchaseState};

use super::purchases_api::{ActAtTestCheckout, get_test_checkout};
use super::purchases_route::state_text;
use crate::error::{AppError, action_error};
use crate::features::marketplace::price_text;
use crate::language::{key, money, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    Button, ButtonKind, FormError, LinkButton, Notice, PageHead, Skeleton, Tone, cannot_be_shown,
    kept,
};

/// The checkout of the test provider.
pub struct TestCheckoutRoute {
    purchase: Resource<Result<Purchase, AppError>>,
    act: ServerAction<ActAtTestCheckout>,
}

impl LazyPage for TestCheckoutRoute {
    fn data() -> Self {
        let params = use_params_map();
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        let purchase = Resource::new_blocking(
            move || id.get(),
            |id| async move {
                let id = id
                    .parse()
                    .map_err(|_| AppError::not_found(key("There is no such purchase")))?;
                get_test_checkout(id).await
            },
        );
        Self { purchase, act: ServerAction::new() }
    }

    fn view(this: Self) -> AnyView {
        let TestCheckoutRoute { purchase, act } = this;
        view! {
            <Title text=tr("Test checkout") />
            <Meta name="description" content=tr("A checkout for tests: no money moves") />
            <Transition fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {kept(move || async move {
                    match purchase.await {
                        Ok(purchase) => page(&purchase, act),
                        Err(error) => cannot_be_shown(tr("There is no such checkout"), error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn page(purchase: &Purchase, act: ServerAction<ActAtTestCheckout>) -> AnyView {
    let id = purchase.id.to_string();
    let total = money(purchase.price.currency.text(purchase.total));
    let button = |name: &'static str, kind: ButtonKind, text: String| {
        let id = id.clone();
        view! {
            <ActionForm action=act>
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="act" value=name />
                <Button kind=kind busy=act.pending()>{text}</Button>
            </ActionForm>
        }
        .into_any()
    };
    let kind = purchase.price.kind;
    let renews = kind == PriceKind::Subscription;
    let buttons = match purchase.state {
        PurchaseState::Pending => vec![
            button("approve", ButtonKind::Primary, tr_with("Pay {total}", &[("total", &total)])),
            button("decline", ButtonKind::Secondary, tr("Decline").to_owned()),
        ],
        PurchaseState::Paid if renews => {
            let text = tr_with("Pay {total} once more", &[("total", &total)]);
            vec![button("renew", ButtonKind::Secondary, text)]
        }
        _ => Vec::new(),
    };
    let done = (purchase.state != PurchaseState::Pending)
        .then(|| view! { <p>{tr("This purchase: ")} {state_text(purchase.state, kind)}</p> });
    let lead = format!("{}, {}", purchase.name, price_text(&purchase.price));
    view! {
        <div class="account">
            <PageHead title=tr("Test checkout") lead=lead>
                <LinkButton href=paths::PURCHASES>{tr("Your purchases")}</LinkButton>
            </PageHead>
            <Notice tone=Tone::Warn>
                <p>
                    {tr("This is a test: no money moves. What you press here is told to Resonant as a \
                     payment provider would tell it.")}
                </p>
            </Notice>
            {done}
            <FormError error=action_error(act) />
            <div class="publish__buttons">{buttons}</div>
        </div>
    }
    .into_any()
}

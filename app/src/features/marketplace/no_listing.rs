//! Where no listing is, or none that anybody sees: who reviewed it finds their own words there all the same.

use leptos::prelude::*;
use leptos_meta::Title;

use super::review_api::get_own_review;
use super::review_form::delete_form;
use super::reviews_panel::ReviewActions;
use crate::error::action_error;
use crate::language::tr;
use crate::paths;
use crate::ui::{ButtonKind, EmptyState, FormError, IconName, LinkButton, kept};

/// Says that there is no such listing.
#[component]
pub(super) fn NoListing(
    /// What stands in the address.
    slug: String,
    /// What can be done with reviews.
    actions: ReviewActions,
) -> impl IntoView {
    let slug = StoredValue::new(slug);
    let own = Resource::new(move || actions.changes(), move |_| get_own_review(slug.get_value()));
    view! {
        <Title text=tr("Listing not found") />
        <h1 class="visually-hidden">{tr("Listing not found")}</h1>
        <EmptyState
            icon=IconName::Store
            title=tr("There is no such listing")
            text=tr("It may have been taken back by its publisher, or the address was mistyped.")
        >
            <LinkButton href=paths::MARKETPLACE kind=ButtonKind::Primary>
                {tr("Browse the marketplace")}
            </LinkButton>
            <LinkButton href=paths::NEW_AGENT>{tr("Build your own agent")}</LinkButton>
        </EmptyState>
        <FormError error=action_error(actions.delete) />
        <Transition>
            {kept(move || async move {
                let review = own.await.ok().flatten().filter(|review| !review.text.is_empty())?;
                Some(view! {
                    <section class="review-form" aria-labelledby="own-review-title">
                        <h2 id="own-review-title">{tr("Your review")}</h2>
                        <p class="listing__note">
                            {tr("The listing is not in the marketplace at present, and your review with it.")}
                        </p>
                        <p class="review__text">{review.text}</p>
                        {delete_form(slug.get_value(), review.id, actions)}
                    </section>
                })
            })}
        </Transition>
    }
}

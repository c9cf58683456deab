//! The head of a listing: picture, name, what people think of it, and the button that installs it.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::listing::ListingSummary;

use super::api::InstallListing;
use super::figures;
use super::listing_card::{Rating, verified_mark};
use crate::error::action_error;
use crate::language::tr;
use crate::paths;
use crate::ui::{AvatarSize, Button, ButtonKind, FormError, Icon, IconName, listing_avatar};

/// The head of a listing.
#[component]
pub(super) fn ListingHead(
    /// The listing.
    listing: ListingSummary,
    /// The version that it is in.
    version: i32,
    /// Whether nobody can install it for now.
    is_paused: bool,
    /// The button that follows its publisher.
    follow: AnyView,
) -> impl IntoView {
    let slug = listing.slug.clone();
    let price = figures::price_text(&listing.price);
    let actions = (!is_paused).then(|| {
        // What is for sale is bought, and then added, further down.
        if !listing.price.is_free() {
            return view! {
                <div class="listing__actions">
                    <a class="button button--primary" href="#get">
                        {price.clone()}
                    </a>
                </div>
            }
            .into_any();
        }
        view! {
            <div class="listing__actions">
                <a class="button button--primary" href="#try">
                    <Icon name=IconName::Play />
                    {tr("Try it now")}
                </a>
                <Install slug version />
            </div>
        }
        .into_any()
    });
    let installs = figures::installs(&listing);
    let rating = figures::stars(&listing);
    let publisher = match &listing.publisher_handle {
        Some(handle) => {
            view! { <a href=paths::publisher(handle)>{listing.publisher.clone()}</a> }.into_any()
        }
        None => listing.publisher.clone().into_any(),
    };
    view! {
        <nav class="listing__way" aria-label=tr("Where you are")>
            <a href=paths::MARKETPLACE>{tr("Marketplace")}</a>
            <Icon name=IconName::ChevronRight />
            <a href=paths::category(listing.category)>{tr(listing.category.title())}</a>
        </nav>
        <header class="listing__head">
            {listing_avatar(listing.avatar, listing.picture, AvatarSize::Large)}
            <div class="listing__names">
                <h1 class="listing__name">{listing.name}</h1>
                <p class="listing__tagline">{listing.tagline}</p>
                <p class="listing__figures">
                    <span>{tr("by ")} {publisher} {listing.is_verified.then(verified_mark)}</span>
                    <Rating stars=rating count=listing.rating_count />
                    <span>{installs}</span>
                    <span class="listing__price">{price}</span>
                </p>
                {follow}
            </div>
            {actions}
        </header>
    }
}

/// Adds the listing's agent to the viewer's studio. A plain form, so that it needs no script.
#[component]
pub(super) fn Install(
    /// The listing.
    slug: String,
    /// The version that the viewer sees: another one is not installed.
    version: i32,
) -> impl IntoView {
    let install = ServerAction::<InstallListing>::new();
    let error = action_error(install);
    view! {
        <ActionForm action=install>
            <input type="hidden" name="slug" value=slug />
            <input type="hidden" name="version" value=version.to_string() />
            <Button kind=ButtonKind::Secondary busy=install.pending()>
                <Icon name=IconName::Plus />
                {tr("Add to my studio")}
            </Button>
        </ActionForm>
        <FormError error=error />
    }
}

//! A listing that nobody sees but its publisher.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::listing::ListingState;

use super::api::OpenedListing;
use super::listing_route::{Parts, listing_page};
use crate::language::tr;
use crate::ui::{Notice, Tone};

/// Whether it is one that was taken off, or removed.
pub(super) fn is_taken_off(opened: &OpenedListing) -> bool {
    matches!(opened.listing.state, ListingState::Unlisted | ListingState::Removed)
}

/// Its page, with a note in the place of what others would do there.
pub(super) fn taken_off_page(opened: OpenedListing) -> AnyView {
    let text = match opened.listing.state {
        ListingState::Removed => tr("Moderators removed this listing: nobody but you sees it."),
        _ => tr("You have taken this listing off: nobody but you sees it."),
    };
    let note = view! {
        <Notice tone=Tone::Warn>
            <p>{text}</p>
        </Notice>
    }
    .into_any();
    view! {
        <Title text=opened.listing.summary.name.clone() />
        <Meta name="description" content=opened.listing.summary.tagline.clone() />
        {listing_page(opened, Parts::of_preview(note))}
    }
    .into_any()
}

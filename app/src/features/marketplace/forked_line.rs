//! From which listing an agent was copied.

use leptos::prelude::*;
use resonant_domain::listing::ForkedFrom;

use crate::language::{tr, tr_with};
use crate::paths;

/// One line about where an agent came from; the name leads there while it is in the marketplace.
pub(crate) fn forked_line(from: ForkedFrom) -> AnyView {
    let ForkedFrom { slug, name, publisher, version } = from;
    let name = match slug {
        Some(slug) => view! { <a href=paths::listing(&slug)>{name}</a> }.into_any(),
        None => view! { <b>{name}</b> }.into_any(),
    };
    let about = tr_with(
        " by {publisher}, version {version}.",
        &[("publisher", &publisher), ("version", &version)],
    );
    view! { <p class="listing__note">{tr("Copied from ")} {name} {about}</p> }.into_any()
}

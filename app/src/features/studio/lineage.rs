//! From which listing an agent was copied, in its editor.

use leptos::prelude::*;
use resonant_domain::{AgentId, ListingId};

use crate::features::marketplace::forked_line;
use crate::features::publishing::api::get_origin;

/// One line about where a copy came from; nothing for an agent that came from nowhere else.
pub(super) fn lineage(id: AgentId, listing: Option<ListingId>) -> AnyView {
    if listing.is_none() {
        return ().into_any();
    }
    let origin = Resource::new(|| (), move |()| get_origin(id));
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move { origin.await.ok().flatten().map(forked_line) })}
        </Transition>
    }
    .into_any()
}

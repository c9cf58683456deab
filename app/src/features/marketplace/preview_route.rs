//! `/studio/agents/{id}/publish/preview`: a listing as its page will look, before it is handed in.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_params_map;
use resonant_domain::AgentId;

use super::api::{OpenedListing, get_preview};
use super::listing_card::not_to_be_seen;
use super::listing_route::{Parts, listing_page};
use crate::error::AppError;
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{LinkButton, Notice, Skeleton, Tone, kept};

/// The preview.
pub struct PreviewRoute(Resource<Result<(AgentId, OpenedListing), AppError>>);

impl LazyPage for PreviewRoute {
    fn data() -> Self {
        let params = use_params_map();
        let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
        Self(Resource::new_blocking(
            move || id.get(),
            |id| async move {
                let id =
                    id.parse().map_err(|_| AppError::not_found(key("There is no such agent")))?;
                Ok((id, get_preview(id).await?))
            },
        ))
    }

    fn view(this: Self) -> AnyView {
        let preview = this.0;
        view! {
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {kept(move || async move {
                    match preview.await {
                        Ok((id, opened)) => page(id, opened),
                        Err(error) => not_to_be_seen(error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn page(id: AgentId, opened: OpenedListing) -> AnyView {
    let note = view! {
        <Notice tone=Tone::Info>
            <p>{tr("This is how the page will look. Nobody but you sees it; trying and installing come with the approval.")}</p>
            <LinkButton href=paths::publish(id)>{tr("Back to publishing")}</LinkButton>
        </Notice>
    }
    .into_any();
    view! {
        <Title text=tr_with("Preview of {name}", &[("name", &opened.listing.summary.name)]) />
        <Meta name="description" content=opened.listing.summary.tagline.clone() />
        {listing_page(opened, Parts::of_preview(note))}
    }
    .into_any()
}

//! `/publishers/{handle}`: who publishes listings, and which.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use resonant_domain::publisher::Publisher;

use super::api::{MarkPublisher, get_publisher};
use super::figures::{self, counted};
use super::listing_card::{Rating, listings_section, not_to_be_seen, verified_mark};
use crate::error::{AppError, action_error, successes};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::public_head::PublicHead;
use crate::state::use_viewer;
use crate::ui::{Button, FormError, PageHead, Skeleton, Time};

/// A publisher.
pub struct PublisherRoute {
    publisher: Resource<Result<Publisher, AppError>>,
    mark: ServerAction<MarkPublisher>,
}

impl LazyPage for PublisherRoute {
    fn data() -> Self {
        let params = use_params_map();
        let handle = Memo::new(move |_| params.read().get("handle").unwrap_or_default());
        let mark = ServerAction::new();
        let changes = successes(mark);
        let publisher = Resource::new_blocking(
            move || (handle.get(), changes.get()),
            |(handle, _)| get_publisher(handle),
        );
        Self { publisher, mark }
    }

    fn view(this: Self) -> AnyView {
        let PublisherRoute { publisher, mark } = this;
        view! {
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    match publisher.await {
                        Ok(publisher) => view! { <Page publisher mark /> }.into_any(),
                        Err(error) => not_to_be_seen(error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Page(publisher: Publisher, mark: ServerAction<MarkPublisher>) -> impl IntoView {
    #[cfg(feature = "ssr")]
    let data = super::listing_data::publisher_json_ld(&publisher);
    // Search engines read what the server writes.
    #[cfg(not(feature = "ssr"))]
    let data = String::new();
    let Publisher { handle, name, bio, is_verified, created_at, listings, .. } = publisher;
    let about = if bio.is_empty() { format!("Agents published by {name}") } else { bio.clone() };
    let stars = figures::tenths(publisher.rating_hundredths, publisher.rating_count);
    let count = i64::try_from(listings.len()).unwrap_or(i64::MAX);
    let bio = (!bio.is_empty()).then(|| view! { <p class="review__text">{bio}</p> });
    view! {
        <Title text=name.clone() />
        <PublicHead title=name.clone() description=about path=paths::publisher(&handle) />
        <script type="application/ld+json" inner_html=data></script>
        <div class="marketplace">
            <PageHead title=name lead=format!("@{handle}")>
                {is_verified.then(verified_mark)}
            </PageHead>
            {bio}
            <p class="listing__figures">
                <span>{counted(count, "listing")}</span>
                <span>{counted(publisher.installs, "install")}</span>
                <Rating stars count=publisher.rating_count />
                <span>"here since " <Time at=created_at /></span>
            </p>
            <Moderate handle is_verified mark />
            {listings_section(
                listings,
                "Nothing is published yet",
                "What they publish will stand here.",
            )}
        </div>
    }
}

/// What moderators alone see.
#[component]
fn Moderate(handle: String, is_verified: bool, mark: ServerAction<MarkPublisher>) -> impl IntoView {
    let viewer = use_viewer();
    let handle = StoredValue::new(handle);
    let form = move || {
        view! {
            <FormError error=action_error(mark) />
            <ActionForm action=mark>
                <input type="hidden" name="handle" value=handle.get_value() />
                <input type="hidden" name="is_verified" value=(!is_verified).to_string() />
                <Button busy=mark.pending()>
                    {if is_verified { "Take the mark back" } else { "Mark as verified" }}
                </Button>
            </ActionForm>
        }
        .into_any()
    };
    view! {
        <Transition>
            {move || Suspend::new(async move {
                viewer.load().await.filter(|viewer| viewer.is_admin).map(|_| form())
            })}
        </Transition>
    }
}

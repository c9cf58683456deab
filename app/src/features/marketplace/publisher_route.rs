//! `/publishers/{handle}`: who publishes listings, and which.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use resonant_domain::publisher::Publisher;

use super::api::{MarkPublisher, get_publisher};
use super::figures::{self, counted};
use super::follow_api::{FollowState, SetFollowing, get_follow};
use super::follow_button::follow_form;
use super::listing_card::{Rating, listings_section, not_to_be_seen, verified_mark};
use crate::error::{AppError, action_error, successes};
use crate::language::{key, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::public_head::{PublicHead, cards};
use crate::state::use_viewer;
use crate::ui::{Button, FormError, PageHead, PageLinks, Skeleton, Time, kept};

/// A publisher.
pub struct PublisherRoute {
    /// Whether it is a later page of the listings, and what the server answered.
    publisher: Resource<(bool, Result<Publisher, AppError>)>,
    mark: ServerAction<MarkPublisher>,
    follow: ServerAction<SetFollowing>,
    state: Resource<Result<FollowState, AppError>>,
}

impl LazyPage for PublisherRoute {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let cursor = Memo::new(move |_| query.read().get("cursor"));
        let handle = Memo::new(move |_| params.read().get("handle").unwrap_or_default());
        let (mark, follow) = (ServerAction::new(), ServerAction::new());
        let (changes, followed) = (successes(mark), successes(follow));
        let publisher = Resource::new_blocking(
            move || (handle.get(), cursor.get(), changes.get(), followed.get()),
            |(handle, cursor, _, _)| async move {
                (cursor.is_some(), get_publisher(handle, cursor).await)
            },
        );
        let state =
            Resource::new(move || (handle.get(), followed.get()), |(handle, _)| get_follow(handle));
        Self { publisher, mark, follow, state }
    }

    fn view(this: Self) -> AnyView {
        let PublisherRoute { publisher, mark, follow, state } = this;
        view! {
            <Transition fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {kept(move || async move {
                    let (is_later, publisher) = publisher.await;
                    match publisher {
                        Ok(publisher) => {
                            view! { <Page publisher is_later mark follow state /> }.into_any()
                        }
                        Err(error) => not_to_be_seen(error),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Page(
    publisher: Publisher,
    is_later: bool,
    mark: ServerAction<MarkPublisher>,
    follow: ServerAction<SetFollowing>,
    state: Resource<Result<FollowState, AppError>>,
) -> impl IntoView {
    #[cfg(feature = "ssr")]
    let data = super::listing_data::publisher_json_ld(&publisher);
    // Search engines read what the server writes.
    #[cfg(not(feature = "ssr"))]
    let data = String::new();
    let card = cards::of_publisher(&publisher);
    let Publisher { handle, name, bio, is_verified, created_at, listings, next_cursor, .. } =
        publisher;
    let about = if bio.is_empty() {
        tr_with("Agents published by {name}", &[("name", &name)])
    } else {
        bio.clone()
    };
    let stars = figures::tenths(publisher.rating_hundredths, publisher.rating_count);
    let next = next_cursor.map(|cursor| paths::publisher_page(&handle, &cursor));
    let first = is_later.then(|| paths::publisher(&handle));
    let (whom, back) = ((handle.clone(), name.clone()), paths::publisher(&handle));
    let follow = view! {
        <Transition>
            {kept(move || {
                let (whom, back) = (whom.clone(), back.clone());
                async move { Some(follow_form(follow, state.await.ok()?, whom, back)) }
            })}
        </Transition>
    }
    .into_any();
    let bio = (!bio.is_empty()).then(|| view! { <p class="review__text">{bio}</p> });
    view! {
        <Title text=name.clone() />
        <PublicHead title=name.clone() description=about path=paths::publisher(&handle) card />
        <script type="application/ld+json" inner_html=data></script>
        <div class="marketplace">
            <PageHead title=name lead=format!("@{handle}")>
                {is_verified.then(verified_mark)}
                {follow}
            </PageHead>
            {bio}
            <p class="listing__figures">
                <span>
                    {counted(publisher.listing_count, key("{n} listing"), key("{n} listings"))}
                </span>
                <span>{counted(publisher.installs, key("{n} install"), key("{n} installs"))}</span>
                <span>{counted(publisher.sessions, key("{n} session"), key("{n} sessions"))}</span>
                <span>{counted(publisher.followers, key("{n} follower"), key("{n} followers"))}</span>
                <Rating stars count=publisher.rating_count />
                <span>{tr("here since ")} <Time at=created_at /></span>
            </p>
            <Moderate handle is_verified mark />
            {listings_section(
                listings,
                tr("Nothing is published yet"),
                tr("What they publish will stand here."),
            )}
            <PageLinks
                next
                more=tr("Show more")
                first
                back=tr("Back to the beginning of the list")
            />
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
                    {if is_verified { tr("Take the mark back") } else { tr("Mark as verified") }}
                </Button>
            </ActionForm>
        }
        .into_any()
    };
    view! {
        <Transition>
            {kept(move || async move {
                viewer.load().await.filter(|viewer| viewer.is_admin).map(|_| form())
            })}
        </Transition>
    }
}

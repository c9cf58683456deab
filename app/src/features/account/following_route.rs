//! `/account/following`: the publishers whom the viewer follows.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::publisher::FollowedPublisher;

use super::purchases_api::list_following;
use crate::error::{AppError, successes};
use crate::features::marketplace::{FollowState, SetFollowing, follow_form, verified_mark};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{EmptyState, IconName, LinkButton, PageHead, Skeleton, Time, own_page_fault};

/// The publishers whom the viewer follows.
pub struct FollowingRoute {
    following: Resource<Result<Vec<FollowedPublisher>, AppError>>,
    set: ServerAction<SetFollowing>,
}

impl LazyPage for FollowingRoute {
    fn data() -> Self {
        let set = ServerAction::new();
        let changes = successes(set);
        let following = Resource::new_blocking(move || changes.get(), |_| list_following());
        Self { following, set }
    }

    fn view(this: Self) -> AnyView {
        let FollowingRoute { following, set } = this;
        view! {
            <Title text="Following" />
            <Meta name="description" content="The publishers whom you follow" />
            <Transition fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {move || Suspend::new(async move {
                    match following.await {
                        Ok(following) => page(following, set),
                        Err(error) => own_page_fault(
                            "Following",
                            "Sign in to see whom you follow.",
                            paths::FOLLOWING,
                            error,
                        ),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn page(following: Vec<FollowedPublisher>, set: ServerAction<SetFollowing>) -> AnyView {
    let rows: Vec<_> = following
        .into_iter()
        .map(|publisher| {
            let FollowedPublisher { handle, name, is_verified, followed_at } = publisher;
            let whom = (handle.clone(), name.clone());
            let form = follow_form(set, FollowState::Yes, whom, paths::FOLLOWING.to_owned());
            view! {
                <li class="review">
                    <p class="review__head">
                        <a href=paths::publisher(&handle)>{name}</a>
                        {is_verified.then(verified_mark)}
                        <span class="review__about">"since " <Time at=followed_at /></span>
                    </p>
                    {form}
                </li>
            }
        })
        .collect();
    let list = if rows.is_empty() {
        view! {
            <EmptyState
                icon=IconName::Bell
                title="You follow nobody yet"
                text="Follow a publisher on their page, and you are told when they publish something."
            >
                <LinkButton href=paths::MARKETPLACE>"Open the marketplace"</LinkButton>
            </EmptyState>
        }
        .into_any()
    } else {
        view! { <ol class="reviews">{rows}</ol> }.into_any()
    };
    view! {
        <div class="account">
            <PageHead title="Following" lead="You are told when one of them publishes something." />
            {list}
        </div>
    }
    .into_any()
}

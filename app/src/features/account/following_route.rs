//! `/account/following`: the publishers whom the viewer follows.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::page::Page;
use resonant_domain::publisher::FollowedPublisher;

use super::purchases_api::list_following;
use crate::error::{AppError, successes};
use crate::features::marketplace::{FollowState, SetFollowing, follow_form, verified_mark};
use crate::language::tr;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{
    EmptyState, IconName, LinkButton, PageHead, PageLinks, Skeleton, Time, kept, own_page_fault,
};

/// The publishers whom the viewer follows.
pub struct FollowingRoute {
    /// Whether it is a later page, and what the server answered.
    following: Resource<(bool, Result<Page<FollowedPublisher>, AppError>)>,
    set: ServerAction<SetFollowing>,
}

impl LazyPage for FollowingRoute {
    fn data() -> Self {
        let set = ServerAction::new();
        let changes = successes(set);
        let query = use_query_map();
        let cursor = Memo::new(move |_| query.read().get("cursor"));
        let following = Resource::new_blocking(
            move || (cursor.get(), changes.get()),
            |(cursor, _)| async move { (cursor.is_some(), list_following(cursor).await) },
        );
        Self { following, set }
    }

    fn view(this: Self) -> AnyView {
        let FollowingRoute { following, set } = this;
        view! {
            <Title text=tr("Following") />
            <Meta name="description" content=tr("The publishers whom you follow") />
            <Transition fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {kept(move || async move {
                    let (is_later, following) = following.await;
                    match following {
                        Ok(following) => page(following, is_later, set),
                        Err(error) => own_page_fault(
                            tr("Following"),
                            tr("Sign in to see whom you follow."),
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

fn page(
    following: Page<FollowedPublisher>,
    is_later: bool,
    set: ServerAction<SetFollowing>,
) -> AnyView {
    let Page { items, next_cursor } = following;
    let rows: Vec<_> = items
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
                        <span class="review__about">{tr("since ")} <Time at=followed_at /></span>
                    </p>
                    {form}
                </li>
            }
        })
        .collect();
    let list = if rows.is_empty() && !is_later {
        view! {
            <EmptyState
                icon=IconName::Bell
                title=tr("You follow nobody yet")
                text=tr("Follow a publisher on their page, and you are told when they publish something.")
            >
                <LinkButton href=paths::MARKETPLACE>{tr("Open the marketplace")}</LinkButton>
            </EmptyState>
        }
        .into_any()
    } else {
        view! { <ol class="reviews">{rows}</ol> }.into_any()
    };
    view! {
        <div class="account">
            <PageHead
                title=tr("Following")
                lead=tr("You are told when one of them publishes something.")
            />
            {list}
            <PageLinks
                next=next_cursor.as_deref().map(paths::following_page)
                more=tr("Show more")
                first=is_later.then(|| paths::FOLLOWING.to_owned())
                back=tr("Back to the newest")
            />
        </div>
    }
    .into_any()
}

//! `/sessions/{id}`: a session, live.

use leptos::prelude::*;
use leptos_meta::Meta;
use leptos_router::hooks::use_params_map;

use super::api::{SessionSoFar, get_session};
use super::session_view::{Reader, SessionView};
use crate::error::AppError;
use crate::lazy_page::LazyPage;
use crate::ui::{Skeleton, cannot_be_shown};

/// The page of one session.
#[derive(Debug)]
pub struct SessionRoute {
    so_far: Resource<Result<SessionSoFar, AppError>>,
}

impl LazyPage for SessionRoute {
    fn data() -> Self {
        let params = use_params_map();
        let id = move || params.read().get("id").unwrap_or_default();
        let so_far = Resource::new_blocking(id, |id| async move {
            // What is no id names no session.
            let id = id.parse().map_err(|_| AppError::not_found("There is no such session"))?;
            get_session(id).await
        });
        Self { so_far }
    }

    fn view(this: Self) -> AnyView {
        let so_far = this.so_far;
        view! {
            <Meta name="description" content="A session of an AI agent, step by step as it happens" />
            <Suspense fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    match so_far.await {
                        Ok(so_far) => view! { <SessionView so_far=so_far reader=Reader::Owner /> }.into_any(),
                        Err(error) => cannot_be_shown("This session cannot be shown", error),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

//! `/sessions/{id}`: a session, live.

use leptos::prelude::*;
use leptos_meta::Meta;
use leptos_router::hooks::use_params_map;

use super::api::{OpenedSession, open_session};
use super::session_view::{Reader, SessionView};
use crate::error::AppError;
use crate::language::{key, tr};
use crate::lazy_page::LazyPage;
use crate::ui::{Skeleton, cannot_be_shown};

/// The page of one session.
#[derive(Debug)]
pub struct SessionRoute {
    opened: Resource<Result<OpenedSession, AppError>>,
}

impl LazyPage for SessionRoute {
    fn data() -> Self {
        let params = use_params_map();
        let id = move || params.read().get("id").unwrap_or_default();
        let opened = Resource::new_blocking(id, |id| async move {
            // What is no id names no session.
            let id =
                id.parse().map_err(|_| AppError::not_found(key("There is no such session")))?;
            open_session(id).await
        });
        Self { opened }
    }

    fn view(this: Self) -> AnyView {
        let opened = this.opened;
        view! {
            <Meta name="description" content=tr("A session of an AI agent, step by step as it happens") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    match opened.await {
                        Ok(OpenedSession { so_far, standing }) => {
                            let reader = Reader::Known(standing);
                            view! { <SessionView so_far=so_far reader=reader /> }.into_any()
                        }
                        Err(error) => cannot_be_shown(tr("This session cannot be shown"), error),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

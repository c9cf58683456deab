//! `/sessions/{id}`: a session, live.

use leptos::prelude::*;
use leptos::reactive::computed::ScopedFuture;
use leptos_meta::Meta;
use leptos_router::hooks::use_params_map;

use super::api::{OpenedSession, open_session};
use super::door::Door;
use super::reading::{Asked, Reader};
use super::session_view::SessionView;
use crate::error::AppError;
use crate::language::{key, tr};
use crate::lazy_page::LazyPage;
use crate::ui::{Skeleton, cannot_be_shown};

/// The page of one session.
#[derive(Debug)]
pub struct SessionRoute {
    opened: Resource<Result<OpenedSession, AppError>>,
    asked: Asked,
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
        let door = move || Some(Door::Own(params.read().get("id")?.parse().ok()?));
        Self { opened, asked: Asked::by(door) }
    }

    fn view(this: Self) -> AnyView {
        let SessionRoute { opened, asked } = this;
        view! {
            <Meta name="description" content=tr("A session of an AI agent, step by step as it happens") />
            <Suspense fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    // What it starts with: a change of it does not draw the session anew.
                    let input = ScopedFuture::new_untracked(async move { asked.input.await }).await;
                    match opened.await {
                        Ok(OpenedSession { so_far, standing }) => {
                            let reader = Reader::Known(standing);
                            view! {
                                <SessionView so_far=so_far reader=reader asked=asked input=input />
                            }
                                .into_any()
                        }
                        Err(error) => cannot_be_shown(tr("This session cannot be shown"), error),
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

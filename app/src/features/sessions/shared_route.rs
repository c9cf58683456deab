//! `/shared/{token}`: a session as anyone reads it by a link.

use leptos::prelude::*;
use leptos::reactive::computed::ScopedFuture;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_params_map;
use resonant_domain::FaultKind;

use super::api::{SessionSoFar, get_shared};
use super::door::Door;
use super::reading::{Asked, Reader};
use super::session_view::SessionView;
use crate::error::AppError;
use crate::language::tr;
use crate::lazy_page::LazyPage;
use crate::ssr;
use crate::ui::{ErrorPanel, Notice, Skeleton, Tone};

/// The page of a shared session.
#[derive(Debug)]
pub struct SharedRoute {
    so_far: Resource<(String, Result<SessionSoFar, AppError>)>,
    asked: Asked,
}

impl LazyPage for SharedRoute {
    fn data() -> Self {
        let params = use_params_map();
        let token = move || params.read().get("token").unwrap_or_default();
        let so_far = Resource::new_blocking(token, |token| async move {
            let so_far = get_shared(token.clone()).await;
            (token, so_far)
        });
        Self { so_far, asked: Asked::by(move || Some(Door::Link(token()))) }
    }

    fn view(this: Self) -> AnyView {
        let SharedRoute { so_far, asked } = this;
        view! {
            <Meta name="description" content=tr("A session of an AI agent that was shared with you") />
            // Whoever has the link may read it; search engines have no part in that.
            <Meta name="robots" content="noindex" />
            <Suspense fallback=|| {
                view! { <Skeleton lines=8 /> }
            }>
                {move || Suspend::new(async move {
                    // What it starts with: a change of it does not draw the session anew.
                    let input = ScopedFuture::new_untracked(async move { asked.input.await }).await;
                    match so_far.await {
                        (token, Ok(so_far)) => {
                            let is_open = !so_far.session.state.is_terminal();
                            // A browser with scripts reads the inside of noscript as text.
                            let reload = is_open
                                .then(|| {
                                    view! {
                                        <noscript inner_html=format!(
                                            "<p><a class=\"button\" href=\"\">{}</a></p>",
                                            tr("Reload to see what is new"),
                                        )></noscript>
                                    }
                                });
                            view! {
                                <Notice tone=Tone::Neutral>
                                    {tr(
                                        "Someone shared this session with you. You can read it; only its \
                                        owner can change it.",
                                    )}
                                </Notice>
                                {reload}
                                <SessionView
                                    so_far=so_far
                                    reader=Reader::Link(token)
                                    asked=asked
                                    input=input
                                />
                            }
                                .into_any()
                        }
                        (_, Err(error)) => {
                            if error.kind == FaultKind::NotFound {
                                ssr::not_found();
                            }
                            view! {
                                <Title text=tr("Shared session") />
                                <h1>{tr("This link leads nowhere")}</h1>
                                <p>{tr("The session may no longer be shared.")}</p>
                                <ErrorPanel error=error />
                            }
                                .into_any()
                        }
                    }
                })}
            </Suspense>
        }
        .into_any()
    }
}

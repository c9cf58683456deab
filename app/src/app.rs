//! The frame around every page, and the only place where routes are listed.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

use crate::features::account::{
    AccountRoute, ConfirmEmailRoute, FollowingRoute, ForgotPasswordRoute, KeysRoute, NoticesRoute,
    PurchasesRoute, ResetPasswordRoute, SecretsRoute, SecurityRoute, SignInRoute, SignUpRoute,
    TestCheckoutRoute, UsageRoute,
};
use crate::features::admin::{AlertRoute, AlertsRoute, OverviewRoute, ServiceLevelsRoute};
use crate::features::audit::{AdminAuditRoute, AuditRoute};
use crate::features::automations::{AutomationsRoute, WebhookRoute};
use crate::features::landing::LandingPage;
use crate::features::marketplace::{
    BrowseRoute, CollectionRoute, ListingRoute, PreviewRoute, PublisherRoute,
};
use crate::features::moderation::{CaseRoute, CollectionsRoute, QueueRoute};
use crate::features::publishing::{PublishRoute, UpdateRoute};
use crate::features::sessions::{
    CompareRoute, HistoryRoute, ReplayRoute, SessionRoute, SharedRoute,
};
use crate::features::studio::{
    AgentsRoute, BenchRoute, DocumentRoute, EditorRoute, ImportRoute, ImportToolsRoute,
    KnowledgeRoute, NewAgentRoute, NumbersRoute, TestSetRoute, ToolRoute, ToolsRoute, TrashRoute,
    VersionsRoute,
};
use crate::features::teams::{JoinRoute, SharedAgentsRoute, TeamRoute, TeamsRoute};
use crate::lazy_page::lazy;
use crate::state::{provide_toasts, provide_unread, provide_viewer};

mod account_menu;
mod command_palette;
mod commands;
mod frame;
mod not_found;

#[cfg(feature = "ssr")]
pub(crate) use commands::{PALETTE, PALETTE_KEY, SHEET_KEY};
use frame::Frame;
pub(crate) use not_found::NotFoundPage;

/// All of Resonant's pages.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    #[cfg(feature = "ssr")]
    provide_context(crate::ssr::language());
    provide_toasts();
    provide_unread();
    let viewer = provide_viewer();
    let (is_routing, set_is_routing) = signal(false);

    view! {
        <Title formatter=document_title />
        <Router set_is_routing>
            <Frame viewer is_routing>
                <FlatRoutes fallback=NotFoundPage>
                    <Route path=path!("/") view=LandingPage ssr=SsrMode::Async />
                    <Route path=path!("/marketplace") view={lazy::<BrowseRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/marketplace/:slug") view={lazy::<ListingRoute>()} ssr=SsrMode::Async />
                    <Route
                        path=path!("/marketplace/collections/:slug")
                        view={lazy::<CollectionRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/publishers/:handle")
                        view={lazy::<PublisherRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/studio") view={lazy::<AgentsRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/studio/new") view={lazy::<NewAgentRoute>()} ssr=SsrMode::Async />
                    <Route
                        path=path!("/studio/automations")
                        view={lazy::<AutomationsRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/studio/shared")
                        view={lazy::<SharedAgentsRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/studio/automations/webhooks/:id")
                        view={lazy::<WebhookRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/studio/trash") view={lazy::<TrashRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/studio/import") view={lazy::<ImportRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/studio/agents/:id") view={lazy::<EditorRoute>()} ssr=SsrMode::Async />
                    <Route
                        path=path!("/studio/agents/:id/knowledge")
                        view={lazy::<KnowledgeRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/studio/agents/:id/knowledge/:document")
                        view={lazy::<DocumentRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/studio/agents/:id/bench") view={lazy::<BenchRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/studio/agents/:id/bench/edit") view={lazy::<TestSetRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/studio/agents/:id/tools") view={lazy::<ToolsRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/studio/agents/:id/tools/edit") view={lazy::<ToolRoute>()} ssr=SsrMode::Async />
                    <Route
                        path=path!("/studio/agents/:id/tools/import")
                        view={lazy::<ImportToolsRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/studio/agents/:id/numbers") view={lazy::<NumbersRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/studio/agents/:id/versions") view={lazy::<VersionsRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/studio/agents/:id/publish") view={lazy::<PublishRoute>()} ssr=SsrMode::Async />
                    <Route
                        path=path!("/studio/agents/:id/publish/preview")
                        view={lazy::<PreviewRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/studio/agents/:id/update") view={lazy::<UpdateRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/admin/reviews") view={lazy::<QueueRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/admin/reviews/:id") view={lazy::<CaseRoute>()} ssr=SsrMode::Async />
                    <Route
                        path=path!("/admin/collections")
                        view={lazy::<CollectionsRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/sessions") view={lazy::<HistoryRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/sessions/compare") view={lazy::<CompareRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/sessions/:id/replay") view={lazy::<ReplayRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/shared/:token") view={lazy::<SharedRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/sessions/:id") view={lazy::<SessionRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/account") view={lazy::<AccountRoute>()} ssr=SsrMode::Async />
                    <Route
                        path=path!("/account/secrets")
                        view={lazy::<SecretsRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/account/security")
                        view={lazy::<SecurityRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/account/notices")
                        view={lazy::<NoticesRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/account/purchases")
                        view={lazy::<PurchasesRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/account/following")
                        view={lazy::<FollowingRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/checkout/test/:id")
                        view={lazy::<TestCheckoutRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/account/teams") view={lazy::<TeamsRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/teams/join") view={lazy::<JoinRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/teams/:slug") view={lazy::<TeamRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/account/audit") view={lazy::<AuditRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/admin/audit") view={lazy::<AdminAuditRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/account/keys") view={lazy::<KeysRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/account/usage") view={lazy::<UsageRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/admin") view={lazy::<OverviewRoute>()} ssr=SsrMode::Async />
                    <Route
                        path=path!("/admin/service-levels")
                        view={lazy::<ServiceLevelsRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route path=path!("/admin/alerts") view={lazy::<AlertsRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/admin/alerts/:id") view={lazy::<AlertRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/sign-in") view={lazy::<SignInRoute>()} ssr=SsrMode::Async />
                    <Route path=path!("/sign-up") view={lazy::<SignUpRoute>()} ssr=SsrMode::Async />
                    <Route
                        path=path!("/forgot-password")
                        view={lazy::<ForgotPasswordRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/reset-password")
                        view={lazy::<ResetPasswordRoute>()}
                        ssr=SsrMode::Async
                    />
                    <Route
                        path=path!("/confirm-email")
                        view={lazy::<ConfirmEmailRoute>()}
                        ssr=SsrMode::Async
                    />
                </FlatRoutes>
            </Frame>
        </Router>
    }
}

/// The document's title from a page's. `leptos_meta` writes it into the page as it stands, and a
/// title may hold an agent's name.
fn document_title(title: String) -> String {
    let title = if cfg!(feature = "ssr") {
        title.replace('&', "&amp;").replace('<', "&lt;")
    } else {
        title
    };
    if title.is_empty() { "Resonant".to_owned() } else { format!("{title} · Resonant") }
}

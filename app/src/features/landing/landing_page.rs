//! The start page as a whole.

use leptos::prelude::*;
use leptos_meta::Title;

use super::api::get_start;
use super::goal_box::GoalBox;
use super::sections::{Examples, HowItWorks, Planner, Tools};
use crate::language::tr;
use crate::paths;
use crate::public_head::{PublicHead, cards};
use crate::ui::{ErrorPanel, Skeleton, kept};

/// The start page: what this is, and a goal to begin with.
#[component]
pub fn LandingPage() -> impl IntoView {
    let start = Resource::new_blocking(|| (), |()| get_start());
    #[cfg(feature = "ssr")]
    let data = super::site_data::json_ld();
    // Search engines read what the server writes.
    #[cfg(not(feature = "ssr"))]
    let data = String::new();
    view! {
        <Title text="" />
        <PublicHead
            title=tr("Give an agent a goal. See everything it does.")
            description=tr(
                "Resonant is an open-source platform for AI agents. Give one a goal, watch \
                 every step, and keep the agents that work for you.",
            )
            path=paths::HOME
            card=cards::of_the_site()
        />
        <script type="application/ld+json" inner_html=data></script>
        <Transition fallback=|| {
            view! { <Hero><Skeleton lines=6 /></Hero> }
        }>
            {kept(move || async move {
                match start.await {
                    Ok(start) => {
                        let start = StoredValue::new(start);
                        view! {
                            <Hero>
                                <GoalBox start />
                            </Hero>
                            <Planner start />
                            <Examples start />
                        }
                            .into_any()
                    }
                    Err(error) => view! { <Hero><ErrorPanel error /></Hero> }.into_any(),
                }
            })}
        </Transition>
        <HowItWorks />
        <Tools />
    }
}

#[component]
fn Hero(children: Children) -> impl IntoView {
    view! {
        <section class="hero" id="start">
            <div class="hero__text">
                <h1 class="hero__title">
                    <span class="hero__line">{tr("Give an agent a goal. ")}</span>
                    <span class="hero__line">{tr("See everything it does.")}</span>
                </h1>
                <p class="hero__lead">
                    {tr(
                        "Resonant is an open-source platform for AI agents. Say what you want done and \
                         follow the work live: every thought, every tool call, every result.",
                    )}
                </p>
                <ul class="hero__points">
                    <li>{tr("No account and no key needed to start")}</li>
                    <li>{tr("Sessions survive reloads, lost connections and restarts")}</li>
                    <li>{tr("Runs on your own machine, with your own data")}</li>
                </ul>
                <Arcs />
            </div>
            <div class="hero__box">{children()}</div>
        </section>
    }
}

/// The mark's arcs, drawn large behind the text.
#[component]
fn Arcs() -> impl IntoView {
    let arc = |radius: u32| view! { <circle cx="0" cy="0" r=radius.to_string()></circle> };
    view! {
        <svg class="hero__arcs" viewBox="-600 -600 1200 1200" aria-hidden="true" focusable="false">
            {(1..=11).map(|ring| arc(ring * 52)).collect_view()}
        </svg>
    }
}

//! The mark of an agent's status, and the templates that one may start from.

use leptos::prelude::*;
use resonant_domain::agent::AgentStatus;
use resonant_domain::listing::ListingSummary;

use crate::language::{key, tr};
use crate::paths;
use crate::ui::{Avatar, AvatarSize, Badge, Icon, IconName, Tone};

/// Whether an agent may run, as a mark.
#[component]
pub(super) fn StatusBadge(
    /// The status.
    #[prop(into)]
    status: Signal<AgentStatus>,
) -> impl IntoView {
    move || {
        let status = status.get();
        let tone = match status {
            AgentStatus::Active => Tone::Good,
            AgentStatus::Paused => Tone::Warn,
            AgentStatus::Archived => Tone::Neutral,
        };
        view! { <Badge tone=tone>{tr(title(status))}</Badge> }
    }
}

/// The status as a person reads it, in English.
pub(super) const fn title(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::Active => key("Active"),
        AgentStatus::Paused => key("Paused"),
        AgentStatus::Archived => key("Archived"),
    }
}

/// What a new agent starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// Not decided yet.
    Open,
    /// A blank sheet.
    Blank,
    /// The template of this slug.
    Template(String),
}

/// Templates to start from, and the blank sheet.
#[component]
pub(super) fn TemplateCards(
    /// The templates.
    templates: Vec<ListingSummary>,
    /// What was chosen.
    chosen: Start,
) -> impl IntoView {
    let is_blank = chosen == Start::Blank;
    let cards = templates
        .into_iter()
        .map(|template| {
            let is_chosen = matches!(&chosen, Start::Template(slug) if *slug == template.slug);
            view! {
                <li>
                    <a
                        class="template-card"
                        class:is-chosen=is_chosen
                        aria-current=is_chosen.then_some("true")
                        href=paths::new_agent_from(&template.slug)
                    >
                        <Avatar avatar=template.avatar size=AvatarSize::Small />
                        <span class="template-card__name">{template.name}</span>
                        <span class="template-card__tagline">{template.tagline}</span>
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <ul class="template-cards">
            <li>
                <a
                    class="template-card template-card--blank"
                    class:is-chosen=is_blank
                    aria-current=is_blank.then_some("true")
                    href=paths::NEW_AGENT
                >
                    <Icon name=IconName::Plus />
                    <span class="template-card__name">{tr("Blank agent")}</span>
                    <span class="template-card__tagline">{tr("Start with an empty form")}</span>
                </a>
            </li>
            {cards}
        </ul>
    }
}

//! What the start page asks the server.

use leptos::prelude::*;
use resonant_domain::listing::{Example, ListingSummary};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::ssr;

/// What a visitor can start with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The templates.
    pub templates: Vec<Template>,
    /// The language model that answers; `None` where the built-in planner does.
    pub language_model: Option<String>,
}

/// An agent to start with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its listing.
    pub summary: ListingSummary,
    /// A goal to try it with.
    pub example: Option<Example>,
}

impl Start {
    /// The template of this slug; the first one when there is none.
    pub fn choose(&self, slug: &str) -> Option<&Template> {
        let chosen = self.templates.iter().find(|template| template.summary.slug == slug);
        chosen.or_else(|| self.templates.first())
    }
}

/// What a visitor can start with.
#[server(prefix = "/api/fn", endpoint = "landing/get_start")]
pub async fn get_start() -> Result<Start, AppError> {
    let ctx = ssr::ctx()?;
    let listings = resonant_backend::listings::templates(&ctx).await.map_err(ssr::fail)?;
    let templates = listings
        .into_iter()
        .map(|listing| Template {
            example: listing.examples.into_iter().next(),
            summary: listing.summary,
        })
        .collect();
    Ok(Start { templates, language_model: ctx.backend().language_model() })
}

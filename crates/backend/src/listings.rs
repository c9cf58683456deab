//! The marketplace: browse, open, install.

use resonant_domain::agent::Agent;
use resonant_domain::listing::{Listing, ListingFilter, ListingPage};

use crate::{Ctx, Result};

/// Finds listings. Anyone may.
pub async fn browse(ctx: &Ctx, filter: ListingFilter) -> Result<ListingPage> {
    let _ = (ctx, filter);
    todo!()
}

/// Reads one listing. Anyone may.
pub async fn get(ctx: &Ctx, slug: &str) -> Result<Listing> {
    let _ = (ctx, slug);
    todo!()
}

/// Lists the templates for a first agent. Anyone may.
pub async fn templates(ctx: &Ctx) -> Result<Vec<Listing>> {
    let _ = ctx;
    todo!()
}

/// Copies a listing's agent to the caller's own.
pub async fn install(ctx: &Ctx, slug: &str) -> Result<Agent> {
    let _ = (ctx, slug);
    todo!()
}

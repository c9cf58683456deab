//! The marketplace: browse, open, install.

use resonant_domain::ListingId;
use resonant_domain::agent::Agent;
use resonant_domain::api_key::Scope;
use resonant_domain::listing::{
    Category, CategoryCount, Listing, ListingFilter, ListingPage, ListingSummary,
};
use sha2::{Digest as _, Sha256};

use crate::cache::hex;
use crate::cache::listing::ListingEntry;
use crate::cache::listing_page::{EditionEntry, ListingPageEntry};
use crate::store::OnConstraint as _;
use crate::store::listings::{ListingPosition, Search};
use crate::{Backend, Ctx, Error, Result, access, agents, store};

mod samples;

const NOT_FOUND: Error = Error::NotFound("listing");
/// The key of the one edition.
const EDITION: &str = "marketplace";
/// Who publishes the sample listings.
const PUBLISHER: &str = "Resonant";
/// The most words of a search that are looked up.
const WORDS_MAX: usize = 16;

/// Finds listings. Anyone may.
///
/// # Errors
/// [`Error::Invalid`] for a search text, limit or cursor that cannot be used.
pub async fn browse(ctx: &Ctx, filter: ListingFilter) -> Result<ListingPage> {
    filter.check()?;
    let cache = ctx.backend().cache();
    let edition = edition(ctx.backend()).await?;
    let key = page_key(&edition, &filter)?;
    if let Some(page) = cache.read::<ListingPageEntry>(&key).await {
        return Ok(page);
    }
    let page = find(ctx, filter).await?;
    cache.fill::<ListingPageEntry>(&key, &page).await;
    Ok(page)
}

async fn find(ctx: &Ctx, filter: ListingFilter) -> Result<ListingPage> {
    let limit = filter.page.checked_limit()?;
    let search = search(&filter);
    let scope = ("listings", &search.text, filter.category, filter.templates_only, filter.sort);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<ListingPosition> = cursors.open(&scope, filter.page.cursor.as_deref())?;

    let mut conn = ctx.backend().catalogue_read().await?;
    let wanted = i64::from(limit) + 1;
    let (category, sort) = (filter.category, filter.sort);
    let after = after.as_ref();
    let mut found = if search.text.is_empty() {
        let filter = (category, search.templates_only);
        store::listings::list_sorted(&mut conn, filter, sort, after, wanted).await?
    } else {
        store::listings::list(&mut conn, &search, category, sort, after, wanted).await?
    };
    let mut categories = store::listings::count_by_category(&mut conn, &search).await?;
    drop(conn);

    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = match found.last() {
        Some((_, position)) if has_more => Some(cursors.seal(&scope, position)?),
        _ => None,
    };
    let place = |count: &CategoryCount| Category::ALL.iter().position(|c| *c == count.category);
    categories.sort_by_key(place);
    Ok(ListingPage {
        listings: found.into_iter().map(|(listing, _)| listing).collect(),
        next_cursor,
        total: categories.iter().map(|count| count.count).sum(),
        categories,
    })
}

/// What a person wrote, as something that can be looked up: every word, and words that begin so.
fn search(filter: &ListingFilter) -> Search {
    let text = filter.query.trim().to_lowercase();
    let words: Vec<_> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .map(|word| format!("{word}:*"))
        .collect();
    Search { tsquery: words.join(" & "), text, templates_only: filter.templates_only }
}

fn page_key(edition: &str, filter: &ListingFilter) -> Result<String> {
    let filter = serde_json::to_vec(filter).map_err(Error::internal)?;
    Ok(format!("{edition}:{}", hex(&Sha256::digest(filter))))
}

/// The present edition of the marketplace.
async fn edition(backend: &Backend) -> Result<String> {
    if let Some(edition) = backend.cache().read::<EditionEntry>(EDITION).await {
        return Ok(edition);
    }
    let fresh = backend.new_id()?.to_string();
    backend.cache().fill::<EditionEntry>(EDITION, &fresh).await;
    // Another may have filled it first.
    Ok(backend.cache().read::<EditionEntry>(EDITION).await.unwrap_or(fresh))
}

/// Makes every page be read anew.
async fn begin_edition(backend: &Backend) -> Result<()> {
    let fresh = backend.new_id()?.to_string();
    backend.cache().replace::<EditionEntry>(EDITION, &fresh).await;
    Ok(())
}

/// Reads one listing. Anyone may.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(ctx: &Ctx, slug: &str) -> Result<Listing> {
    if slug.is_empty() || slug.len() > 200 || slug.contains('\0') {
        return Err(NOT_FOUND);
    }
    let cache = ctx.backend().cache();
    if let Some(listing) = cache.read::<ListingEntry>(slug).await {
        return Ok(listing);
    }
    let mut conn = ctx.backend().catalogue_read().await?;
    let listing = store::listings::find_by_slug(&mut conn, slug).await?.ok_or(NOT_FOUND)?;
    drop(conn);
    cache.fill::<ListingEntry>(slug, &listing).await;
    Ok(listing)
}

/// Lists the templates for a first agent. Anyone may.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn templates(ctx: &Ctx) -> Result<Vec<Listing>> {
    let mut conn = ctx.backend().catalogue_read().await?;
    Ok(store::listings::list_templates(&mut conn).await?)
}

/// Copies a listing's agent to the caller's own. The listing counts each person once.
///
/// A copy that the caller has and has not changed is taken instead of another one, so that trying a
/// listing again and again does not pile up agents.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
pub async fn install(ctx: &Ctx, slug: &str) -> Result<Agent> {
    let owner = access::with_scope(ctx, Scope::ListingsInstall)?;
    let listing = get(ctx, slug).await?;
    let id = listing.summary.id;
    if let Some(made) = agents::find_made_before(ctx, owner).await? {
        return Ok(made);
    }
    let mut conn = ctx.backend().read(owner).await?;
    let copies = store::agents::list_copies(&mut conn, owner, id).await?;
    drop(conn);
    if let Some(unchanged) = copies.into_iter().find(|copy| copy.spec == listing.agent) {
        return Ok(unchanged);
    }
    let mut agent = agents::new_agent(ctx, owner, listing.agent)?;
    agent.listing_id = Some(id);
    // The copy is the owner's and the count is everybody's: they may be kept in two databases.
    // Counted first, so that after a fault in between the next try is counted no second time.
    let now = ctx.backend().now();
    let mut conn = ctx.backend().catalogue_write().await?;
    store::listings::insert_install(&mut conn, owner, id, listing.version, now).await?;
    conn.commit().await?;
    let mut conn = ctx.backend().write(owner).await?;
    store::agents::insert(&mut conn, &agent)
        .await
        .on_constraint("agents_pkey", agents::in_the_making)?;
    conn.commit().await?;
    ctx.backend().cache().forget::<ListingEntry>(slug).await;
    begin_edition(ctx.backend()).await?;
    tracing::info!(agent.id = %agent.id, listing.slug = slug, "listing installed");
    Ok(agent)
}

/// Publishes the sample listings, when there are none yet.
pub(crate) async fn load_content(backend: &Backend) -> Result<usize> {
    let samples = samples::read()?;
    let mut tx = backend.catalogue_begin().await?;
    if store::listings::exists(&mut tx).await? {
        return Ok(0);
    }
    let now = backend.now();
    let mut count = 0;
    for (place, sample) in (0..).zip(samples) {
        sample.agent.check()?;
        // A microsecond apart, so that "newest" and the templates have one order.
        let at = now + jiff::SignedDuration::from_micros(place);
        let listing = Listing {
            summary: ListingSummary {
                id: ListingId::from_uuid(backend.new_id()?),
                slug: sample.slug,
                name: sample.name,
                tagline: sample.tagline,
                category: sample.category,
                avatar: sample.agent.avatar.clone(),
                publisher: PUBLISHER.to_owned(),
                installs: 0,
                rating_count: 0,
                rating_hundredths: 0,
                is_template: sample.is_template,
            },
            description: sample.description,
            examples: sample.examples,
            agent: sample.agent,
            version: 1,
            created_at: at,
            updated_at: at,
        };
        count += usize::from(store::listings::insert(&mut tx, &listing).await?);
    }
    tx.commit().await?;
    begin_edition(backend).await?;
    tracing::info!(count, "sample listings published");
    Ok(count)
}

#[cfg(test)]
mod tests;

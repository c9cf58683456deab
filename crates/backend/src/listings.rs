//! The marketplace: browse, open, install.

use std::sync::Arc;

use resonant_domain::agent::Agent;
use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::listing::{
    Category, CategoryCount, Highlights, Listing, ListingFilter, ListingPage, ListingState,
    ListingSummary, ListingVersion,
};
use resonant_domain::price::Price;
use resonant_domain::{ListingId, UserId};

use crate::cache::Stale;
use crate::cache::listing::{ListingEntry, TemplatesEntry};
use crate::cache::listing_page::{ListingPageEntry, ListingPageKey, MARKETPLACE};
use crate::store::OnConstraint as _;
use crate::store::listing_runs::Copied;
use crate::store::listings::{ListingPosition, Words};
use crate::{
    Backend, Ctx, Document, Error, Result, access, agents, effects, entitlements, purchases, store,
};

mod facets;
pub(crate) mod lineage;
pub(crate) mod measured;
pub mod ranking;
mod samples;
mod spelling;
pub mod updates;

pub use self::lineage::origin;

const NOT_FOUND: Error = Error::NotFound("listing");
/// Who publishes the sample listings.
const PUBLISHER: &str = "Resonant";
/// The longest slug, in characters.
const SLUG_MAX: usize = 200;
/// The most words of a search that are looked up.
const WORDS_MAX: usize = 16;

/// Finds listings. Anyone may.
///
/// # Errors
/// [`Error::Invalid`] for a search text, limit or cursor that cannot be used.
#[tracing::instrument(name = "listings.browse", level = "debug", parent = ctx.span(), skip_all)]
pub async fn browse(ctx: &Ctx, filter: ListingFilter) -> Result<ListingPage> {
    Ok(page(ctx, filter).await?.value().clone())
}

/// Finds listings as callers of the interface get them. Anyone may.
///
/// # Errors
/// Those of [`browse`].
#[tracing::instrument(name = "listings.page", level = "debug", parent = ctx.span(), skip_all)]
pub async fn page(ctx: &Ctx, filter: ListingFilter) -> Result<Arc<Document<ListingPage>>> {
    filter.check()?;
    let key = ListingPageKey::new(normalised(filter)?)?;
    let backend = ctx.backend();
    backend.cache().get::<ListingPageEntry>(backend, &key).await?.ok_or(NOT_FOUND)
}

/// The one form of all filters that ask for the same page.
fn normalised(mut filter: ListingFilter) -> Result<ListingFilter> {
    filter.page.limit = Some(filter.page.checked_limit()?);
    filter.page.cursor = filter.page.cursor.filter(|cursor| !cursor.is_empty());
    let words: Vec<_> = filter.query.split_whitespace().map(str::to_lowercase).collect();
    filter.query = words.join(" ");
    for names in [&mut filter.tags, &mut filter.tools] {
        for name in names.iter_mut() {
            *name = name.to_lowercase();
        }
        names.sort_unstable();
        names.dedup();
    }
    Ok(filter)
}

/// Reads the page of a normalised filter.
pub(crate) async fn find(backend: &Backend, filter: &ListingFilter) -> Result<ListingPage> {
    let limit = filter.page.checked_limit()?;
    let mut words = words_of(&filter.query);
    let wanted = facets::wanted(filter);
    let all = wanted.all();
    let scope = ("listings", &filter.query, &all, filter.sort);
    let cursors = backend.cursors().await?;
    let after: Option<ListingPosition> = cursors.open(&scope, filter.page.cursor.as_deref())?;
    let after = after.as_ref();

    let mut conn = backend.catalogue_read_latest().await?;
    let rows = i64::from(limit) + 1;
    let sort = filter.sort;
    let mut found = match &words {
        Some(words) => {
            store::listings::list_found(&mut conn, words, &all, sort, after, rows).await?
        }
        None if all.is_empty() => {
            store::listings::list_sorted(&mut conn, sort, after, rows).await?
        }
        None => store::listings::list_with(&mut conn, &all, sort, after, rows).await?,
    };
    let mut corrected = None;
    if found.is_empty() && words.is_some() {
        corrected = spelling::corrected(&mut conn, &filter.query).await?;
    }
    if let Some(right) = corrected.as_deref().and_then(words_of) {
        found = store::listings::list_found(&mut conn, &right, &all, sort, after, rows).await?;
        words = Some(right);
    }
    let counts = facets::count(&mut conn, words.as_ref(), &wanted).await?;
    drop(conn);

    let page = cursors.page(&scope, limit, found, |(_, position)| position.clone())?;
    let next_cursor = page.next_cursor;
    let mut listings: Vec<_> = page.items.into_iter().map(|(listing, _)| listing).collect();
    if let Some(words) = &words {
        for listing in &mut listings {
            listing.highlights = Some(Highlights::of(&words.text, &listing.name, &listing.tagline));
        }
    }
    let categories: Vec<_> = Category::ALL
        .into_iter()
        .map(|category| CategoryCount { category, count: counts.of("category", category.as_str()) })
        .filter(|held| held.count > 0)
        .collect();
    let total: i64 = categories.iter().map(|held| held.count).sum();
    Ok(ListingPage {
        listings,
        next_cursor,
        total,
        categories,
        facets: counts.facets(filter),
        corrected: corrected.filter(|_| total > 0),
    })
}

/// What a person wrote, as something that can be looked up: every word, and words that begin so.
/// `None` for nothing.
fn words_of(text: &str) -> Option<Words> {
    let words: Vec<_> =
        spelling::split(text).take(WORDS_MAX).map(|word| format!("{word}:*")).collect();
    (!text.is_empty()).then(|| Words { tsquery: words.join(" & "), text: text.to_owned() })
}

/// Reads one listing. Anyone may.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "listings.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, slug: &str) -> Result<Listing> {
    Ok(document(ctx, slug).await?.value().clone())
}

/// Reads one listing as callers of the interface get it. Anyone may.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "listings.document", level = "debug", parent = ctx.span(), skip_all)]
pub async fn document(ctx: &Ctx, slug: &str) -> Result<Arc<Document<Listing>>> {
    if !is_slug(slug) {
        return Err(NOT_FOUND);
    }
    let backend = ctx.backend();
    let found = backend.cache().get::<ListingEntry>(backend, &slug.to_owned()).await?;
    found.ok_or(NOT_FOUND)
}

/// Whether there may be a listing of this slug at all.
pub(crate) fn is_slug(text: &str) -> bool {
    let is_part = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=SLUG_MAX).contains(&text.len()) && text.bytes().all(is_part)
}

/// Lists the templates for a first agent. Anyone may.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "listings.templates", level = "debug", parent = ctx.span(), skip_all)]
pub async fn templates(ctx: &Ctx) -> Result<Vec<Listing>> {
    let backend = ctx.backend();
    let found = backend.cache().get::<TemplatesEntry>(backend, &"all").await?;
    Ok(found.map(|templates| templates.value().clone()).unwrap_or_default())
}

/// Copies a listing's agent to the caller's own. The listing counts each member once, and a guest from when
/// they become one.
///
/// A copy that the caller has and has not changed is taken instead of another one, so that trying a
/// listing again and again does not pile up agents.
///
/// # Errors
/// Those of [`install_version`], whatever version it has.
pub async fn install(ctx: &Ctx, slug: &str) -> Result<Agent> {
    install_version(ctx, slug, None).await
}

/// The same for whoever has seen what a version asks for, if any, and agrees to that alone.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Conflict`] for whoever has not paid what it
/// costs, also while it is paused, and when it has another version than the one that was `seen`.
#[tracing::instrument(name = "listings.install", level = "debug", parent = ctx.span(), skip_all)]
pub async fn install_version(ctx: &Ctx, slug: &str, seen: Option<i32>) -> Result<Agent> {
    let owner = access::with_scope(ctx, Scope::ListingsInstall)?;
    let (mut listing, is_held) = to_install(ctx, slug, owner).await?;
    let id = listing.summary.id;
    if let Some(made) = agents::find_made_before(ctx, owner).await? {
        return Ok(made);
    }
    check_seen(listing.version, seen)?;
    let mut needs_entitlement = false;
    if !listing.summary.price.is_free() {
        needs_entitlement = is_held || purchases::check_entitled(ctx, slug, owner).await?;
        // Whole, as everybody else does not see it.
        let mut conn = ctx.backend().catalogue_read_latest().await?;
        let whole = store::listings::find_version(&mut conn, id, listing.version).await?;
        listing.agent = whole.ok_or(NOT_FOUND)?;
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
    let mut tx = ctx.backend().catalogue_begin().await?;
    // Anyone is as many guests as they like. Whoever becomes a member meanwhile waits until it is kept.
    let is_counted = store::members::lock_is_member(&mut tx, owner).await?;
    store::installs::insert(&mut tx, owner, id, listing.version, is_counted, now).await?;
    let stale = Stale::one::<ListingEntry>(&slug.to_owned()).and_group(MARKETPLACE);
    ctx.backend().commit(tx, stale).await?;
    let mut tx = ctx.backend().begin(owner).await?;
    store::agents::insert(&mut tx, &agent)
        .await
        .on_constraint("agents_pkey", effects::in_the_making)?;
    let digest = lineage::digest_of(&agent.spec)?;
    let origin = Copied {
        version: listing.version,
        digest: &digest,
        pristine_revision: Some(agent.revision),
    };
    store::listing_runs::update_copied(&mut tx, owner, agent.id, origin).await?;
    if needs_entitlement {
        store::entitlements::update_needed(&mut tx, owner, agent.id).await?;
    }
    agents::note(ctx, &mut tx, &agent, Deed::AgentCreated).await?;
    ctx.backend().commit(tx, agents::stale(owner, agent.id)).await?;
    tracing::info!(agent.id = %agent.id, listing.slug = slug, "listing installed");
    Ok(agent)
}

/// The listing that somebody installs, and whether they are known to have paid for it: what was paid for
/// can be had too while it is paused, and after it was taken off or its publisher left. What moderators
/// removed cannot.
async fn to_install(ctx: &Ctx, slug: &str, owner: UserId) -> Result<(Listing, bool)> {
    let backend = ctx.backend();
    let (listing, refused) = match get(ctx, slug).await {
        Ok(listing) if listing.state != ListingState::Paused => return Ok((listing, false)),
        Ok(listing) => {
            let why = "Its publisher has paused this listing".to_owned();
            (listing, Error::Conflict(why))
        }
        Err(Error::NotFound(_)) if is_slug(slug) => {
            let mut conn = backend.catalogue_read_latest().await?;
            let found = store::listings::find_unlisted(&mut conn, slug).await?;
            (found.ok_or(NOT_FOUND)?, NOT_FOUND)
        }
        Err(error) => return Err(error),
    };
    let held = entitlements::of(backend, owner, listing.summary.id).await?;
    held.admits(backend.now()).map_err(|_| refused)?;
    Ok((listing, true))
}

/// Lets pass whoever has seen the version that is there, or does not say.
fn check_seen(version: i32, seen: Option<i32>) -> Result<()> {
    match seen {
        Some(seen) if seen != version => Err(Error::Conflict(format!(
            "Version {version} is there by now. Look at what it asks for before you take it"
        ))),
        _ => Ok(()),
    }
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
    let mut stale = Stale::nothing().and_group(MARKETPLACE);
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
                picture: None,
                publisher: PUBLISHER.to_owned(),
                installs: 0,
                rating_count: 0,
                rating_hundredths: 0,
                is_template: sample.is_template,
                publisher_handle: None,
                is_verified: true,
                median_cost: None,
                price: Price::FREE,
                highlights: None,
            },
            description: sample.description,
            tags: sample.tags,
            state: ListingState::Published,
            examples: sample.examples,
            agent: sample.agent,
            version: 1,
            created_at: at,
            updated_at: at,
            versions: vec![ListingVersion {
                version: 1,
                change_log: String::new(),
                created_at: at,
            }],
            deprecation: None,
            showcase: None,
            screenshots: Vec::new(),
            forked_from: None,
        };
        count += usize::from(store::listings::insert(&mut tx, &listing).await?);
        stale = stale.and::<ListingEntry>(&listing.summary.slug);
    }
    backend.commit(tx, stale).await?;
    tracing::info!(count, "sample listings published");
    Ok(count)
}

#[cfg(test)]
mod tests;

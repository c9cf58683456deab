//! What search engines are told of: all that anyone may see, and when it changed.

use jiff::Timestamp;

use crate::listings::is_slug;
use crate::{Ctx, Error, Result, store};

/// A listing of the marketplace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its place in addresses.
    pub slug: String,
    /// When it changed.
    pub updated_at: Timestamp,
}

/// What shows listings beside the marketplace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shelf {
    /// A collection.
    Collection {
        /// Its place in addresses.
        slug: String,
        /// When it changed.
        updated_at: Timestamp,
    },
    /// Somebody who has a listing in the marketplace.
    Publisher {
        /// Their place in addresses.
        handle: String,
    },
}

/// The newest collections and the publishers, at most `limit` of each. Anyone may.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "site_map.shelves", level = "debug", parent = ctx.span(), skip_all)]
pub async fn shelves(ctx: &Ctx, limit: u32) -> Result<Vec<Shelf>> {
    let mut conn = ctx.backend().catalogue_read().await?;
    Ok(store::site_map::list_shelves(&mut conn, i64::from(limit)).await?)
}

/// At most `limit` listings by their slugs, from a slug on, or from the first where it is empty. Anyone may.
///
/// # Errors
/// [`Error::NotFound`] for what is no slug.
#[tracing::instrument(name = "site_map.listings", level = "debug", parent = ctx.span(), skip_all)]
pub async fn listings(ctx: &Ctx, from: &str, limit: u32) -> Result<Vec<Listed>> {
    if !from.is_empty() && !is_slug(from) {
        return Err(Error::NotFound("listing"));
    }
    let mut conn = ctx.backend().catalogue_read().await?;
    Ok(store::site_map::list_listings(&mut conn, from, i64::from(limit)).await?)
}

/// The slugs at which parts begin of `size` listings each, from that of the first listing on. Anyone may.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "site_map.parts", level = "debug", parent = ctx.span(), skip_all)]
pub async fn parts(ctx: &Ctx, first: &str, size: u32) -> Result<Vec<String>> {
    let mut conn = ctx.backend().catalogue_read().await?;
    Ok(store::site_map::list_parts(&mut conn, first, i64::from(size)).await?)
}

#[cfg(test)]
mod tests {
    use resonant_domain::FaultKind;
    use sqlx::PgPool;

    use super::*;
    use crate::Backend;

    fn slugs(listed: Vec<Listed>) -> Vec<String> {
        listed.into_iter().map(|listing| listing.slug).collect()
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn parts_hold_every_listing_that_is_offered_once(pool: PgPool) {
        let backend = Backend::for_tests(pool.clone());
        backend.load_content().await.unwrap();
        for hidden in [
            "UPDATE listings SET deprecated_at = now() WHERE slug = 'world-clock'",
            "UPDATE listings SET state = 'paused' WHERE slug = 'unit-converter'",
        ] {
            let done = sqlx::raw_sql(hidden).execute(&pool).await.unwrap();
            assert_eq!(done.rows_affected(), 1);
        }
        let ctx = backend.anonymous();
        let all = slugs(listings(&ctx, "", 1_000).await.unwrap());
        assert!(all.len() > 20, "{all:?}");
        for slug in ["world-clock", "unit-converter"] {
            assert!(!all.contains(&slug.to_owned()), "{all:?}");
        }
        let count = u32::try_from(all.len()).unwrap();
        // Also where the last part is full: none is empty.
        for size in [1, 7, count - 1, count, count + 1] {
            let begins = parts(&ctx, &all[0], size).await.unwrap();
            assert_eq!(begins.len(), count.div_ceil(size) as usize, "{size}");
            let mut found = Vec::new();
            for from in begins {
                found.extend(slugs(listings(&ctx, &from, size).await.unwrap()));
            }
            assert_eq!(found, all, "{size}");
        }
        for none in ["World", "a\0b"] {
            let error = listings(&ctx, none, 1).await.unwrap_err();
            assert_eq!(error.kind(), FaultKind::NotFound, "{none}");
        }
    }
}

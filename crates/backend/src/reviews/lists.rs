//! Pages of a listing's reviews, in the order and of the stars that somebody asks for.

use resonant_domain::ReviewId;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::review::{Review, ReviewFilter, ReviewSort, STARS_MAX, StarCounts};
use sqlx::types::Uuid;

use super::NO_LISTING;
use crate::store::reviews::{ReviewPosition, StarPosition};
use crate::{Ctx, Result, listings, store};

/// A page of reviews.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The page.
    pub page: Page<Review>,
    /// How many reviews of the listing have one star, two and so on, whatever was asked for.
    pub stars: StarCounts,
}

/// Lists a listing's reviews. Anyone may.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound); [`Error::Invalid`](crate::Error::Invalid) for stars that there are
/// not, and a limit or cursor that cannot be used.
#[tracing::instrument(name = "reviews.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(
    ctx: &Ctx,
    slug: &str,
    filter: ReviewFilter,
    page: PageRequest,
) -> Result<Listed> {
    filter.check()?;
    let limit = page.checked_limit()?;
    if !listings::is_slug(slug) {
        return Err(NO_LISTING);
    }
    let (cursor, wanted) = (page.cursor.as_deref(), i64::from(limit) + 1);
    let cursors = ctx.backend().cursors().await?;
    // Pages with them are kept until a write is heard of, which a replica may not have yet.
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::reviews::find_counted(&mut conn, slug).await?;
    let (listing, stars) = found.ok_or(NO_LISTING)?;
    let page = if filter == ReviewFilter::default() {
        let scope = ("reviews", slug);
        let after: Option<ReviewPosition> = cursors.open(&scope, cursor)?;
        let found = store::reviews::list(&mut conn, listing, after, wanted).await?;
        let position = |last: &Review| ReviewPosition { helpful: last.helpful, id: last.id };
        cursors.page(&scope, limit, found, position)?
    } else {
        let scope = ("reviews", slug, filter);
        let place: Option<StarPosition> = cursors.open(&scope, cursor)?;
        let found = if filter.sort == ReviewSort::Newest {
            let after = place.map_or(ReviewId::from_uuid(Uuid::max()), |place| place.id);
            store::reviews::list_newest(&mut conn, listing, &numbers(filter), after, wanted).await?
        } else {
            let places = places(filter, place);
            store::reviews::list_by_stars(&mut conn, listing, &places, wanted).await?
        };
        let position =
            |last: &Review| StarPosition { stars: last.stars, helpful: last.helpful, id: last.id };
        cursors.page(&scope, limit, found, position)?
    };
    Ok(Listed { page, stars })
}

/// The numbers of stars that are asked for, in the order in which they come.
fn numbers(filter: ReviewFilter) -> Vec<u8> {
    match (filter.stars, filter.sort) {
        (Some(stars), _) => vec![stars],
        (None, ReviewSort::Lowest) => (1..=STARS_MAX).collect(),
        (None, _) => (1..=STARS_MAX).rev().collect(),
    }
}

/// Behind which place the reviews of each number of stars are wanted: from one in the middle on, the numbers before it
/// no more.
fn places(filter: ReviewFilter, after: Option<StarPosition>) -> Vec<StarPosition> {
    let numbers = numbers(filter).into_iter();
    let rest = numbers.skip_while(|stars| after.is_some_and(|after| after.stars != *stars));
    rest.map(|stars| match after {
        Some(after) if after.stars == stars => after,
        _ => StarPosition::before(stars),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_on_behind_its_place() {
        let stars = |filter, after: Option<u8>| -> Vec<u8> {
            let after =
                after.map(|stars| StarPosition { helpful: 7, ..StarPosition::before(stars) });
            let places = places(filter, after);
            assert!(after.is_none_or(|after| places[0].stars == after.stars));
            assert_eq!(
                places.iter().filter(|place| place.helpful == 7).count(),
                after.iter().count()
            );
            places.iter().map(|place| place.stars).collect()
        };
        let of = |stars, sort| ReviewFilter { stars, sort };
        let (highest, lowest) = (of(None, ReviewSort::Highest), of(None, ReviewSort::Lowest));
        assert_eq!(stars(highest, None), [5, 4, 3, 2, 1]);
        assert_eq!(stars(highest, Some(2)), [2, 1]);
        assert_eq!(stars(lowest, Some(2)), [2, 3, 4, 5]);
        assert_eq!(stars(of(Some(3), ReviewSort::Lowest), Some(3)), [3]);
    }
}

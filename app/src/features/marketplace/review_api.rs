//! What a listing's page asks the server about reviews.

use leptos::prelude::*;
use resonant_domain::ReviewId;
use resonant_domain::page::Page;
use resonant_domain::review::{ListingFacts, Review, ReviewFilter, Standing, StarCounts};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// What people think of a listing, as the viewer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenReviews {
    /// Which of the reviews were asked for.
    pub filter: ReviewFilter,
    /// A page of them.
    pub page: Page<Review>,
    /// How many there are with one star, two and so on, whatever was asked for.
    pub stars: StarCounts,
    /// Those of them that the viewer found helpful.
    pub helpful: Vec<ReviewId>,
    /// What was measured beside them.
    pub facts: ListingFacts,
    /// What the viewer may do.
    pub standing: Standing,
}

/// The reviews of a listing that are asked for, from a cursor on.
#[server(prefix = "/api/fn", endpoint = "marketplace/get_reviews")]
pub async fn get_reviews(
    slug: String,
    cursor: Option<String>,
    #[server(default)] filter: ReviewFilter,
) -> Result<SeenReviews, AppError> {
    use resonant_backend::reviews;
    use resonant_domain::page::PageRequest;

    const PAGE_SIZE: u32 = 20;

    let ctx = ssr::ctx()?;
    let page = PageRequest { cursor, limit: Some(PAGE_SIZE) };
    let listed = reviews::list(&ctx, &slug, filter, page).await.map_err(ssr::fail)?;
    let ids: Vec<_> = listed.page.items.iter().map(|review| review.id).collect();
    Ok(SeenReviews {
        filter,
        page: listed.page,
        stars: listed.stars,
        helpful: reviews::votes(&ctx, &ids).await.map_err(ssr::fail)?,
        facts: reviews::facts(&ctx, &slug).await.map_err(ssr::fail)?,
        standing: reviews::standing(&ctx, &slug).await.map_err(ssr::fail)?,
    })
}

/// What the viewer wrote of a listing, also of one that nobody sees any more.
#[server(prefix = "/api/fn", endpoint = "marketplace/get_own_review")]
pub async fn get_own_review(slug: String) -> Result<Option<Review>, AppError> {
    use resonant_backend::{Error, reviews};

    match reviews::own(&ssr::ctx()?, &slug).await {
        // Whom nobody knows has written nothing.
        Err(Error::Unauthenticated | Error::Forbidden) => Ok(None),
        found => found.map_err(ssr::fail),
    }
}

/// Writes the viewer's review, or changes it where there is one.
#[server(prefix = "/api/fn", endpoint = "marketplace/save_review")]
pub async fn save_review(
    slug: String,
    #[server(default)] stars: u8,
    #[server(default)] text: String,
) -> Result<(), AppError> {
    use resonant_backend::reviews;
    use resonant_domain::review::{NewReview, ReviewChanges};

    let ctx = ssr::ctx()?;
    // A form sends line ends as CR LF (WHATWG HTML 4.10.21.8); texts keep LF alone.
    let text = text.replace("\r\n", "\n");
    let standing = reviews::standing(&ctx, &slug).await.map_err(ssr::fail)?;
    let saved = if let Standing::HasWritten(review) = standing {
        let changes = ReviewChanges { stars: Some(stars), text: Some(text) };
        reviews::update(&ctx, &slug, review.id, changes).await
    } else {
        reviews::create(&ctx, &slug, NewReview { stars, text }).await
    };
    saved.map_err(ssr::fail)?;
    ssr::redirect(&paths::reviews(&slug));
    Ok(())
}

/// Deletes the viewer's review.
#[server(prefix = "/api/fn", endpoint = "marketplace/delete_review")]
pub async fn delete_review(slug: String, id: ReviewId) -> Result<(), AppError> {
    resonant_backend::reviews::delete(&ssr::ctx()?, &slug, id).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::reviews(&slug));
    Ok(())
}

/// Answers a review in the publisher's name; an empty answer takes an earlier one back.
#[server(prefix = "/api/fn", endpoint = "marketplace/answer_review")]
pub async fn answer_review(
    slug: String,
    id: ReviewId,
    #[server(default)] answer: String,
) -> Result<(), AppError> {
    let answer = answer.replace("\r\n", "\n");
    resonant_backend::reviews::answer(&ssr::ctx()?, &slug, id, &answer).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::reviews(&slug));
    Ok(())
}

/// Says that a review was helpful, or no longer so.
#[server(prefix = "/api/fn", endpoint = "marketplace/vote_review")]
pub async fn vote_review(slug: String, id: ReviewId, is_helpful: bool) -> Result<(), AppError> {
    use resonant_backend::reviews;

    let ctx = ssr::ctx()?;
    let voted = if is_helpful {
        reviews::mark_helpful(&ctx, &slug, id).await
    } else {
        reviews::unmark_helpful(&ctx, &slug, id).await
    };
    voted.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::reviews(&slug));
    Ok(())
}

/// Reports a listing to the moderators, or a review of it.
#[server(prefix = "/api/fn", endpoint = "marketplace/report_listing")]
pub async fn report_listing(
    slug: String,
    #[server(default)] review: Option<ReviewId>,
    #[server(default)] reason: String,
    #[server(default)] report: String,
) -> Result<(), AppError> {
    use resonant_backend::moderation;
    use resonant_domain::publication::ReportReason;

    let reason = ReportReason::parse(&reason)
        .ok_or_else(|| ssr::invalid("reason", "must be one of the list"))?;
    let report = report.replace("\r\n", "\n");
    let ctx = ssr::ctx()?;
    let reported = match review {
        Some(id) => moderation::report_review(&ctx, &slug, id, reason, &report).await,
        None => moderation::report(&ctx, &slug, reason, &report).await,
    };
    reported.map_err(ssr::fail)?;
    ssr::redirect(&paths::reported(&slug));
    Ok(())
}

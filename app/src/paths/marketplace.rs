//! The marketplace, and how an agent comes to it.

use resonant_domain::listing::Category;
use resonant_domain::review::{ReviewFilter, ReviewSort};
use resonant_domain::{AgentId, ImageId, ReviewId};

use super::{agent, escape, with_query};

/// The marketplace, all listings.
pub const MARKETPLACE: &str = "/marketplace";

/// The marketplace's listings of one category.
pub fn category(category: Category) -> String {
    format!("{MARKETPLACE}?category={}", category.as_str())
}

/// The marketplace's listings with one tag.
pub fn tag(tag: &str) -> String {
    with_query(MARKETPLACE, &[("tags", Some(tag))])
}

/// A listing of the marketplace.
pub fn listing(slug: &str) -> String {
    format!("{MARKETPLACE}/{}", escape(slug))
}

/// The reviews of a listing, where the forms about them lead back to.
#[cfg(feature = "ssr")]
pub fn reviews(slug: &str) -> String {
    format!("{}#reviews", listing(slug))
}

/// The reviews of a listing, of these stars and in this order, from a cursor on.
pub fn reviews_page(slug: &str, filter: ReviewFilter, cursor: Option<&str>) -> String {
    format!("{}#reviews", reviews_query(slug, filter, cursor, None))
}

/// The same with the form that reports one of them.
pub fn report_review(
    slug: &str,
    filter: ReviewFilter,
    cursor: Option<&str>,
    id: ReviewId,
) -> String {
    format!("{}#report", reviews_query(slug, filter, cursor, Some(id)))
}

fn reviews_query(
    slug: &str,
    filter: ReviewFilter,
    cursor: Option<&str>,
    reported: Option<ReviewId>,
) -> String {
    let stars = filter.stars.map(|stars| stars.to_string());
    let sort = Some(filter.sort).filter(|sort| *sort != ReviewSort::default());
    let reported = reported.map(|id| id.to_string());
    let query = [
        ("stars", stars.as_deref()),
        ("sort", sort.map(ReviewSort::as_str)),
        ("reviews", cursor),
        ("report", reported.as_deref()),
    ];
    with_query(&listing(slug), &query)
}

/// A listing that the viewer has reported, or a review of it, where that form leads to.
#[cfg(feature = "ssr")]
pub fn reported(slug: &str) -> String {
    format!("{}?reported=yes#report", listing(slug))
}

/// A shelf of the marketplace.
pub fn collection(slug: &str) -> String {
    format!("{MARKETPLACE}/collections/{}", escape(slug))
}

/// Somebody who publishes listings.
pub fn publisher(handle: &str) -> String {
    format!("/publishers/{}", escape(handle))
}

/// Somebody who publishes listings, with these from a cursor on.
pub fn publisher_page(handle: &str, cursor: &str) -> String {
    with_query(&publisher(handle), &[("cursor", Some(cursor))])
}

/// The page that publishes an agent to the marketplace.
pub fn publish(id: AgentId) -> String {
    format!("{}/publish", agent(id))
}

/// What was handed in of an agent, from a cursor on.
pub fn submissions_page(id: AgentId, cursor: &str) -> String {
    format!("{}#history-title", with_query(&publish(id), &[("submissions", Some(cursor))]))
}

/// Where the form sends a picture that is added to what is handed in.
pub fn pictures(id: AgentId) -> String {
    format!("{}/pictures", agent(id))
}

/// One of the files of a picture: `webp`, `jpg` or `png`.
pub fn image(id: ImageId, width: u32, ending: &str) -> String {
    format!("/images/{id}/{width}.{ending}")
}

/// The listing that an agent would be, as its page will look.
pub fn preview(id: AgentId) -> String {
    format!("{}/preview", publish(id))
}

/// The newer version of the listing that an agent was copied from.
pub fn update(id: AgentId) -> String {
    format!("{}/update", agent(id))
}

//! Cards: what other sites show where somebody shares a link to a public page (Open Graph). They are drawn
//! here, 1200 × 630 points, each once for as long as what it shows stays the same.

use std::fmt::Write as _;
use std::sync::Arc;

use resonant_domain::agent::Avatar;
use resonant_domain::collection::Collection;
use resonant_domain::image::{ImageKind, Picture};
use resonant_domain::listing::ListingSummary;
use resonant_domain::publisher::Publisher;
use resonant_domain::review::tenths;
use sha2::{Digest as _, Sha256};

use crate::cache::hex;
use crate::cache::picture::{CardEntry, CardKey, File, PictureEntry, PictureKey};
use crate::{Backend, Ctx, Document, Error, Result, collections, images, listings, publishers};

mod canvas;
mod colour;
mod layout;
mod text;

/// Changes with how cards look.
const LOOK: u8 = 1;
/// How many bytes of a digest tell two cards apart.
const DIGEST: usize = 8;

/// What a card shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Card {
    /// What kind of thing it is of.
    kicker: String,
    title: String,
    /// The title where its own letters cannot be drawn.
    instead: String,
    text: String,
    /// Who made it.
    by: Option<String>,
    /// `4.4` of five stars.
    stars: Option<String>,
    /// Numbers with their words.
    figures: Vec<String>,
    mark: Mark,
}

/// What stands beside the title.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    /// A picture that was uploaded.
    Picture(Picture),
    /// The first letters on a ground of a hue.
    Letters(u16),
    /// The mark of Resonant.
    Logo,
}

impl Card {
    fn of_listing(listing: &ListingSummary) -> Self {
        let mut figures = Vec::new();
        if listing.rating_count > 0 {
            figures.push(counted(listing.rating_count, "rating"));
        }
        if listing.installs > 0 {
            figures.push(counted(listing.installs, "install"));
        }
        let Avatar { hue, .. } = listing.avatar;
        Self {
            kicker: listing.category.title().to_owned(),
            title: listing.name.clone(),
            instead: format!("{} agent", listing.category.title()),
            text: listing.tagline.clone(),
            by: Some(listing.publisher.clone()),
            stars: tenths(listing.rating_hundredths, listing.rating_count),
            figures,
            mark: listing.picture.clone().map_or(Mark::Letters(hue), Mark::Picture),
        }
    }

    fn of_publisher(publisher: &Publisher) -> Self {
        let mut figures = vec![counted(publisher.listing_count, "agent")];
        if publisher.installs > 0 {
            figures.push(counted(publisher.installs, "install"));
        }
        let hue =
            publisher.handle.bytes().fold(0, |sum: u16, byte| (sum * 7 + u16::from(byte)) % 360);
        Self {
            kicker: "Publisher".to_owned(),
            title: publisher.name.clone(),
            instead: publisher.handle.clone(),
            text: publisher.bio.clone(),
            by: Some(format!("@{}", publisher.handle)),
            stars: tenths(publisher.rating_hundredths, publisher.rating_count),
            figures,
            mark: Mark::Letters(hue),
        }
    }

    fn of_collection(collection: &Collection) -> Self {
        let count = i64::try_from(collection.listings.len()).unwrap_or(i64::MAX);
        Self {
            kicker: "Collection".to_owned(),
            title: collection.title.clone(),
            instead: "A collection of agents".to_owned(),
            text: collection.description.clone(),
            by: None,
            stars: None,
            figures: vec![counted(count, "agent")],
            mark: Mark::Logo,
        }
    }

    fn of_the_site() -> Self {
        Self {
            kicker: "Open source".to_owned(),
            title: "Give an agent a goal. See everything it does.".to_owned(),
            instead: "Resonant".to_owned(),
            text: "A platform for AI agents: build one, or take one from the marketplace."
                .to_owned(),
            by: None,
            stars: None,
            figures: Vec::new(),
            mark: Mark::Logo,
        }
    }

    /// Tells what it shows from everything else that it could show.
    pub(crate) fn version(&self) -> String {
        let mut shown = format!("{LOOK}");
        let texts = [&self.kicker, &self.title, &self.instead, &self.text];
        let texts = texts.into_iter().chain(&self.by).chain(&self.stars).chain(&self.figures);
        for text in texts {
            // The length keeps neighbours apart; writing to a String cannot fail.
            let _ = write!(shown, "\n{} {text}", text.len());
        }
        let _ = match &self.mark {
            Mark::Picture(picture) => write!(shown, "\npicture {}", picture.id),
            Mark::Letters(hue) => write!(shown, "\nhue {hue}"),
            Mark::Logo => write!(shown, "\nlogo"),
        };
        hex(&Sha256::digest(shown)[..DIGEST])
    }
}

/// `1 install`, `12 installs`, `1.2k installs`: a card is not drawn anew for each one of thousands.
fn counted(count: i64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    match count {
        ..1_000 => format!("{count} {noun}{ending}"),
        1_000..1_000_000 => format!("{}.{}k {noun}s", count / 1_000, count % 1_000 / 100),
        _ => format!("{}.{}m {noun}s", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

/// Where the card of a listing is.
#[must_use]
pub fn listing_path(listing: &ListingSummary) -> String {
    format!("/og/listings/{}.png?v={}", listing.slug, Card::of_listing(listing).version())
}

/// Where the card of a publisher is.
#[must_use]
pub fn publisher_path(publisher: &Publisher) -> String {
    let version = Card::of_publisher(publisher).version();
    format!("/og/publishers/{}.png?v={version}", publisher.handle)
}

/// Where the card of a collection is.
#[must_use]
pub fn collection_path(collection: &Collection) -> String {
    let version = Card::of_collection(collection).version();
    format!("/og/collections/{}.png?v={version}", collection.slug)
}

/// Where the card of all other pages is.
#[must_use]
pub fn site_path() -> String {
    format!("/og/default.png?v={}", Card::of_the_site().version())
}

/// What a card is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The installation.
    Site,
    /// A listing, by its slug.
    Listing(&'a str),
    /// A publisher, by their handle.
    Publisher(&'a str),
    /// A collection, by its slug.
    Collection(&'a str),
}

/// A card with the version that its address should name.
#[derive(Clone, Debug)]
pub struct DrawnCard {
    /// The PNG.
    pub file: Arc<Document<File>>,
    /// The version of what it shows.
    pub version: String,
}

/// Reads a card. Anyone may.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::TooMany`] while others are being drawn.
#[tracing::instrument(name = "cards.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, subject: Subject<'_>) -> Result<DrawnCard> {
    let (name, card) = match subject {
        Subject::Site => ("site".to_owned(), Card::of_the_site()),
        Subject::Listing(slug) => {
            let listing = listings::document(ctx, slug).await?;
            (format!("listing/{slug}"), Card::of_listing(&listing.value().summary))
        }
        Subject::Publisher(handle) => {
            let publisher = publishers::document(ctx, handle).await?;
            (format!("publisher/{handle}"), Card::of_publisher(publisher.value()))
        }
        Subject::Collection(slug) => {
            let collection = collections::document(ctx, slug).await?;
            (format!("collection/{slug}"), Card::of_collection(collection.value()))
        }
    };
    let version = card.version();
    let key = CardKey { subject: name, card: Arc::new(card) };
    let backend = ctx.backend();
    let file = backend.cache().get::<CardEntry>(backend, &key).await?;
    let file = file.ok_or(Error::NotFound("card"))?;
    Ok(DrawnCard { file, version })
}

/// Draws a card.
pub(crate) async fn draw(backend: &Backend, card: Arc<Card>) -> Result<Vec<u8>> {
    let picture = match &card.mark {
        Mark::Picture(picture) => {
            // The decoder of pictures that people send reads our own too.
            let width = picture.width.min(ImageKind::Avatar.steps()[2]);
            let format = picture.fallback.as_str();
            let key = PictureKey { id: picture.id, width, format };
            backend.cache().get::<PictureEntry>(backend, &key).await?
        }
        Mark::Letters(_) | Mark::Logo => None,
    };
    images::off_thread(move || {
        let picture =
            picture.and_then(|file| images::decode(ImageKind::Avatar, &file.value().bytes).ok());
        layout::draw(&card, picture.map(image::DynamicImage::into_rgba8).as_ref())
    })
    .await?
    .map_err(Error::internal)
}

#[cfg(test)]
mod tests;

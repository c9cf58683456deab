//! What the page that publishes an agent asks the server.

use std::collections::BTreeMap;

use leptos::prelude::*;
use resonant_domain::listing::ForkedFrom;
use resonant_domain::page::Page;
use resonant_domain::publication::{Publication, Submission};
use resonant_domain::purchase::Earning;
use resonant_domain::upstream::ListingUpdate;
use resonant_domain::{AgentId, ImageId, SessionId};
use serde::{Deserialize, Serialize};

use super::examples::ExampleForm;
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// What a form has seen that was drawn where there was no draft.
#[cfg(feature = "ssr")]
const NO_DRAFT: &str = "none";

/// How publishing an agent stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishPage {
    /// The agent.
    pub agent_id: AgentId,
    /// Whether the viewer is a guest, who has no name to publish under.
    pub is_guest: bool,
    /// How it stands, with what was handed in last.
    pub publication: Publication,
    /// What was handed in, from the cursor on that was asked for.
    pub history: Page<Submission>,
    /// Names the draft, for whoever saves another one over it.
    pub seen: String,
    /// The description of what is on its way, from Markdown, as HTML that the server made safe.
    pub preview: Option<String>,
    /// The newest sessions of the agent that its listing can show, once there is one.
    pub sessions: Vec<(SessionId, String)>,
    /// The one that it shows now.
    pub shown: Option<(SessionId, String)>,
    /// What the listing earned, in each currency.
    pub earnings: Vec<Earning>,
}

/// What a publisher writes about a listing, as a form sends it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListingForm {
    /// The name.
    #[serde(default)]
    pub name: String,
    /// What it does in one line.
    #[serde(default)]
    pub tagline: String,
    /// What it is for.
    #[serde(default)]
    pub category: String,
    /// What it does and how, in Markdown.
    #[serde(default)]
    pub description: String,
    /// Words to find it by, with commas in between.
    #[serde(default)]
    pub tags: String,
    /// What is new.
    #[serde(default)]
    pub change_log: String,
    /// How it is paid for; free where nothing is said.
    #[serde(default)]
    pub price_kind: String,
    /// How much, as people write it.
    #[serde(default)]
    pub price_amount: String,
    /// In which money.
    #[serde(default)]
    pub price_currency: String,
    /// For how long a subscription or a rental is paid.
    #[serde(default)]
    pub price_interval: String,
    /// Goals to try it with. One without words counts for nothing.
    #[serde(default)]
    pub examples: Vec<ExampleForm>,
}

/// The price that a form asks for.
#[cfg(feature = "ssr")]
fn read_price(form: &ListingForm) -> Result<resonant_domain::price::Price, AppError> {
    use resonant_domain::price::{Currency, Interval, Price, PriceKind};

    let kind = match form.price_kind.as_str() {
        "" => PriceKind::Free,
        text => PriceKind::parse(text)
            .ok_or_else(|| ssr::invalid("price", "must be one of the list"))?,
    };
    if kind == PriceKind::Free {
        return Ok(Price::FREE);
    }
    let currency = Currency::parse(&form.price_currency)
        .ok_or_else(|| ssr::invalid("price.currency", "must be one of the list"))?;
    let reason = match currency {
        Currency::Usd | Currency::Eur | Currency::Gbp => "must be an amount such as 5.00",
        Currency::Jpy => "must be an amount such as 500",
    };
    let amount =
        currency.read(&form.price_amount).ok_or_else(|| ssr::invalid("price.amount", reason))?;
    // The others have no span of time, whatever stands in the list.
    let interval = Interval::parse(&form.price_interval).filter(|_| kind.has_interval());
    Ok(Price { kind, amount, currency, interval })
}

/// How publishing an agent stands, and what was handed in, from a cursor on.
#[server(prefix = "/api/fn", endpoint = "publishing/get_publication")]
pub async fn get_publication(
    id: AgentId,
    #[server(default)] submissions: Option<String>,
) -> Result<PublishPage, AppError> {
    /// So many submissions are shown at once.
    const SHOWN: Option<u32> = Some(10);

    use resonant_backend::{members, publications};
    use resonant_domain::member::UserKind;
    use resonant_domain::page::PageRequest;

    let ctx = ssr::ctx()?;
    let from = |cursor| PageRequest { cursor, limit: SHOWN };
    let publication = publications::get(&ctx, id, from(None)).await.map_err(ssr::fail)?;
    let of_history = match submissions {
        None => publication.clone(),
        later => publications::get(&ctx, id, from(later)).await.map_err(ssr::fail)?,
    };
    let history = Page { items: of_history.submissions, next_cursor: of_history.next_cursor };
    let viewer = members::viewer(&ctx).await.map_err(ssr::fail)?;
    let open = publication.submissions.first().filter(|newest| newest.decided_at.is_none());
    let seen = open.map_or_else(|| NO_DRAFT.to_owned(), resonant_backend::version_of);
    let preview =
        open.map(|open| crate::features::sessions::markdown_html(&open.texts.description));
    let is_guest = viewer.is_some_and(|viewer| viewer.kind == UserKind::Guest);
    let (mut sessions, mut shown) = (Vec::new(), None);
    if publication.listing.is_some() {
        sessions = publications::showable(&ctx, id).await.map_err(ssr::fail)?;
        shown = publications::shown(&ctx, id).await.map_err(ssr::fail)?;
    }
    let mut earnings = Vec::new();
    if let Some(listing) = publication.listing.as_ref().filter(|_| publication.takes_payments) {
        let earned = resonant_backend::purchases::earnings_of(&ctx, &listing.slug).await;
        earnings = earned.map_err(ssr::fail)?;
    }
    Ok(PublishPage {
        agent_id: id,
        is_guest,
        publication,
        history,
        seen,
        preview,
        sessions,
        shown,
        earnings,
    })
}

/// Keeps what is to be handed in, unless it has changed since it was `seen`; `overwrite` keeps it all the same.
/// Answers what it is called from then on. Nobody is led to its preview whose page `is_left`.
#[server(prefix = "/api/fn", endpoint = "publishing/save_submission")]
pub async fn save_submission(
    id: AgentId,
    form: ListingForm,
    #[server(default)] is_left: bool,
    #[server(default)] seen: String,
    #[server(default)] overwrite: bool,
) -> Result<String, AppError> {
    use resonant_backend::{Seen, publications, version_of};
    use resonant_domain::listing::Category;
    use resonant_domain::publication::{ListingTexts, read_tags};

    // A form sends line ends as CR LF (WHATWG HTML 4.10.21.8); texts keep LF alone.
    let lines = |text: String| text.replace("\r\n", "\n");
    let category = Category::parse(&form.category)
        .ok_or_else(|| ssr::invalid("category", "must be one of the list"))?;
    let price = read_price(&form)?;
    let texts = ListingTexts {
        name: form.name,
        tagline: form.tagline,
        category,
        description: lines(form.description),
        tags: read_tags(&form.tags),
        change_log: lines(form.change_log),
        price,
        examples: super::examples::read_examples(form.examples),
    };
    let mut ctx = ssr::ctx()?;
    if !overwrite && !seen.is_empty() {
        let expected = if seen == NO_DRAFT { Seen::NOTHING } else { Seen::at(seen) };
        ctx = ctx.expecting(expected);
    }
    let saved = publications::save(&ctx, id, texts).await.map_err(not_saved)?;
    if !is_left {
        ssr::redirect_to_part(&format!("{}#preview", paths::publish(id)));
    }
    Ok(version_of(&saved))
}

/// Why a draft is not saved. That it has changed since it was seen is told of that field: whoever saves it may
/// do so all the same, and has another way out of every other conflict.
#[cfg(feature = "ssr")]
fn not_saved(error: resonant_backend::Error) -> AppError {
    use resonant_domain::FieldFault;

    let is_late = matches!(error, resonant_backend::Error::Changed(_));
    let mut told = ssr::fail(error);
    if is_late {
        told.fields.push(FieldFault::new("seen", told.message.clone()));
    }
    told
}

/// Changes one of the pictures of the saved draft.
#[server(prefix = "/api/fn", endpoint = "publishing/change_picture")]
pub async fn change_picture(
    id: AgentId,
    image: ImageId,
    #[server(default)] act: String,
    #[server(default)] alt: String,
) -> Result<(), AppError> {
    use resonant_backend::publications::pictures::{self, PictureChange};

    let change = match act.as_str() {
        "earlier" => PictureChange::Earlier,
        "later" => PictureChange::Later,
        "remove" => PictureChange::Remove,
        "describe" => PictureChange::Describe(alt),
        _ => return Err(ssr::invalid("act", "must be earlier, later, remove or describe")),
    };
    pictures::change(&ssr::ctx()?, id, image, change).await.map_err(ssr::fail)?;
    ssr::redirect(&format!("{}#pictures", paths::publish(id)));
    Ok(())
}

/// Hands the saved draft in.
#[server(prefix = "/api/fn", endpoint = "publishing/submit")]
pub async fn submit_listing(id: AgentId) -> Result<(), AppError> {
    resonant_backend::publications::submit(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::publish(id));
    Ok(())
}

/// Takes back what was handed in.
#[server(prefix = "/api/fn", endpoint = "publishing/withdraw")]
pub async fn withdraw_listing(id: AgentId) -> Result<(), AppError> {
    resonant_backend::publications::withdraw(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::publish(id));
    Ok(())
}

/// Pauses the listing, takes it off, or puts it back.
#[server(prefix = "/api/fn", endpoint = "publishing/set_state")]
pub async fn set_listing_state(id: AgentId, state: String) -> Result<(), AppError> {
    use resonant_domain::listing::ListingState;

    let state = ListingState::parse(&state)
        .ok_or_else(|| ssr::invalid("state", "must be published, paused or unlisted"))?;
    resonant_backend::publications::set_state(&ssr::ctx()?, id, state).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::publish(id));
    Ok(())
}

/// Says that the listing is kept up no more, or once more.
#[server(prefix = "/api/fn", endpoint = "publishing/deprecate")]
pub async fn deprecate_listing(
    id: AgentId,
    is_deprecated: bool,
    #[server(default)] successor: String,
) -> Result<(), AppError> {
    use resonant_backend::publications;
    use resonant_domain::collection::read_slugs;

    let ctx = ssr::ctx()?;
    if is_deprecated {
        // An address is as good as the slug in it.
        let slug = read_slugs(&successor).into_iter().next();
        publications::deprecate(&ctx, id, slug.as_deref()).await
    } else {
        publications::keep_up(&ctx, id).await
    }
    .map_err(ssr::fail)?;
    ssr::redirect(&paths::publish(id));
    Ok(())
}

/// Shows one of the publisher's sessions on the listing's page, or none.
#[server(prefix = "/api/fn", endpoint = "publishing/show_session")]
pub async fn show_session(
    id: AgentId,
    #[server(default)] session: String,
    #[server(default)] consent: bool,
) -> Result<(), AppError> {
    use resonant_backend::publications::{self, Consent};

    let ctx = ssr::ctx()?;
    if session.is_empty() {
        publications::hide(&ctx, id).await.map_err(ssr::fail)?;
    } else {
        let session =
            session.parse().map_err(|_| ssr::invalid("session", "must be one of the list"))?;
        let consent = if consent { Consent::Given } else { Consent::Refused };
        publications::show(&ctx, id, session, consent).await.map_err(ssr::fail)?;
    }
    ssr::redirect(&paths::publish(id));
    Ok(())
}

/// Deletes a version of the listing.
#[server(prefix = "/api/fn", endpoint = "publishing/delete_version")]
pub async fn delete_listing_version(id: AgentId, version: i32) -> Result<(), AppError> {
    resonant_backend::publications::delete_version(&ssr::ctx()?, id, version)
        .await
        .map_err(ssr::fail)?;
    ssr::redirect(&paths::publish(id));
    Ok(())
}

/// What a newer version of its listing would change in an agent.
#[server(prefix = "/api/fn", endpoint = "publishing/get_update")]
pub async fn get_update(id: AgentId) -> Result<Option<ListingUpdate>, AppError> {
    resonant_backend::listings::updates::find(&ssr::ctx()?, id).await.map_err(ssr::fail)
}

/// Brings an agent to the version of its listing that the page showed, with the sides that were chosen, and
/// goes to its editor.
#[server(prefix = "/api/fn", endpoint = "publishing/take_update")]
pub async fn take_update(
    id: AgentId,
    revision: i64,
    #[server(default)] to: i32,
    #[server(default)] consent: bool,
    #[server(default)] choices: BTreeMap<String, String>,
) -> Result<(), AppError> {
    use resonant_backend::listings::updates::{self, Consent, Taking};

    let consent = if consent { Consent::Wider } else { Consent::Nothing };
    let choices = super::conflicts::read_choices(&choices);
    let taking = Taking { revision, to, consent, choices };
    updates::take(&ssr::ctx()?, id, taking).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::agent(id));
    Ok(())
}

/// The listing that an agent was copied from.
#[server(prefix = "/api/fn", endpoint = "publishing/get_origin")]
pub async fn get_origin(id: AgentId) -> Result<Option<ForkedFrom>, AppError> {
    resonant_backend::listings::origin(&ssr::ctx()?, id).await.map_err(ssr::fail)
}

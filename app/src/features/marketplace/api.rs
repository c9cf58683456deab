//! What the marketplace asks the server.

use leptos::prelude::*;
use resonant_domain::AgentId;
use resonant_domain::budget::BudgetLimits;
use resonant_domain::collection::Collection;
use resonant_domain::listing::{Listing, ListingFilter, ListingPage, ListingSummary};
use resonant_domain::publisher::Publisher;
use resonant_domain::review::ListingFacts;
use resonant_domain::variable::Values;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// What stands at the front of the marketplace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelves {
    /// Collections of the moderators.
    pub featured: Vec<Collection>,
    /// The listings that make a good first agent.
    pub templates: Vec<ListingSummary>,
}

/// A listing beside what its page says about models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenedListing {
    /// The listing.
    pub listing: Listing,
    /// Its description, from Markdown, as HTML that the server made safe.
    pub description: String,
    /// The language model that answers here; `None` where the built-in planner does.
    pub language_model: Option<String>,
    /// What a guest may use in a month; `None` for a member, who is bound by none of it.
    pub guest_limits: Option<BudgetLimits>,
    /// What was measured about its versions, in their order; nothing where none but the first is there.
    pub figures: Vec<ListingFacts>,
}

#[cfg(feature = "ssr")]
impl OpenedListing {
    fn of(ctx: &resonant_backend::Ctx, listing: Listing, figures: Vec<ListingFacts>) -> Self {
        use resonant_backend::Actor;
        use resonant_domain::member::UserKind;

        let backend = ctx.backend();
        let is_member = matches!(ctx.actor(), Actor::User { kind: UserKind::Member, .. });
        Self {
            description: crate::features::sessions::markdown_html(&listing.description),
            language_model: backend.language_model(),
            guest_limits: (!is_member).then(|| backend.guest_limits().of_one()),
            figures,
            listing,
        }
    }
}

/// A page of the listings that match.
#[server(prefix = "/api/fn", endpoint = "marketplace/browse_listings")]
pub async fn browse_listings(
    #[server(default)] filter: ListingFilter,
) -> Result<ListingPage, AppError> {
    resonant_backend::listings::browse(&ssr::ctx()?, filter).await.map_err(ssr::fail)
}

/// One listing with all that there is to know about it.
#[server(prefix = "/api/fn", endpoint = "marketplace/get_listing")]
pub async fn get_listing(slug: String) -> Result<OpenedListing, AppError> {
    use resonant_backend::{Error, listings, publications, reviews};

    let ctx = ssr::ctx()?;
    let listing = match listings::get(&ctx, &slug).await {
        // Whoever has taken it off sees it all the same.
        Err(hidden @ Error::NotFound(_)) => {
            publications::taken_off(&ctx, &slug).await.map_err(|_| ssr::fail(hidden))?
        }
        found => found.map_err(ssr::fail)?,
    };
    let figures = if listing.versions.len() > 1 {
        let versions: Vec<_> = listing.versions.iter().map(|version| version.version).collect();
        reviews::facts_by_version(&ctx, &slug, &versions).await.map_err(ssr::fail)?
    } else {
        Vec::new()
    };
    Ok(OpenedListing::of(&ctx, listing, figures))
}

/// The listing that an agent's open submission would make, as its page will look.
#[server(prefix = "/api/fn", endpoint = "marketplace/get_preview")]
pub async fn get_preview(id: AgentId) -> Result<OpenedListing, AppError> {
    let ctx = ssr::ctx()?;
    let listing = resonant_backend::publications::preview(&ctx, id).await.map_err(ssr::fail)?;
    Ok(OpenedListing::of(&ctx, listing, Vec::new()))
}

/// What stands at the front of the marketplace.
#[server(prefix = "/api/fn", endpoint = "marketplace/list_shelves")]
pub async fn list_shelves() -> Result<Shelves, AppError> {
    use resonant_backend::{collections, listings};

    let ctx = ssr::ctx()?;
    let featured = collections::featured(&ctx).await.map_err(ssr::fail)?;
    let templates = listings::templates(&ctx).await.map_err(ssr::fail)?;
    let templates = templates.into_iter().map(|listing| listing.summary).collect();
    Ok(Shelves { featured, templates })
}

/// A collection with its listings.
#[server(prefix = "/api/fn", endpoint = "marketplace/get_collection")]
pub async fn get_collection(slug: String) -> Result<Collection, AppError> {
    resonant_backend::collections::get(&ssr::ctx()?, &slug).await.map_err(ssr::fail)
}

/// A publisher with their listings.
#[server(prefix = "/api/fn", endpoint = "marketplace/get_publisher")]
pub async fn get_publisher(
    handle: String,
    #[server(default)] cursor: Option<String>,
) -> Result<Publisher, AppError> {
    use resonant_backend::publishers;
    use resonant_domain::page::PageRequest;

    let ctx = ssr::ctx()?;
    match cursor {
        None => publishers::get(&ctx, &handle).await,
        cursor => publishers::page(&ctx, &handle, PageRequest { cursor, limit: None }).await,
    }
    .map_err(ssr::fail)
}

/// Vouches for a publisher, or no more.
#[server(prefix = "/api/fn", endpoint = "marketplace/mark_publisher")]
pub async fn mark_publisher(handle: String, is_verified: bool) -> Result<(), AppError> {
    use resonant_backend::publishers::{self, Mark};

    let mark = if is_verified { Mark::Verified } else { Mark::Unverified };
    publishers::set_verified(&ssr::ctx()?, &handle, mark).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::publisher(&handle));
    Ok(())
}

/// Adds a listing's agent to the viewer's own and goes to its editor. Somebody who is not known yet
/// becomes a guest.
#[server(prefix = "/api/fn", endpoint = "marketplace/install_listing")]
pub async fn install_listing(
    slug: String,
    #[server(default)] version: Option<i32>,
) -> Result<(), AppError> {
    use resonant_backend::{listings, members};

    let ctx = ssr::ctx()?;
    members::begin_guest(&ctx).await.map_err(ssr::fail)?;
    let agent = listings::install_version(&ctx, &slug, version).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::agent(agent.id));
    Ok(())
}

/// Sets a listing's agent on a goal and goes to the session. The agent is among the viewer's own
/// from then on; somebody who is not known yet becomes a guest.
#[server(prefix = "/api/fn", endpoint = "marketplace/install_and_run")]
pub async fn install_and_run(
    slug: String,
    #[server(default)] version: Option<i32>,
    #[server(default)] goal: String,
    #[server(default)] context: String,
    #[server(default)] variables: Values,
    #[server(default)] intent: String,
) -> Result<(), AppError> {
    use resonant_backend::{listings, sessions};
    use resonant_domain::origin::OriginKind;
    use resonant_domain::variable;

    use crate::features::studio::given;

    let mut new = new_session(&goal, &context)?;
    let ctx = ssr::ctx()?;
    new.variables = given(&variables);
    // Before anything is made, as with the other fields.
    let listing = listings::get(&ctx, &slug).await.map_err(ssr::fail)?;
    variable::resolve(&listing.agent.variables, &new.variables)
        .map_err(|fields| ssr::fail(resonant_backend::Error::Invalid(fields)))?;
    if !ssr::guest_first(&ctx, &intent).await? {
        return Ok(());
    }
    let said = (slug.clone(), version, goal, context, variables);
    // Both get the identity that is set aside for the form: another try finds whichever is there.
    let act = move |ctx| async move {
        let agent = listings::install_version(&ctx, &slug, version).await?;
        sessions::start_by(&ctx, agent.id, new, OriginKind::Marketplace).await
    };
    let session = ssr::once(&ctx, "marketplace/install_and_run", &intent, &said, act).await?;
    ssr::redirect(&paths::session(session.id));
    Ok(())
}

/// The session that the form asks for. Checked first, so that a form with a fault makes neither a
/// guest nor an agent.
#[cfg(feature = "ssr")]
fn new_session(
    goal: &str,
    context: &str,
) -> Result<resonant_domain::session::NewSession, AppError> {
    use resonant_domain::session::NewSession;

    // A form sends line ends as CR LF (WHATWG HTML 4.10.21.8); texts keep LF alone.
    let lines = |text: &str| text.replace("\r\n", "\n");
    let context = Some(lines(context)).filter(|context| !context.trim().is_empty());
    let new = NewSession { goal: lines(goal).trim().to_owned(), context, ..NewSession::default() };
    new.check().map_err(|fields| ssr::fail(resonant_backend::Error::Invalid(fields)))?;
    Ok(new)
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_a_session() {
        let new = new_session(" Sum up\r\n", "a\r\nb").unwrap();
        assert_eq!(new.goal, "Sum up");
        assert_eq!(new.context.as_deref(), Some("a\nb"));
        assert_eq!(new_session("x", " \r\n").unwrap().context, None);
    }

    #[test]
    fn a_goal_is_needed() {
        let error = new_session("  ", "text").unwrap_err();
        assert!(error.field("goal").is_some());
    }
}

//! What moderators ask the server.

use leptos::prelude::*;
use resonant_domain::collection::Collection;
use resonant_domain::page::Page;
#[cfg(feature = "ssr")]
use resonant_domain::page::PageRequest;
use resonant_domain::publication::{Case, CaseSummary, Report};
use resonant_domain::{ReportId, SubmissionId};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// What waits for a moderator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What was handed in, the longest waiting first.
    pub cases: Page<CaseSummary>,
    /// What people report, the oldest first.
    pub reports: Page<Report>,
}

/// A submission with its description as it would be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenedCase {
    /// The submission and what differs.
    pub case: Case,
    /// Its description, from Markdown, as HTML that the server made safe.
    pub description: String,
}

/// What waits for a moderator, each list from a cursor on.
#[server(prefix = "/api/fn", endpoint = "moderation/get_queue")]
pub async fn get_queue(
    #[server(default)] cases: Option<String>,
    #[server(default)] reports: Option<String>,
) -> Result<Waiting, AppError> {
    use resonant_backend::moderation;

    let ctx = ssr::ctx()?;
    let from = |cursor| PageRequest { cursor, limit: None };
    Ok(Waiting {
        cases: moderation::cases(&ctx, from(cases)).await.map_err(ssr::fail)?,
        reports: moderation::reports(&ctx, from(reports)).await.map_err(ssr::fail)?,
    })
}

/// A submission beside the version that was approved last.
#[server(prefix = "/api/fn", endpoint = "moderation/get_case")]
pub async fn get_case(id: SubmissionId) -> Result<OpenedCase, AppError> {
    let case = resonant_backend::moderation::case(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    let description = crate::features::sessions::markdown_html(&case.submission.texts.description);
    Ok(OpenedCase { case, description })
}

/// Approves a submission, or asks its publisher for changes: the one that the page showed, and no other.
#[server(prefix = "/api/fn", endpoint = "moderation/decide_case")]
pub async fn decide_case(
    id: SubmissionId,
    #[server(default)] seen: String,
    #[server(default)] comment: String,
    #[server(default)] verdict: String,
) -> Result<(), AppError> {
    use resonant_backend::moderation::{self, Ruling};

    let ctx = ssr::ctx()?;
    // A form sends line ends as CR LF (WHATWG HTML 4.10.21.8); texts keep LF alone.
    let comment = comment.replace("\r\n", "\n");
    let ruling = Ruling { seen: &seen, comment: &comment };
    match verdict.as_str() {
        "approve" => moderation::approve(&ctx, id, ruling).await.map(drop),
        "request_changes" => moderation::request_changes(&ctx, id, ruling).await,
        _ => return Err(ssr::invalid("verdict", "must be approve or request_changes")),
    }
    .map_err(ssr::fail)?;
    ssr::redirect(paths::MODERATION);
    Ok(())
}

/// Collections, and the one that is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Curated {
    /// The collections, without their listings, the newest first.
    pub collections: Page<Collection>,
    /// The one that is changed.
    pub edited: Option<Collection>,
}

/// The collections, for moderators, from a cursor on.
#[server(prefix = "/api/fn", endpoint = "moderation/get_collections")]
pub async fn get_collections(
    edit: Option<String>,
    #[server(default)] cursor: Option<String>,
) -> Result<Curated, AppError> {
    use resonant_backend::collections;

    let ctx = ssr::ctx()?;
    let page = PageRequest { cursor, limit: None };
    let all = collections::curated(&ctx, page).await.map_err(ssr::fail)?;
    let edited = match edit {
        Some(slug) => Some(collections::get(&ctx, &slug).await.map_err(ssr::fail)?),
        None => None,
    };
    Ok(Curated { collections: all, edited })
}

/// Makes a collection, or changes the one of `slug`.
#[server(prefix = "/api/fn", endpoint = "moderation/save_collection")]
pub async fn save_collection(
    #[server(default)] slug: String,
    #[server(default)] title: String,
    #[server(default)] description: String,
    #[server(default)] is_featured: bool,
    #[server(default)] listings: String,
) -> Result<(), AppError> {
    use resonant_backend::collections;
    use resonant_domain::collection::{NewCollection, read_slugs};

    let ctx = ssr::ctx()?;
    let description = description.replace("\r\n", "\n");
    let new = NewCollection { title, description, is_featured, listings: read_slugs(&listings) };
    let saved = if slug.is_empty() {
        collections::create(&ctx, new).await.map(drop)
    } else {
        collections::update(&ctx, &slug, new).await
    };
    saved.map_err(ssr::fail)?;
    ssr::redirect(paths::COLLECTIONS);
    Ok(())
}

/// Deletes a collection.
#[server(prefix = "/api/fn", endpoint = "moderation/delete_collection")]
pub async fn delete_collection(slug: String) -> Result<(), AppError> {
    resonant_backend::collections::delete(&ssr::ctx()?, &slug).await.map_err(ssr::fail)?;
    ssr::redirect(paths::COLLECTIONS);
    Ok(())
}

/// Closes a report: what it is about stays, or goes, and whose it is is told why.
#[server(prefix = "/api/fn", endpoint = "moderation/close_report")]
pub async fn close_report(
    id: ReportId,
    is_removed: bool,
    #[server(default)] comment: String,
) -> Result<(), AppError> {
    use resonant_backend::moderation::{self, Verdict};

    // A form sends line ends as CR LF (WHATWG HTML 4.10.21.8); texts keep LF alone.
    let comment = comment.replace("\r\n", "\n");
    let verdict = if is_removed { Verdict::Remove(&comment) } else { Verdict::Dismiss };
    moderation::close_report(&ssr::ctx()?, id, verdict).await.map_err(ssr::fail)?;
    ssr::redirect(paths::MODERATION);
    Ok(())
}

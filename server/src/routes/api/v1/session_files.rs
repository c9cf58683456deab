//! `/api/v1/sessions/{id}/export`: a session as a file to keep.

use axum::Extension;
use axum::response::Response;
use resonant_backend::{Ctx, sessions};
use resonant_domain::SessionId;
use resonant_domain::api_key::Scope;
use resonant_domain::session::Session;
use resonant_domain::session_event::SessionEvent;
use resonant_domain::session_text::markdown;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::extract::{PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The route of a session's file.
pub(crate) fn routes(api: Api) -> Api {
    let file = Operation::get("/sessions/{id}/export", "Writes a session as a file");
    let file = file.scope(Scope::SessionsRead).query::<ExportQuery>();
    api.add(file.answers::<SessionFile>(200).answers_text("text/markdown"), export)
}

/// A session and its whole log.
#[derive(Serialize, JsonSchema)]
pub(super) struct SessionFile {
    pub(super) session: Session,
    pub(super) events: Vec<SessionEvent>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// The record and its whole log.
    #[default]
    Json,
    /// A document for people.
    Md,
}

pub(crate) async fn export(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Fault> {
    let session = sessions::get(&ctx, id).await?;
    let events = sessions::events(&ctx, id, 0).await?;
    let (kind, name, text) = match query.format {
        Format::Json => {
            let file = serde_json::json!(SessionFile { session, events });
            ("application/json", "session.json", format!("{file:#}\n"))
        }
        Format::Md => {
            let text = markdown(&session, events);
            ("text/markdown; charset=utf-8", "session.md", text)
        }
    };
    Ok(reply::file(kind, name, text))
}

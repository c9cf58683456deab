//! `/account/audit/file` and `/admin/audit/file`: the audit log as a file.

use axum::Extension;
use axum::body::Body;
use axum::response::Response;
use resonant_backend::Ctx;
use resonant_backend::audit::{self, FileForm, Whose};
use resonant_domain::audit::AuditFilter;
use serde::Deserialize;

use crate::extract::Query;
use crate::fault::Fault;
use crate::reply;

/// What the page's links and form send: the same filter as the page has.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FileQuery {
    form: Form,
    group: String,
    since: String,
    until: String,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Csv,
    JsonLines,
}

pub(crate) async fn get_own(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<FileQuery>,
) -> Result<Response, Fault> {
    file(&ctx, Whose::Own, &query).await
}

pub(crate) async fn get_all(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<FileQuery>,
) -> Result<Response, Fault> {
    file(&ctx, Whose::All, &query).await
}

/// Writes the file while it is read. A fault on the way breaks it off, so that nobody takes a part for
/// the whole.
async fn file(ctx: &Ctx, whose: Whose, query: &FileQuery) -> Result<Response, Fault> {
    let filter = AuditFilter::of_form(&query.group, &query.since, &query.until);
    let filter = filter.map_err(Fault::invalid)?;
    let (form, kind, name) = match query.form {
        Form::Csv => (FileForm::Csv, "text/csv; charset=utf-8", "resonant-audit.csv"),
        Form::JsonLines => (FileForm::JsonLines, "application/x-ndjson", "resonant-audit.jsonl"),
    };
    let file = Body::from_stream(audit::export(ctx, whose, filter, form).await?);
    Ok(reply::file(kind, name, file))
}

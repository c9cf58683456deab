//! `/studio/agents/{id}/pictures`: the form that adds a picture to what is handed in. A browser sends it
//! by itself, with a script and without.

use axum::Extension;
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::response::{IntoResponse as _, Redirect, Response};
use resonant_backend::publications::pictures;
use resonant_backend::{Actor, Ctx, Error};
use resonant_domain::image::{ImageKind, Refusal, UPLOAD_MAX};
use resonant_domain::member::UserKind;
use resonant_domain::{AgentId, FaultKind};

use crate::extract::{Path, named};
use crate::fault::Fault;

/// Where the form is sent.
pub(crate) const PATH: &str = "/studio/agents/{id}/pictures";
/// So much of a form is read, in bytes: a browser that sends more than a picture may have is told so only
/// after all of it was taken.
pub(crate) const FORM_MAX: usize = 4 * UPLOAD_MAX;
/// The longest text of a field, in bytes.
const TEXT_MAX: usize = 4 * 1024;

/// Whether the form is sent to this path.
pub(crate) fn is_at(path: &str) -> bool {
    let id = path.strip_prefix("/studio/agents/").and_then(|rest| rest.strip_suffix("/pictures"));
    id.is_some_and(|id| !id.is_empty() && !id.contains('/'))
}

/// What a form sends.
#[derive(Debug, Default)]
struct Sent {
    kind: Vec<u8>,
    alt: Vec<u8>,
    image: Vec<u8>,
    is_too_large: bool,
}

pub(crate) async fn post(
    Extension(ctx): Extension<Ctx>,
    Path(id): Path<String>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Fault> {
    let id: AgentId = named(&id)?;
    // Before anything is read: the form is for members alone.
    if !matches!(ctx.actor(), Actor::User { kind: UserKind::Member, .. }) {
        return Ok(back(id, None));
    }
    let Ok(form) = form else {
        return Ok(back(id, Some(Refusal::Damaged)));
    };
    let Ok(sent) = read(form).await else {
        return Ok(back(id, Some(Refusal::Damaged)));
    };
    if sent.is_too_large {
        return Ok(back(id, Some(Refusal::Bytes)));
    }
    let Some(kind) = ImageKind::parse(&text(&sent.kind)) else {
        return Ok(back(id, Some(Refusal::Damaged)));
    };
    match pictures::add(&ctx, id, kind, text(&sent.alt).trim(), sent.image).await {
        Ok(_) => Ok(back(id, None)),
        Err(error) => match error.kind() {
            FaultKind::Internal | FaultKind::Unavailable => Err(error.into()),
            _ => Ok(back(id, refusal(&error))),
        },
    }
}

/// The page that the form stands on, which says why where the picture was refused. It says by itself what
/// else stands in the way: that there is no such agent, no account, or that it is in review.
fn back(id: AgentId, refusal: Option<Refusal>) -> Response {
    let page = format!("/studio/agents/{id}/publish");
    let page = match refusal {
        Some(refusal) => format!("{page}?refused={}#pictures", refusal.as_str()),
        None => format!("{page}#pictures"),
    };
    Redirect::to(&page).into_response()
}

/// Why a picture was refused. `None`: the page says by itself what stands in the way.
fn refusal(error: &Error) -> Option<Refusal> {
    match error.kind() {
        FaultKind::Invalid => {
            let fault = error.fields().first()?;
            let is_said = |refusal: &Refusal| refusal.to_string() == fault.reason;
            let said = Refusal::ALL.into_iter().find(is_said);
            Some(said.unwrap_or(Refusal::Alt))
        }
        FaultKind::Conflict => Some(Refusal::Full),
        FaultKind::TooMany => Some(Refusal::Busy),
        _ => None,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn read(mut form: Multipart) -> Result<Sent, MultipartError> {
    let mut sent = Sent::default();
    while let Some(field) = form.next_field().await? {
        match field.name() {
            Some("kind") => sent.kind = piece(field, TEXT_MAX).await?.unwrap_or_default(),
            Some("alt") => sent.alt = piece(field, TEXT_MAX).await?.unwrap_or_default(),
            Some("image") => match piece(field, UPLOAD_MAX).await? {
                Some(image) => sent.image = image,
                None => sent.is_too_large = true,
            },
            _ => {}
        }
    }
    Ok(sent)
}

/// A field of at most so many bytes; read to its end in any case.
async fn piece(mut field: Field<'_>, most: usize) -> Result<Option<Vec<u8>>, MultipartError> {
    let mut bytes = Some(Vec::new());
    while let Some(chunk) = field.chunk().await? {
        bytes = bytes.filter(|kept: &Vec<u8>| kept.len() + chunk.len() <= most);
        if let Some(kept) = &mut bytes {
            kept.extend_from_slice(&chunk);
        }
    }
    Ok(bytes)
}

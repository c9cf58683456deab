//! What the form for a new agent asks the server before there is an agent.

use leptos::prelude::*;
use resonant_domain::proposal::Proposal;

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// The longest note that a browser surely keeps, in bytes.
#[cfg(feature = "ssr")]
const NOTE_MAX: usize = 3_800;

/// Proposes a draft from what was said. Somebody who is not known yet becomes a guest: a model that is
/// asked is asked for someone.
#[server(prefix = "/api/fn", endpoint = "studio/propose_agent")]
pub async fn propose_agent(#[server(default)] wish: String) -> Result<Proposal, AppError> {
    use resonant_backend::{members, proposals};
    use resonant_domain::proposal;

    let wish = wish.replace("\r\n", "\n").trim().to_owned();
    proposal::check(&wish).map_err(super::form_rules::invalid)?;
    let ctx = ssr::ctx()?;
    members::begin_guest(&ctx).await.map_err(ssr::fail)?;
    let proposal = proposals::propose(&ctx, &wish).await.map_err(ssr::fail)?;
    leave(&proposal);
    ssr::redirect_form(paths::NEW_AGENT);
    Ok(proposal)
}

/// Leaves a proposal for the page that a form without a script leads back to. One that is longer than
/// a note may be is made by rules instead, which are short.
#[cfg(feature = "ssr")]
fn leave(proposal: &Proposal) {
    let Ok(text) = serde_json::to_string(proposal) else { return };
    let text = paths::escape(&text);
    if text.len() <= NOTE_MAX {
        ssr::leave_note(paths::NEW_AGENT, &text);
    }
}

/// The proposal that was left for the page, once.
#[cfg(feature = "ssr")]
pub(super) fn take_proposal() -> Option<Proposal> {
    let text = ssr::take_note(paths::NEW_AGENT)?;
    let text = unescape(&text)?;
    let proposal: Proposal = serde_json::from_str(&text).ok()?;
    // A cookie is the browser's to write.
    proposal.spec.check().is_ok().then_some(proposal)
}

/// The text that was percent-encoded.
#[cfg(feature = "ssr")]
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back() {
        for text in ["", "a b;c=\"d\"", "größe\n100 %"] {
            assert_eq!(unescape(&paths::escape(text)).as_deref(), Some(text));
        }
        assert_eq!(unescape("%4"), None);
        assert_eq!(unescape("%zz"), None);
    }
}

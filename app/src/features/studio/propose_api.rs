//! What the form for a new agent asks the server before there is an agent.

use leptos::prelude::*;
use resonant_domain::proposal::Proposal;

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{language::key, paths, ssr};

/// The longest note that a browser surely keeps, in bytes.
#[cfg(feature = "ssr")]
const NOTE_MAX: usize = 3_800;
/// So many characters of what was said are tried, one after the other, where all of it makes too long a
/// draft. Of the last ones any fit: no character takes more than twelve bytes.
#[cfg(feature = "ssr")]
const BEGINNINGS: [usize; 4] = [resonant_domain::proposal::WISH_MAX, 500, 200, 60];

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
    if let Some(note) = note_of(&wish, &proposal) {
        ssr::leave_note(paths::NEW_AGENT, &note);
    }
    ssr::redirect_form(paths::NEW_AGENT);
    Ok(proposal)
}

/// A proposal as it is left for the page that a form without a script leads back to. One that is longer than
/// a note may be is made by rules instead, of as much of what was said as there is room for.
#[cfg(feature = "ssr")]
fn note_of(wish: &str, proposal: &Proposal) -> Option<String> {
    use resonant_domain::proposal::by_rules;
    use resonant_domain::text::shorten;

    let reason = key("The whole draft is too long for a browser without JavaScript");
    let shorter = |chars: usize| Proposal {
        spec: by_rules(&shorten(wish, chars)),
        model: None,
        refusal: Some(reason.to_owned()),
    };
    let note = |proposal: &Proposal| {
        let text = paths::escape(&serde_json::to_string(proposal).ok()?);
        (text.len() <= NOTE_MAX).then_some(text)
    };
    let others = || BEGINNINGS.into_iter().find_map(|chars| note(&shorter(chars)));
    note(proposal).or_else(others)
}

/// The proposal that was left for the page, once.
#[cfg(feature = "ssr")]
pub(super) fn take_proposal() -> Option<Proposal> {
    read_note(&ssr::take_note(paths::NEW_AGENT)?)
}

#[cfg(feature = "ssr")]
fn read_note(note: &str) -> Option<Proposal> {
    let proposal: Proposal = serde_json::from_str(&unescape(note)?).ok()?;
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
    use resonant_domain::agent::AgentSpec;
    use resonant_domain::proposal::{PROPOSED_PROMPT_MAX, WISH_MAX};

    use super::*;

    #[test]
    fn a_note_reads_back() {
        for text in ["", "a b;c=\"d\"", "größe\n100 %"] {
            assert_eq!(unescape(&paths::escape(text)).as_deref(), Some(text));
        }
        assert_eq!(unescape("%4"), None);
        assert_eq!(unescape("%zz"), None);
    }

    #[test]
    fn a_draft_that_is_too_long_for_a_note_is_made_by_rules() {
        let by_model = |prompt: &str| Proposal {
            spec: AgentSpec {
                name: "Reader".to_owned(),
                system_prompt: prompt.to_owned(),
                ..AgentSpec::default()
            },
            model: Some("llama3".to_owned()),
            refusal: None,
        };
        let left = |wish: &str, proposal: &Proposal| {
            let note = note_of(wish, proposal).unwrap();
            assert!(note.len() <= NOTE_MAX, "{}", note.len());
            read_note(&note).unwrap()
        };
        let short = by_model("You read.");
        assert_eq!(left("Read", &short), short);
        let long = by_model(&"Ä".repeat(PROPOSED_PROMPT_MAX));
        let made = left("Read web pages", &long);
        assert_eq!((made.model.as_deref(), made.spec.name.as_str()), (None, "Read web pages"));
        assert!(made.refusal.is_some());
        // However long what was said is, and in whatever letters.
        for letter in ["a ", "Ä", "🦀"] {
            let wish: String = letter.chars().cycle().take(WISH_MAX).collect();
            let made = left(&wish, &long);
            assert!(!made.spec.system_prompt.is_empty(), "{letter}");
        }
    }
}

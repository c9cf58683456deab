//! Every address of Resonant as a function: no page writes one by hand.

mod account;
mod admin;
mod marketplace;
mod sessions;
mod studio;

pub use self::account::*;
pub use self::admin::*;
pub use self::marketplace::*;
pub use self::sessions::*;
pub use self::studio::*;

/// The landing page.
pub const HOME: &str = "/";
/// The sign-in form.
pub const SIGN_IN: &str = "/sign-in";
/// The sign-up form.
pub const SIGN_UP: &str = "/sign-up";

/// The sign-in form that leads back to `next`.
pub fn sign_in(next: &str) -> String {
    format!("{SIGN_IN}?next={}", escape(next))
}

/// The sign-up form that leads to `next` afterwards.
pub fn sign_up(next: &str) -> String {
    format!("{SIGN_UP}?next={}", escape(next))
}

/// A path with the site in front, as it is told to other sites.
pub fn absolute(path: &str) -> String {
    #[cfg(feature = "ssr")]
    let origin = crate::ssr::origin();
    #[cfg(not(feature = "ssr"))]
    let origin = crate::browser::origin();
    format!("{origin}{path}")
}

/// The path to go to after a sign-in: `next` when it is one of ours, `otherwise` when not.
///
/// An address with a host would lead people who trust our sign-in form to a stranger's page.
pub fn own<'a>(next: &'a str, otherwise: &'a str) -> &'a str {
    let is_own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.contains(|c: char| c.is_control() || !c.is_ascii());
    if is_own { next } else { otherwise }
}

/// A path with those parts of the query that have a value.
fn with_query(path: &str, query: &[(&str, Option<&str>)]) -> String {
    let pairs =
        query.iter().filter_map(|(name, value)| Some(format!("{name}={}", escape((*value)?))));
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn escape(text: &str) -> String {
    use std::fmt::Write as _;

    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use resonant_domain::{AgentId, DocumentId, SessionId};

    use super::*;

    #[test]
    fn only_own_paths_are_followed() {
        for (next, ok) in [
            ("/studio", true),
            ("/sessions?agent=1&x=%20", true),
            ("", false),
            ("studio", false),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("https://evil.example", false),
            ("/a\r\nset-cookie: x", false),
            ("/\u{e9}", false),
        ] {
            assert_eq!(own(next, ACCOUNT), if ok { next } else { ACCOUNT }, "{next:?}");
        }
    }

    #[test]
    fn a_long_result_is_below_its_session() {
        let id: SessionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let own = SESSION_RESULT.replace("{id}", &id.to_string()).replace("{event}", "7");
        assert_eq!(result(&session(id), 7), own);
        let by_link = SHARED_RESULT.replace("{token}", "a-b").replace("{event}", "7");
        assert_eq!(result(&shared("a-b"), 7), by_link);
    }

    #[test]
    fn a_citation_leads_to_the_page_of_its_document() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let (agent, of): (AgentId, DocumentId) = (id.parse().unwrap(), id.parse().unwrap());
        let cited = resonant_domain::knowledge::passage_path(agent, of, 7);
        assert_eq!(cited, format!("{}?passage=7#passage-7", document(agent, of)));
    }

    #[test]
    fn a_query_value_is_escaped() {
        assert_eq!(sign_in("/a?b=c d"), "/sign-in?next=%2Fa%3Fb%3Dc%20d");
    }
}

//! Texts with placeholders: `{{city}}` stands for a value of a tool's input, `{{place.zip}}` for one
//! within it, `{{secrets.NAME}}` for a secret of the agent's owner.
//!
//! A placeholder is a name and nothing more: no conditions, no loops, no calls. What is put in is
//! never read for placeholders again.

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// It stands as it is.
    Text(&'a str),
    /// The value at this path of the input.
    Input(Vec<&'a str>),
    /// The secret of this name.
    Secret(&'a str),
}

/// Parts a text into its pieces.
///
/// # Errors
/// What is wrong with a placeholder, as a sentence part for the field that holds the text.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        let inner = &rest[start + 2..];
        let end = inner.find("}}").ok_or("has a placeholder without its end }}")?;
        pieces.push(placeholder(inner[..end].trim())?);
        rest = &inner[end + 2..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

fn placeholder(name: &str) -> Result<Piece<'_>, String> {
    let wrong = || format!("has the placeholder {{{{{name}}}}}, which is no name");
    if let Some(secret) = name.strip_prefix("secrets.") {
        return if is_secret_name(secret) { Ok(Piece::Secret(secret)) } else { Err(wrong()) };
    }
    let path: Vec<_> = name.split('.').collect();
    let is_part = |part: &&str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    if path.iter().all(is_part) && path[0] != "secrets" {
        Ok(Piece::Input(path))
    } else {
        Err(wrong())
    }
}

/// What [`is_secret_name`] takes, for descriptions.
#[cfg(feature = "schema")]
pub(crate) const NAME_PATTERN: &str = "^[A-Z][A-Z0-9_]{0,63}$";

/// Whether a text is a name that a secret may have: a capital letter, then up to 63 capital letters,
/// digits and underscores.
#[must_use]
pub fn is_secret_name(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_parted_into_pieces() {
        for (text, expected) in [
            ("", vec![]),
            ("plain } {x}", vec![Piece::Text("plain } {x}")]),
            ("{{city}}", vec![Piece::Input(vec!["city"])]),
            (
                "a{{ place.zip }}b",
                vec![Piece::Text("a"), Piece::Input(vec!["place", "zip"]), Piece::Text("b")],
            ),
            ("Bearer {{secrets.API_KEY}}", vec![Piece::Text("Bearer "), Piece::Secret("API_KEY")]),
        ] {
            assert_eq!(pieces(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_placeholder_is_refused() {
        for text in [
            "{{",
            "{{city",
            "{{}}",
            "{{ }}",
            "{{a b}}",
            "{{a.}}",
            "{{a | upper}}",
            "{{secrets}}",
            "{{secrets.}}",
            "{{secrets.lower}}",
            "{{secrets.A.B}}",
            "{{%x}}",
        ] {
            assert!(pieces(text).is_err(), "{text}");
        }
    }
}

//! From the bytes of a body to its text.

use encoding_rs::{Encoding, UTF_8};

/// How far into a page its `meta` element is looked for; the number of the HTML standard.
const META_WITHIN: usize = 1024;

/// Decodes by the byte order mark, else the header's charset, else an HTML `meta`, else UTF-8.
pub(super) fn decode(body: &[u8], content_type: Option<&str>) -> String {
    let encoding = content_type
        .and_then(charset)
        .or_else(|| {
            let may_have_meta =
                content_type.is_none_or(|full| full.contains("html") || full.contains("xml"));
            let head = &body[..body.len().min(META_WITHIN)];
            may_have_meta.then(|| charset(&String::from_utf8_lossy(head))).flatten()
        })
        .unwrap_or(UTF_8);
    // `decode` looks at the byte order mark first.
    encoding.decode(body).0.into_owned()
}

/// The encoding named after the first `charset=` of a text.
fn charset(text: &str) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let after = &lower[lower.find("charset")? + "charset".len()..];
    let after = after.trim_start().strip_prefix('=')?.trim_start();
    let label: String = after
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_:.".contains(*c))
        .collect();
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_taken_from_where_it_stands() {
        for (body, content_type, text) in [
            (&b"caf\xc3\xa9"[..], None, "café"),
            (b"caf\xe9", Some("text/html; charset=ISO-8859-1"), "café"),
            (b"caf\xe9", Some("text/html;Charset=\"windows-1252\""), "café"),
            (b"<meta charset=latin1>caf\xe9", Some("text/html"), "<meta charset=latin1>café"),
            (b"\xef\xbb\xbfcaf\xc3\xa9", Some("text/html; charset=latin1"), "café"),
            (b"\xff\xfeh\0i\0", None, "hi"),
            (b"\x83\x65", Some("text/plain; charset=shift_jis"), "テ"),
            (b"a\xffb", Some("text/plain; charset=nonsense"), "a\u{fffd}b"),
            (b"", None, ""),
        ] {
            assert_eq!(decode(body, content_type), text);
        }
    }
}

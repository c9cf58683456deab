//! Pages without their nonce: what a browser may run of them is known by hashes of their scripts.
//!
//! A page is read as strictly as we write it. Where anything else stands in it, it stays as it is: a hash
//! lets a script run wherever its text comes from, so nothing may be taken for a script that is none, or
//! end elsewhere for us than for a browser.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Elements whose content is no HTML. None of our pages for everybody holds one, but for scripts.
const RAW: [&str; 6] = ["iframe", "noembed", "noframes", "plaintext", "style", "xmp"];
/// Scripts of this type are read by search engines and run by nobody.
const DATA: &str = "application/ld+json";

/// A page whose bytes depend on no chance.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Nonceless {
    /// The page.
    pub(crate) html: String,
    /// The scripts that stand in it and run, as policies name them: `'sha256-…'`.
    pub(crate) hashes: Vec<String>,
}

/// Takes the nonce out of a page. `None` where something stands in it that is not expected.
pub(crate) fn without_nonce(html: &str, nonce: &str) -> Option<Nonceless> {
    let mut page = Nonceless { html: String::with_capacity(html.len()), hashes: Vec::new() };
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, markup) = rest.split_at(at);
        page.html.push_str(text);
        rest = if markup.starts_with("</") || markup.starts_with("<!") {
            let behind = behind_mark(markup)?;
            page.html.push_str(&markup[..markup.len() - behind.len()]);
            behind
        } else {
            page.take_element(markup, nonce)?
        };
    }
    page.html.push_str(rest);
    (!page.html.contains(nonce)).then_some(page)
}

/// What stands behind an end tag, a comment or the document type.
fn behind_mark(markup: &str) -> Option<&str> {
    if let Some(inner) = markup.strip_prefix("<!--") {
        let (comment, behind) = inner.split_once("-->")?;
        // Browsers end a comment by these too.
        let ends_early = comment.starts_with('>')
            || comment.starts_with("->")
            || comment.contains("--!>")
            || comment.contains("<!--");
        return (!ends_early).then_some(behind);
    }
    if let Some(inner) = markup.strip_prefix("<!") {
        // The first is how Leptos marks a place.
        return inner.strip_prefix('>').or_else(|| inner.strip_prefix("DOCTYPE html>"));
    }
    let (name, behind) = markup.strip_prefix("</")?.split_once('>')?;
    is_name(name).then_some(behind)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl Nonceless {
    /// Takes over a start tag, and the text of a script with it. Answers what stands behind.
    fn take_element<'a>(&mut self, markup: &'a str, nonce: &str) -> Option<&'a str> {
        let inner = markup.strip_prefix('<')?;
        let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '-')?;
        let (name, mut rest) = inner.split_at(length);
        if !is_name(name) || RAW.contains(&name) {
            return None;
        }
        self.html.push('<');
        self.html.push_str(name);
        let (mut has_source, mut is_data) = (false, false);
        loop {
            let (attribute, behind) = next_attribute(rest)?;
            let text = &rest[..rest.len() - behind.len()];
            rest = behind;
            let Some(Attribute { name: key, value }) = attribute else {
                self.html.push_str(text);
                break;
            };
            has_source |= key == "src";
            is_data |= key == "type" && value == DATA;
            match key {
                "nonce" if value == nonce => {}
                // Leptos asks for CORS by it. Whatever the value is, it means `anonymous`.
                "crossorigin" if value == nonce => self.html.push_str(" crossorigin=\"\""),
                _ => self.html.push_str(text),
            }
        }
        if name == "script" {
            let (script, _) = rest.split_once("</script>")?;
            if !is_plain(script) || (has_source && !script.is_empty()) {
                return None;
            }
            if !has_source && !is_data {
                let digest: [u8; 32] = Sha256::digest(script).into();
                self.hashes.push(format!("'sha256-{}'", STANDARD.encode(digest)));
            }
            self.html.push_str(script);
            rest = &rest[script.len()..];
        }
        Some(rest)
    }
}

/// Whether the text of a script is, for a browser, these bytes up to `</script>`.
fn is_plain(script: &str) -> bool {
    // An end tag may be written otherwise; within a comment it may be none; a browser writes these two
    // characters otherwise before it hashes.
    !script.contains("</") && !script.contains("<!--") && !script.contains(['\r', '\0'])
}

/// An attribute of a start tag. One without a value has an empty one.
struct Attribute<'a> {
    name: &'a str,
    value: &'a str,
}

/// The next attribute of a start tag, or nothing where it ends; and what stands behind.
fn next_attribute(tag: &str) -> Option<(Option<Attribute<'_>>, &str)> {
    let inner = tag.trim_ascii_start();
    if let Some(behind) = inner.strip_prefix('>').or_else(|| inner.strip_prefix("/>")) {
        return Some((None, behind));
    }
    // Blanks part them.
    if inner.len() == tag.len() {
        return None;
    }
    let length = inner.find(|c: char| c.is_ascii_whitespace() || "=/>\"'<".contains(c))?;
    let (name, rest) = inner.split_at(length);
    let (value, behind) = match rest.strip_prefix("=\"") {
        Some(rest) => rest.split_once('"')?,
        None if rest.starts_with('=') => return None,
        None => ("", rest),
    };
    (!name.is_empty()).then_some((Some(Attribute { name, value }), behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "bm9uY2Utbm9uY2Utbm9uY2U";

    fn read(html: &str) -> Option<(String, Vec<String>)> {
        let page = without_nonce(&html.replace("NONCE", NONCE), NONCE)?;
        Some((page.html, page.hashes))
    }

    #[test]
    fn the_nonce_goes_and_each_script_that_runs_is_hashed() {
        let (html, hashes) = read(
            "<!DOCTYPE html><html lang=\"en\"><head>\
             <link rel=\"preload\" crossorigin=\"NONCE\" href=\"/a.wasm\">\
             <script type=\"module\" nonce=\"NONCE\">go(1 < 2)</script>\
             <script defer nonce=\"NONCE\" src=\"/a.js\"></script>\
             <script type=\"application/ld+json\">{\"a\":\"\\u003c\"}</script><!--HEAD--></head>\
             <body hidden><p class=\"a > b\" data-x=\"'\">1 > 0<!><br/><br /></p><!--<() />-->\
             <svg viewBox=\"0 0 1 1\"><linearGradient></linearGradient></svg></body></html>\
             <script nonce=\"NONCE\"></script>\n",
        )
        .unwrap();
        assert_eq!(
            html,
            "<!DOCTYPE html><html lang=\"en\"><head>\
             <link rel=\"preload\" crossorigin=\"\" href=\"/a.wasm\">\
             <script type=\"module\">go(1 < 2)</script>\
             <script defer src=\"/a.js\"></script>\
             <script type=\"application/ld+json\">{\"a\":\"\\u003c\"}</script><!--HEAD--></head>\
             <body hidden><p class=\"a > b\" data-x=\"'\">1 > 0<!><br/><br /></p><!--<() />-->\
             <svg viewBox=\"0 0 1 1\"><linearGradient></linearGradient></svg></body></html>\
             <script></script>\n"
        );
        // Of `go(1 < 2)` and of nothing, as `openssl dgst -sha256 -binary | base64` tells them.
        let go = "'sha256-OzrQ4AMiUgfoATW2RMzkb7Mgzf8Hg9LX8lyZaWZUw7o='";
        let nothing = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";
        assert_eq!(hashes, [go, nothing]);
    }

    #[test]
    fn what_we_do_not_write_is_not_taken() {
        for html in [
            // Tags that do not end, or hold what browsers read in a way of their own.
            "<p",
            "<p class=\"a",
            "<p class='a'>",
            "<p class=a>",
            "<p class = \"a\">",
            "<p class=\"a\"id=\"b\">",
            "<p =\"a\">",
            "<p/a>",
            "< p>",
            "<1>",
            "a < b",
            "</p class=\"a\">",
            "</ p>",
            "<?xml?>",
            "<![CDATA[a]]>",
            "<!doctype svg>",
            // Comments that end elsewhere.
            "<!-- a",
            "<!--> <script>a</script> -->",
            "<!---> <script>a</script> -->",
            "<!-- --!> <script>a</script> -->",
            "<!-- <!-- a -->",
            // Scripts that do, or that are hashed otherwise.
            "<script>a",
            "<script>a</SCRIPT>b</script>",
            "<script>a</script >b</script>",
            "<script><!-- <script>a</script>",
            "<script>a\r\nb</script>",
            "<script>a\0b</script>",
            "<script src=\"/a.js\">a</script>",
            // Elements that hold no HTML.
            "<style>p { color: red }</style>",
            "<iframe src=\"/a\"></iframe>",
            "<xmp><script>a</script></xmp>",
            // A nonce that is left.
            "<p title=\"NONCE\">a</p>",
            "NONCE",
            "<script>\"NONCE\"</script>",
        ] {
            assert_eq!(read(html), None, "{html}");
        }
        assert_eq!(without_nonce("<p>a</p>", ""), None, "there is no nonce");
        assert_eq!(read(""), Some((String::new(), vec![])));
    }
}

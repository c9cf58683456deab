//! Cuts HTML into tags and text, by the rules of the HTML standard that matter for reading.

use super::entity;

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A start tag: its name in lower case, the attributes that matter, whether it closes itself.
    Start(String, Attributes),
    /// An end tag, its name in lower case.
    End(String),
    /// Text, with its entities read.
    Text(String),
}

/// The attributes that reading needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) href: Option<String>,
    pub(super) role: Option<String>,
    pub(super) hidden: bool,
}

/// Elements whose content is text up to their end tag, whatever it looks like.
const RAW: [&str; 9] =
    ["script", "style", "title", "textarea", "xmp", "noscript", "iframe", "noembed", "noframes"];

pub(super) fn tokens(html: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    // Where the next end tag of a raw element was looked for in vain: it is not looked for again.
    let mut missing: Vec<String> = Vec::new();
    while at < html.len() {
        let rest = &html[at..];
        let Some(open) = rest.find('<') else {
            text(&mut tokens, rest);
            break;
        };
        text(&mut tokens, &rest[..open]);
        at += open;
        let rest = &html[at..];
        let mut bytes = rest.bytes().skip(1);
        let (second, third) = (bytes.next().unwrap_or(b' '), bytes.next().unwrap_or(b' '));
        if let Some(comment) = rest.strip_prefix("<!--") {
            at += 4 + comment.find("-->").map_or(comment.len(), |end| end + 3);
        } else if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let end = data.find("]]>").unwrap_or(data.len());
            text(&mut tokens, &data[..end]);
            at += 9 + (end + 3).min(data.len());
        } else if matches!(second, b'!' | b'?') {
            at += rest.find('>').map_or(rest.len(), |end| end + 1);
        } else if second == b'/' && third.is_ascii_alphabetic() {
            let (name, _, length) = tag(&rest[2..]);
            tokens.push(Token::End(name));
            at += 2 + length;
        } else if second == b'/' {
            // A bogus comment, such as </>.
            at += rest.find('>').map_or(rest.len(), |end| end + 1);
        } else if second.is_ascii_alphabetic() {
            let (name, attributes, length) = tag(&rest[1..]);
            at += 1 + length;
            let is_raw = RAW.contains(&name.as_str()) && !missing.contains(&name);
            tokens.push(Token::Start(name.clone(), attributes));
            if is_raw {
                match end_of_raw(&html[at..], &name) {
                    Some(end) => {
                        if matches!(name.as_str(), "title" | "textarea" | "xmp") {
                            text(&mut tokens, &html[at..at + end]);
                        }
                        at += end;
                    }
                    // Scripts and styles run to the end then; anything else goes on as text.
                    None if matches!(name.as_str(), "script" | "style") => at = html.len(),
                    None => missing.push(name),
                }
            }
        } else {
            text(&mut tokens, "<");
            at += 1;
        }
    }
    tokens
}

fn text(tokens: &mut Vec<Token>, raw: &str) {
    if !raw.is_empty() {
        tokens.push(Token::Text(entity::decode(raw)));
    }
}

/// Where `</name` begins.
fn end_of_raw(html: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = html[from..].find("</") {
        let at = from + found;
        let after = &html[at + 2..];
        if after.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
            && after[name.len()..]
                .chars()
                .next()
                .is_none_or(|c| c.is_whitespace() || matches!(c, '>' | '/'))
        {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

/// Reads a tag from its name on: the name, what matters of its attributes, and the length.
fn tag(text: &str) -> (String, Attributes, usize) {
    let bytes = text.as_bytes();
    let is_space = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_whitespace);
    let is_end = |at: usize| bytes.get(at).is_none_or(|b| *b == b'>');
    let mut at = 0;
    while !is_end(at) && !is_space(at) && bytes[at] != b'/' {
        at += 1;
    }
    let name = text[..at].to_ascii_lowercase();
    let mut attributes = Attributes::default();
    loop {
        while is_space(at) || bytes.get(at) == Some(&b'/') {
            at += 1;
        }
        if is_end(at) {
            return (name, attributes, (at + 1).min(bytes.len()));
        }
        let start = at;
        at += 1;
        while !is_end(at) && !is_space(at) && !matches!(bytes[at], b'=' | b'/') {
            at += 1;
        }
        let attribute = &text[start..at];
        while is_space(at) {
            at += 1;
        }
        let mut value = "";
        if bytes.get(at) == Some(&b'=') {
            at += 1;
            while is_space(at) {
                at += 1;
            }
            if let Some(quote @ (b'"' | b'\'')) = bytes.get(at).copied() {
                let from = at + 1;
                let length = bytes[from..].iter().position(|b| *b == quote);
                let to = from + length.unwrap_or(bytes.len() - from);
                value = &text[from..to];
                at = (to + 1).min(bytes.len());
            } else {
                let from = at;
                while !is_end(at) && !is_space(at) {
                    at += 1;
                }
                value = &text[from..at];
            }
        }
        note(&mut attributes, attribute, value);
    }
}

fn note(attributes: &mut Attributes, name: &str, value: &str) {
    if name.eq_ignore_ascii_case("href") {
        attributes.href.get_or_insert_with(|| entity::decode(value.trim()));
    } else if name.eq_ignore_ascii_case("role") {
        attributes.role.get_or_insert_with(|| value.trim().to_ascii_lowercase());
    } else if name.eq_ignore_ascii_case("hidden") {
        attributes.hidden = true;
    } else if name.eq_ignore_ascii_case("aria-hidden") {
        attributes.hidden |= value.trim().eq_ignore_ascii_case("true");
    } else if name.eq_ignore_ascii_case("style") && value.len() < 2000 {
        let style: String =
            value.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
        attributes.hidden |= style.contains("display:none") || style.contains("visibility:hidden");
    }
}

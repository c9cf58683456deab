//! The secrets that a tool may send, and their absence from everything that comes back.

mod written;

use std::fmt;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use crate::egress::HostLimit;
use crate::models::Secret;

/// What stands where a secret stood.
const HIDDEN: &str = "…";

/// A secret and the hosts that it may go to.
#[derive(Debug, Clone)]
pub struct BoundSecret {
    /// Its name in `{{secrets.NAME}}`.
    pub name: String,
    /// Its value.
    pub value: Secret,
    /// The hosts that it may go to.
    pub hosts: Vec<String>,
}

impl BoundSecret {
    /// The limit that a request must keep which carries it.
    #[must_use]
    pub fn limit(&self) -> HostLimit {
        HostLimit {
            whose: format!("the secret {}", self.name),
            hosts: self.hosts.clone(),
            is_secret: true,
        }
    }
}

/// The secrets that an agent's grants name.
#[derive(Clone, Default)]
pub struct Secrets {
    all: Arc<[BoundSecret]>,
    /// What finds every value, and the lines of it, in one pass however many there are.
    values: Values,
    /// Every form of a value that shows none of its characters, the longest first.
    forms: Arc<[String]>,
}

/// What finds values in a text.
#[derive(Clone, Default)]
enum Values {
    #[default]
    None,
    Some(AhoCorasick),
    /// They are more than can be looked for: no text is shown.
    TooMany,
}

impl Secrets {
    /// Takes over the secrets.
    #[must_use]
    pub fn new(all: Vec<BoundSecret>) -> Self {
        let exposed = || all.iter().map(|secret| secret.value.expose());
        // An answer may split its lines.
        let lines = exposed().flat_map(str::lines).filter(|line| line.len() >= 8);
        let values = exposed().filter(|value| !value.is_empty()).chain(lines).map(str::to_owned);
        let values = longest_first(values);
        let values = match AhoCorasick::new(&*values) {
            Ok(_) if values.is_empty() => Values::None,
            Ok(finder) => Values::Some(finder),
            Err(_) => Values::TooMany,
        };
        let forms = longest_first(exposed().flat_map(forms));
        Self { all: all.into(), values, forms }
    }

    /// The secret of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&BoundSecret> {
        self.all.iter().find(|secret| secret.name == name)
    }

    /// A text without any of the values: as they are, as they are written in URLs, JSON and HTML, in base64
    /// and in hexadecimal digits.
    #[must_use]
    pub fn hide_in(&self, mut text: String) -> String {
        for form in &*self.forms {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), HIDDEN);
            }
        }
        match &self.values {
            Values::None => text,
            Values::Some(values) => written::replaced(text, values, HIDDEN),
            Values::TooMany => HIDDEN.to_owned(),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all.iter().map(|secret| &secret.name)).finish()
    }
}

fn longest_first(texts: impl Iterator<Item = String>) -> Arc<[String]> {
    let mut texts: Vec<_> = texts.collect();
    texts.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    texts.dedup();
    texts.into()
}

/// How a value may stand in an answer that shows none of its characters.
fn forms(value: &str) -> Vec<String> {
    if value.is_empty() {
        return Vec::new();
    }
    let mut forms = Vec::new();
    for base64 in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
        forms.push(base64.encode(value));
        // Behind other bytes, as a password behind a name, and before others: the characters of which
        // each holds bits of the value alone.
        for before in 0..3_usize {
            let bytes = [&[0; 2][..before], value.as_bytes()].concat();
            let written = base64.encode(&bytes);
            let own = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
            forms.extend(written.get(own).filter(|own| own.len() >= 8).map(str::to_owned));
        }
    }
    // So short a value is a number that stands anywhere.
    if value.len() >= 4 {
        let hex = |digits: fn(u8) -> String| value.bytes().map(digits).collect::<String>();
        forms.extend([hex(|byte| format!("{byte:02x}")), hex(|byte| format!("{byte:02X}"))]);
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets_of(value: &str) -> Secrets {
        Secrets::new(vec![BoundSecret {
            name: "KEY".to_owned(),
            value: Secret::new(value),
            hosts: vec!["a.org".to_owned()],
        }])
    }

    #[test]
    fn a_value_is_hidden_in_every_form() {
        let value = "pa ss/w<rd&\"x+1'\\ß💥\n";
        let secrets = secrets_of(value);
        let json = serde_json::json!({ "echo": value }).to_string();
        let each = |write: fn(char) -> String| value.chars().map(write).collect::<String>();
        let bytes = |write: fn(u8) -> String| value.bytes().map(write).collect::<String>();
        for text in [
            value.to_owned(),
            json.clone(),
            // JSON in JSON, and with slashes that are escaped.
            serde_json::to_string(&json).unwrap(),
            json.replace('/', "\\/"),
            each(|c| {
                let mut units = [0; 2];
                let units = c.encode_utf16(&mut units).iter();
                units.fold(String::new(), |text, unit| format!("{text}\\u{unit:04x}"))
            }),
            value.replace('<', "\\u003C").replace('&', "\\u0026").replace('\'', "\\u0027"),
            bytes(|byte| format!("%{byte:02X}")),
            bytes(|byte| format!("%{byte:02x}")),
            bytes(|byte| format!("\\x{byte:02x}")),
            bytes(|byte| format!("{byte:02x}")),
            bytes(|byte| format!("{byte:02X}")),
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            base64::prelude::BASE64_STANDARD.encode(value),
            BASE64_STANDARD_NO_PAD.encode(format!("someone:{value}")),
            BASE64_URL_SAFE_NO_PAD.encode(format!("no:{value} and more")),
            value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"),
            value.replace('&', "&#38;").replace('\'', "&#x27;").replace('/', "&#x2F;"),
            value.replace('&', "&amp;amp;").replace('\'', "&amp;#039;"),
            each(|c| format!("&#{};", u32::from(c))),
            each(|c| format!("&#X{:04X};", u32::from(c))),
        ] {
            let hidden = secrets.hide_in(format!("before {text} after"));
            assert!(hidden.starts_with("before ") && hidden.ends_with(" after"), "{hidden}");
            assert!(hidden.contains(HIDDEN) && hidden.len() < 50, "{text}: {hidden}");
        }
        assert!(!format!("{secrets:?}").contains("ss/w"));
    }

    #[test]
    fn values_that_share_characters_are_hidden_whole() {
        let secrets = secrets_of("line-one-of-it\nof-it-goes-on\none-of-it");
        let text = "a line-one-of-it-goes-on, one%2Dof-it".to_owned();
        assert_eq!(secrets.hide_in(text), "a …, …");
        let every = (0..900).map(|n| format!("line {n:03}")).collect::<Vec<_>>().join("\n");
        let secrets = secrets_of(&every);
        let text = "line 017 and lines ".repeat(50_000);
        assert_eq!(secrets.hide_in(text), "… and lines ".repeat(50_000));
    }

    #[test]
    fn what_is_no_value_stays() {
        let secrets = secrets_of("key-1\\\\2");
        for text in [
            "",
            "key-1",
            "key-12",
            "k%65y-1",
            "&&&;&#;&#x;&amp;",
            "\\\\\\u",
            "%",
            "%k",
            "\\u006",
            "é\\é",
        ] {
            assert_eq!(secrets.hide_in(text.to_owned()), text);
        }
        assert_eq!(secrets.hide_in("key-1\\\\2 k\\u0065y-1\\\\\\\\2!".to_owned()), "… …!");
        // Long runs of what may be a part of an escape, too.
        let long = "\\".repeat(200_000);
        assert_eq!(secrets.hide_in(long.clone()), long);
    }
}

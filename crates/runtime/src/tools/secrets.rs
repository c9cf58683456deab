//! The secrets that a tool may send, and their absence from everything that comes back.

use std::fmt;
use std::sync::Arc;

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
    /// Every form of every value that may come back, the longest first.
    forms: Arc<[String]>,
}

impl Secrets {
    /// Takes over the secrets.
    #[must_use]
    pub fn new(all: Vec<BoundSecret>) -> Self {
        let mut forms: Vec<_> =
            all.iter().flat_map(|secret| forms(secret.value.expose())).collect();
        forms.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self { all: all.into(), forms: forms.into() }
    }

    /// The secret of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&BoundSecret> {
        self.all.iter().find(|secret| secret.name == name)
    }

    /// A text without any of the values, as they are or as they are written in URLs, JSON and base64.
    #[must_use]
    pub fn hide_in(&self, mut text: String) -> String {
        for form in &*self.forms {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), HIDDEN);
            }
        }
        text
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all.iter().map(|secret| &secret.name)).finish()
    }
}

/// How a value may stand in an answer.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    for upper in [true, false] {
        forms.push(percent_encoded(value, upper));
        // As a form writes it (application/x-www-form-urlencoded).
        forms.push(percent_encoded(value, upper).replace("%20", "+"));
    }
    let json = serde_json::Value::from(value).to_string();
    forms.push(json[1..json.len() - 1].to_owned());
    forms.push(json[1..json.len() - 1].replace('/', "\\/"));
    forms.push(html_escaped(value));
    forms.push(BASE64_STANDARD_NO_PAD.encode(value));
    forms.push(BASE64_URL_SAFE_NO_PAD.encode(value));
    // An answer that splits its lines.
    forms.extend(value.lines().map(str::to_owned).filter(|line| line.len() >= 8));
    forms.retain(|form| !form.is_empty());
    forms
}

/// Everything but RFC 3986's unreserved characters as `%XX`.
fn percent_encoded(text: &str, upper: bool) -> String {
    use std::fmt::Write as _;

    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ =
                if upper { write!(encoded, "%{byte:02X}") } else { write!(encoded, "%{byte:02x}") };
        }
        encoded
    })
}

fn html_escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_hidden_in_every_form() {
        let value = "pa ss/w<rd&\"x+1\n";
        let secrets = Secrets::new(vec![BoundSecret {
            name: "KEY".to_owned(),
            value: Secret::new(value),
            hosts: vec!["a.org".to_owned()],
        }]);
        let json = serde_json::json!({ "echo": value }).to_string();
        for text in [
            value.to_owned(),
            json,
            percent_encoded(value, true),
            percent_encoded(value, false),
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            base64::prelude::BASE64_STANDARD.encode(value),
            html_escaped(value),
        ] {
            let hidden = secrets.hide_in(format!("before {text} after"));
            assert!(hidden.starts_with("before ") && hidden.ends_with(" after"), "{hidden}");
            assert!(hidden.contains(HIDDEN) && hidden.len() < 40, "{hidden}");
        }
        assert!(!format!("{secrets:?}").contains("ss/w"));
    }
}

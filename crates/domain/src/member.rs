//! People: guests, members and what they write to sign up or sign in.

use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::ids::UserId;
use crate::text::check_name;

/// The shortest password, in characters (NIST SP 800-63B asks for at least 8).
pub const PASSWORD_MIN: usize = 8;
/// The longest password, in characters; bounds the work of hashing.
pub const PASSWORD_MAX: usize = 200;
/// For how many minutes a link counts that was mailed to somebody.
pub const MAILED_LINK_MINUTES: i64 = 30;
/// The longest display name, in characters.
pub const DISPLAY_NAME_MAX: usize = 80;

/// Who looks at the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// Their identity.
    pub id: UserId,
    /// Guest or member.
    pub kind: UserKind,
    /// What they are called.
    pub display_name: String,
    /// Their address; guests have none.
    pub email: Option<String>,
    /// Whether they operate the installation. For what is shown; use cases ask anew.
    #[serde(default)]
    pub is_admin: bool,
    /// How many notices they have not read.
    #[serde(default)]
    pub unread_notices: i64,
}

/// Guest or member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// Came without a form; known by the browser's cookie alone.
    Guest,
    /// Has an address and a password.
    Member,
}

impl UserKind {
    /// The kind as it stands in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Member => "member",
        }
    }
}

/// An e-mail address, lower-cased; good enough to send to, proven only by a reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Reads an address. The rule is that of the HTML `email` input (WHATWG HTML 4.10.5.1.5), with
    /// RFC 5321's length limit.
    pub fn parse(text: &str) -> Result<Self, FieldFault> {
        let text = text.trim().to_lowercase();
        let local = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let ok = text.len() <= 254
            && text.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && name.chars().all(local) && host.split('.').all(label)
            });
        if ok {
            Ok(Self(text))
        } else {
            Err(FieldFault::new("email", "must be an address such as name@example.org"))
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reports a password that is too short or too long, as the field `password`.
pub fn check_password(faults: &mut Vec<FieldFault>, password: &str) {
    let count = password.chars().count();
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&count) {
        faults.push(FieldFault::new(
            "password",
            format!("must be {PASSWORD_MIN} to {PASSWORD_MAX} characters"),
        ));
    }
}

/// Reports a display name that breaks a rule, as the field `display_name`.
pub fn check_display_name(faults: &mut Vec<FieldFault>, name: &str) {
    check_name(faults, "display_name", name, 1, DISPLAY_NAME_MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, ok) in [
            ("Ada@Example.org", true),
            ("  a.b+c@x-y.co ", true),
            ("ada", false),
            ("@example.org", false),
            ("a b@example.org", false),
            ("ada@-example.org", false),
            ("ada@example..org", false),
            ("ada@", false),
        ] {
            assert_eq!(Email::parse(text).is_ok(), ok, "{text:?}");
        }
        assert_eq!(Email::parse("Ada@Example.org").unwrap().as_str(), "ada@example.org");
    }
}

//! Secrets: values that tools send to certain hosts and that nobody reads again.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::host;
#[cfg(feature = "schema")]
use crate::template::NAME_PATTERN;
use crate::template::is_secret_name;
#[cfg(feature = "schema")]
use crate::text::TEXT_PATTERN;

/// The shortest value, in characters. A shorter one could not be told from ordinary text where it
/// must be hidden.
pub const SECRET_MIN: usize = 8;
/// The longest value, in bytes.
pub const SECRET_MAX_BYTES: usize = 8 * 1024;
/// The most secrets of one owner.
pub const SECRETS_MAX: usize = 100;

/// What may be known of a secret: all but its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretSummary {
    /// The name in `{{secrets.NAME}}`.
    pub name: String,
    /// The hosts that it may be sent to.
    pub hosts: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its value or its hosts last changed.
    pub updated_at: Timestamp,
}

/// A secret that its owner hands over: the JSON of `POST /api/v1/secrets`. Never written back.
#[derive(Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// Capital letters, digits and underscores.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = NAME_PATTERN)))]
    pub name: String,
    /// The value.
    #[cfg_attr(feature = "schema", schemars(length(min = SECRET_MIN, max = SECRET_MAX_BYTES), regex(pattern = TEXT_PATTERN)))]
    pub value: String,
    /// The hosts that it may be sent to.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = host::HOSTS_MAX), inner(regex(pattern = host::PATTERN))))]
    pub hosts: Vec<String>,
}

impl NewSecret {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        if !is_secret_name(&self.name) {
            faults.push(FieldFault::new(
                "name",
                "must be capital letters, digits and underscores, such as GITHUB_TOKEN",
            ));
        }
        check_value(&mut faults, &self.value);
        host::check_list(&mut faults, "hosts", &self.hosts, 1);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecret")
            .field("name", &self.name)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// The changes to a secret: the JSON of `PATCH /api/v1/secrets/{name}`. What is absent stays.
#[derive(Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SecretChanges {
    /// The new value.
    #[cfg_attr(feature = "schema", schemars(length(min = SECRET_MIN, max = SECRET_MAX_BYTES), regex(pattern = TEXT_PATTERN)))]
    pub value: Option<String>,
    /// The hosts that it may be sent to from now on.
    pub hosts: Option<Vec<String>>,
}

impl SecretChanges {
    /// Checks every rule and reports all that are broken.
    ///
    /// A host that is added must come with the value: whoever may write but never read a secret must
    /// not lead it to a place of their own.
    pub fn check(&self, before: &[String]) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        if let Some(value) = &self.value {
            check_value(&mut faults, value);
        }
        if let Some(hosts) = &self.hosts {
            host::check_list(&mut faults, "hosts", hosts, 1);
            let adds = hosts.iter().any(|host| !before.contains(host));
            if adds && self.value.is_none() && faults.is_empty() {
                faults.push(FieldFault::new("value", "must be given again when a host is added"));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl fmt::Debug for SecretChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretChanges").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

fn check_value(faults: &mut Vec<FieldFault>, value: &str) {
    let reason = if value.contains('\0') {
        "must not contain the NUL character".to_owned()
    } else if value.chars().count() < SECRET_MIN || value.len() > SECRET_MAX_BYTES {
        format!("must be {SECRET_MIN} characters to {SECRET_MAX_BYTES} bytes")
    } else {
        return;
    };
    faults.push(FieldFault::new("value", reason));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> NewSecret {
        NewSecret {
            name: "GITHUB_TOKEN".to_owned(),
            value: "ghp_0123456789".to_owned(),
            hosts: vec!["api.github.com".to_owned()],
        }
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        type Break = fn(&mut NewSecret);
        assert_eq!(secret().check(), Ok(()));
        let table: [(&str, Break); 8] = [
            ("name", |s| s.name.clear()),
            ("name", |s| s.name = "github".to_owned()),
            ("name", |s| s.name = "A".repeat(65)),
            ("value", |s| s.value = "short".to_owned()),
            ("value", |s| s.value = "x".repeat(SECRET_MAX_BYTES + 1)),
            ("value", |s| s.value = "0123456789\0".to_owned()),
            ("hosts", |s| s.hosts.clear()),
            ("hosts[0]", |s| s.hosts[0] = "*".to_owned()),
        ];
        for (field, breaks) in table {
            let mut broken = secret();
            breaks(&mut broken);
            let faults = broken.check().unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].field, field);
        }
    }

    #[test]
    fn a_secret_goes_to_a_new_host_only_by_someone_who_knows_it() {
        let before = ["a.org".to_owned(), "b.org".to_owned()];
        let changes = |value: Option<&str>, hosts: &[&str]| SecretChanges {
            value: value.map(str::to_owned),
            hosts: Some(hosts.iter().map(|host| (*host).to_owned()).collect()),
        };
        assert_eq!(changes(None, &["a.org"]).check(&before), Ok(()));
        assert_eq!(changes(Some("0123456789"), &["evil.org"]).check(&before), Ok(()));
        let faults = changes(None, &["a.org", "evil.org"]).check(&before).unwrap_err();
        assert_eq!(faults[0].field, "value");
        assert_eq!(SecretChanges::default().check(&before), Ok(()));
    }

    #[test]
    fn a_value_shows_itself_nowhere() {
        let changes = SecretChanges { value: Some("ghp_0123456789".to_owned()), hosts: None };
        assert!(!format!("{:?} {changes:?}", secret()).contains("ghp_"));
    }
}

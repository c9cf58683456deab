//! Cursors: where the next page begins, sealed so that a caller can only hand back what it was given,
//! for the same owner and the same filter.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use resonant_domain::page::Page;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::{Error, Result};

/// The length of a seal: HMAC-SHA-256, cut to half as RFC 2104 section 5 allows.
const SEAL: usize = 16;

/// Seals and opens cursors with the key of this installation.
#[derive(Clone)]
pub(crate) struct Cursors {
    mac: Hmac<Sha256>,
}

impl Cursors {
    pub(crate) fn new(key: &[u8]) -> Result<Self> {
        Ok(Self { mac: Hmac::new_from_slice(key).map_err(Error::internal)? })
    }

    fn mac(&self, scope: &impl Serialize, position: &[u8]) -> Result<Hmac<Sha256>> {
        let scope = serde_json::to_vec(scope).map_err(Error::internal)?;
        let mut mac = self.mac.clone();
        // The length keeps the border between the two parts.
        mac.update(&(scope.len() as u64).to_be_bytes());
        mac.update(&scope);
        mac.update(position);
        Ok(mac)
    }

    /// A cursor at `position` of the list that `scope` names.
    pub(crate) fn seal(&self, scope: &impl Serialize, position: &impl Serialize) -> Result<String> {
        let mut bytes = serde_json::to_vec(position).map_err(Error::internal)?;
        let seal = self.mac(scope, &bytes)?.finalize().into_bytes();
        bytes.extend_from_slice(&seal[..SEAL]);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The page that begins with these things, of which one more was asked for than the page holds. Its
    /// cursor is at the position of the last one.
    pub(crate) fn page<T, P: Serialize>(
        &self,
        scope: &impl Serialize,
        limit: u32,
        mut items: Vec<T>,
        position: impl FnOnce(&T) -> P,
    ) -> Result<Page<T>> {
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor = match items.last() {
            Some(last) if has_more => Some(self.seal(scope, &position(last))?),
            _ => None,
        };
        Ok(Page { items, next_cursor })
    }

    /// The position of a cursor, when it was sealed here for the same list.
    pub(crate) fn open<P: DeserializeOwned>(
        &self,
        scope: &impl Serialize,
        cursor: Option<&str>,
    ) -> Result<Option<P>> {
        let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else {
            return Ok(None);
        };
        let foreign = || {
            let reason = "must be the next_cursor of the page before, with the same filter";
            Error::field("cursor", reason)
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
        let (position, seal) =
            bytes.split_at_checked(bytes.len().saturating_sub(SEAL)).ok_or_else(foreign)?;
        self.mac(scope, position)?.verify_truncated_left(seal).map_err(|_| foreign())?;
        serde_json::from_slice(position).map(Some).map_err(|_| foreign())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_for_its_own_list_alone() {
        let cursors = Cursors::new(&[7; 32]).unwrap();
        let cursor = cursors.seal(&("agents", "ada"), &42).unwrap();
        let open = |scope: (&str, &str), text: &str| cursors.open::<i32>(&scope, Some(text));
        assert_eq!(open(("agents", "ada"), &cursor).unwrap(), Some(42));
        assert_eq!(open(("agents", "ada"), "").unwrap(), None);
        assert!(open(("agents", "bob"), &cursor).is_err());
        assert!(open(("sessions", "ada"), &cursor).is_err());
        assert!(
            Cursors::new(&[8; 32]).unwrap().open::<i32>(&("agents", "ada"), Some(&cursor)).is_err()
        );
    }

    #[test]
    fn a_page_leads_on_where_there_is_more() {
        let cursors = Cursors::new(&[7; 32]).unwrap();
        let page = |items: Vec<i32>| cursors.page(&"numbers", 2, items, |last| *last).unwrap();
        let first = page(vec![1, 2, 3]);
        assert_eq!(first.items, [1, 2]);
        let after = cursors.open::<i32>(&"numbers", first.next_cursor.as_deref()).unwrap();
        assert_eq!(after, Some(2));
        for all in [vec![], vec![1], vec![1, 2]] {
            assert_eq!(page(all.clone()), Page { items: all, next_cursor: None });
        }
    }

    #[test]
    fn a_changed_cursor_does_not_open() {
        let cursors = Cursors::new(&[7; 32]).unwrap();
        let cursor = cursors.seal(&"agents", &42).unwrap();
        let mut broken =
            vec![String::from("x"), "äöü".into(), "AAAA".into(), "=".into(), cursor[1..].into()];
        for at in 0..cursor.len() {
            let mut bytes = cursor.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            broken.push(String::from_utf8(bytes).unwrap());
        }
        for text in broken {
            let error = cursors.open::<i32>(&"agents", Some(&text)).unwrap_err();
            assert_eq!(error.fields()[0].field, "cursor", "{text}");
        }
    }
}

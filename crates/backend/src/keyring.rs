//! The keys under which secrets lie in the store.
//!
//! A value is sealed by a key of its own, and that key by the installation's: so a change of the
//! installation's key seals small keys anew and touches no value.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};

use crate::backend::random;
use crate::{Error, Result};

/// The length of a nonce in bytes; long enough to be drawn by chance for every text.
const NONCE: usize = 24;

/// A key of the installation: 256 bits that nothing shows.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey([u8; 32]);

impl SealingKey {
    /// Takes over a key.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Where the keys of an installation come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SealingKeys {
    /// The operator gives them. The first one seals; all of them open.
    Given(Vec<SealingKey>),
    /// One is made and kept beside what it seals: for development alone, because a copy of the
    /// database then tells everything.
    #[default]
    Made,
    /// There is none, and no secret is taken.
    Missing,
}

/// A value as the store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) value: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) key_id: String,
}

/// Seals and opens.
pub(crate) struct Keyring {
    keys: Vec<(String, XChaCha20Poly1305)>,
}

impl Keyring {
    /// A ring whose first key seals.
    pub(crate) fn new(keys: &[SealingKey]) -> Self {
        let named = |SealingKey(bytes): &SealingKey| {
            let digest = Sha256::digest(bytes);
            (BASE64_URL_SAFE_NO_PAD.encode(&digest[..9]), XChaCha20Poly1305::new(bytes.into()))
        };
        Self { keys: keys.iter().map(named).collect() }
    }

    /// The name of the key that seals.
    pub(crate) fn current_id(&self) -> Result<&str> {
        Ok(&self.first()?.0)
    }

    /// Whether it holds the key of this name.
    pub(crate) fn has(&self, key_id: &str) -> bool {
        self.keys.iter().any(|(id, _)| id == key_id)
    }

    fn first(&self) -> Result<&(String, XChaCha20Poly1305)> {
        self.keys.first().ok_or_else(|| Error::internal("the key ring is empty"))
    }

    /// Seals a value for its place: elsewhere it does not open.
    pub(crate) fn seal(&self, place: &[u8], value: &[u8]) -> Result<Sealed> {
        let own: [u8; 32] = random()?;
        let (key_id, first) = self.first()?;
        Ok(Sealed {
            value: seal(&XChaCha20Poly1305::new(&own.into()), place, value)?,
            key: seal(first, place, &own)?,
            key_id: key_id.clone(),
        })
    }

    /// Opens a value at its place.
    pub(crate) fn open(&self, place: &[u8], sealed: &Sealed) -> Result<Vec<u8>> {
        let own: [u8; 32] = self.open_key(place, sealed)?;
        open(&XChaCha20Poly1305::new(&own.into()), place, &sealed.value)
    }

    /// The value's own key, sealed by the first key of the ring, and that key's name.
    pub(crate) fn seal_key_again(
        &self,
        place: &[u8],
        sealed: &Sealed,
    ) -> Result<(Vec<u8>, String)> {
        let own = self.open_key(place, sealed)?;
        let (key_id, first) = self.first()?;
        Ok((seal(first, place, &own)?, key_id.clone()))
    }

    fn open_key(&self, place: &[u8], sealed: &Sealed) -> Result<[u8; 32]> {
        let key = self.keys.iter().find(|(id, _)| *id == sealed.key_id);
        let (_, key) = key.ok_or_else(|| {
            Error::internal(format!("no key of SECRETS_KEY is the one named {}", sealed.key_id))
        })?;
        let own = open(key, place, &sealed.key)?;
        own.try_into().map_err(|_| Error::internal("a sealed key has the wrong length"))
    }
}

fn seal(cipher: &XChaCha20Poly1305, place: &[u8], msg: &[u8]) -> Result<Vec<u8>> {
    let nonce: [u8; NONCE] = random()?;
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg, aad: place })
        .map_err(|_| Error::internal("a secret could not be sealed"))?;
    Ok([&nonce[..], &sealed].concat())
}

fn open(cipher: &XChaCha20Poly1305, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
    let wrong = || Error::internal("a secret does not open");
    let (nonce, msg) = sealed.split_first_chunk::<NONCE>().ok_or_else(wrong)?;
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad: place }).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(keys: &[u8]) -> Keyring {
        Keyring::new(&keys.iter().map(|key| SealingKey::new([*key; 32])).collect::<Vec<_>>())
    }

    #[test]
    fn a_value_opens_at_its_place_under_its_key_alone() {
        let sealed = ring(&[1]).seal(b"ada/KEY", b"canary").unwrap();
        assert_eq!(ring(&[1]).open(b"ada/KEY", &sealed).unwrap(), b"canary");
        assert_eq!(ring(&[2, 1]).open(b"ada/KEY", &sealed).unwrap(), b"canary");
        assert!(ring(&[1]).open(b"bob/KEY", &sealed).is_err());
        assert!(ring(&[2]).open(b"ada/KEY", &sealed).is_err());
        assert!(ring(&[]).open(b"ada/KEY", &sealed).is_err());
        assert!(!sealed.value.windows(6).any(|window| window == b"canary"));
        for at in 0..sealed.value.len() {
            let mut broken = sealed.clone();
            broken.value[at] ^= 1;
            assert!(ring(&[1]).open(b"ada/KEY", &broken).is_err());
        }
        assert_ne!(ring(&[1]).seal(b"ada/KEY", b"canary").unwrap().value, sealed.value);
    }

    #[test]
    fn a_new_key_takes_over_from_the_old_one() {
        let mut sealed = ring(&[1]).seal(b"p", b"canary").unwrap();
        let old = sealed.key_id.clone();
        (sealed.key, sealed.key_id) = ring(&[2, 1]).seal_key_again(b"p", &sealed).unwrap();
        assert_ne!(sealed.key_id, old);
        assert_eq!(sealed.key_id, ring(&[2]).current_id().unwrap());
        assert_eq!(ring(&[2]).open(b"p", &sealed).unwrap(), b"canary");
        assert!(ring(&[1]).open(b"p", &sealed).is_err());
        assert_eq!(format!("{:?}", SealingKey::new([1; 32])), "…");
    }
}

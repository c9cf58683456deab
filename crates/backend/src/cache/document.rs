//! A thing in the form in which callers get it.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Entry, hex};
use crate::{Error, Result};

/// How much of a digest tells two texts apart, in bytes.
const DIGEST: usize = 12;

/// A thing with its JSON and the version that its entity tag tells. It was written as JSON once, when
/// it was read; whoever answers from the cache answers from these bytes.
#[derive(Debug)]
pub struct Document<T> {
    value: T,
    json: Bytes,
    version: String,
}

impl<T> Document<T> {
    /// The thing.
    #[must_use]
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// Its JSON. Cheap to clone.
    #[must_use]
    pub fn json(&self) -> Bytes {
        self.json.clone()
    }

    /// Tells this state of the thing from every other: letters, digits and `-` alone.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// Writes a value as callers get it.
pub(crate) fn write<E: Entry>(value: E::Value) -> Result<Arc<Document<E::Value>>> {
    let json = Bytes::from(E::json(&value).map_err(Error::internal)?);
    Ok(Arc::new(Document { version: E::version(&value, &json), json, value }))
}

/// Reads what [`write`] has written, when it still has the shape of today.
pub(super) fn read<E: Entry>(json: Bytes) -> Option<Arc<Document<E::Value>>> {
    let value: E::Value = serde_json::from_slice(&json).ok()?;
    Some(Arc::new(Document { version: E::version(&value, &json), json, value }))
}

/// A version for a thing whose row has none: a digest of its JSON.
pub(super) fn digest(json: &[u8]) -> String {
    hex(&Sha256::digest(json)[..DIGEST])
}

//! Files of pictures, and the cards that sites show with a shared link.
//!
//! Keys: a picture's id, width and format; what a card is of, with the version of what it shows. Values:
//! the file. Neither ever changes under its key, so nothing forgets them: they stay for an hour. Empty: one
//! look-up in PostgreSQL for a picture; a card is drawn, which takes some 50 ms of one core. A file that is
//! not there is remembered for 10 s.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use resonant_domain::ImageId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Entry, Kind};
use crate::cards::{self, Card};
use crate::{Backend, Result, store};

/// A file as browsers get it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct File {
    /// What is in it.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub bytes: Bytes,
}

fn write<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map(Bytes::from).map_err(serde::de::Error::custom)
}

/// Which of a picture's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PictureKey {
    pub(crate) id: ImageId,
    pub(crate) width: u32,
    pub(crate) format: &'static str,
}

impl fmt::Display for PictureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", self.id, self.width, self.format)
    }
}

pub(crate) struct PictureEntry;

impl Entry for PictureEntry {
    type Key = PictureKey;
    type Value = File;
    const KIND: Kind = Kind::Picture;
    const SCHEMA: u16 = 1;
    const LIFETIME: Duration = Duration::from_hours(1);
    const STALE: Duration = Duration::ZERO;
    const ABSENT: Duration = Duration::from_secs(10);

    async fn load(backend: &Backend, key: &PictureKey) -> Result<Option<File>> {
        let mut conn = backend.catalogue_read_latest().await?;
        let bytes = store::images::find_rendition(&mut conn, key.id, key.width, key.format).await?;
        Ok(bytes.map(|bytes| File { bytes: bytes.into() }))
    }
}

/// Which card.
#[derive(Clone, Debug)]
pub(crate) struct CardKey {
    /// What it is of.
    pub(crate) subject: String,
    /// What it shows.
    pub(crate) card: Arc<Card>,
}

impl fmt::Display for CardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.subject, self.card.version())
    }
}

pub(crate) struct CardEntry;

impl Entry for CardEntry {
    type Key = CardKey;
    type Value = File;
    const KIND: Kind = Kind::Card;
    const SCHEMA: u16 = 1;
    const LIFETIME: Duration = Duration::from_hours(1);
    const STALE: Duration = Duration::ZERO;
    const ABSENT: Duration = Duration::ZERO;

    async fn load(backend: &Backend, key: &CardKey) -> Result<Option<File>> {
        let bytes = cards::draw(backend, key.card.clone()).await?;
        Ok(Some(File { bytes: bytes.into() }))
    }
}

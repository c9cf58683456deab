//! The keys of the installation, each made by the first process that needs it.

use super::{Backend, random};
use crate::cursor::Cursors;
use crate::keyring::{Keyring, SealingKey, SealingKeys};
use crate::{Error, Result, store};

impl Backend {
    /// What seals cursors; its key is made by the first process that needs it.
    pub(crate) async fn cursors(&self) -> Result<&Cursors> {
        self.inner
            .cursors
            .get_or_try_init(|| async {
                let fresh: [u8; 32] = random()?;
                let mut conn = self.catalogue_write().await?;
                let key = store::settings::find_or_insert(&mut conn, "cursor_key", &fresh).await?;
                conn.commit().await?;
                Cursors::new(&key)
            })
            .await
    }

    /// What the keys of triggers and webhooks follow from, made by the first process that needs it.
    pub(crate) async fn signing_root(&self) -> Result<&[u8]> {
        let root = self.inner.signing_root.get_or_try_init(|| async {
            let fresh: [u8; 32] = random()?;
            let mut conn = self.catalogue_write().await?;
            let root = store::settings::find_or_insert(&mut conn, "signing_root", &fresh).await?;
            conn.commit().await?;
            Ok::<_, Error>(root)
        });
        Ok(root.await?)
    }

    /// What seals secrets; a key that is made is made by the first process that needs it.
    pub(crate) async fn keyring(&self) -> Result<&Keyring> {
        self.inner
            .keyring
            .get_or_try_init(|| async {
                match &self.inner.sealing_keys {
                    SealingKeys::Given(keys) => Ok(Keyring::new(keys)),
                    SealingKeys::Made => {
                        let fresh: [u8; 32] = random()?;
                        let mut conn = self.catalogue_write().await?;
                        let name = "sealing_key";
                        let key = store::settings::find_or_insert(&mut conn, name, &fresh).await?;
                        conn.commit().await?;
                        let key = key
                            .try_into()
                            .map_err(|_| Error::internal("the sealing key has the wrong length"))?;
                        Ok(Keyring::new(&[SealingKey::new(key)]))
                    }
                    SealingKeys::Missing => Err(Error::Conflict(
                        "This installation keeps no secrets, because its SECRETS_KEY is not set. \
                         Ask whoever runs it"
                            .to_owned(),
                    )),
                }
            })
            .await
    }
}

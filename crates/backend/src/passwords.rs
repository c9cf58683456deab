//! Password hashes: argon2id, a few at a time, off the threads that answer requests.

use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use resonant_domain::member::PASSWORD_MAX;
use tokio::sync::Semaphore;

use crate::{Error, PasswordWork, Result};

/// For how long a caller waits for its turn before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hashes and checks passwords.
#[derive(Clone)]
pub(crate) struct Passwords {
    work: Arc<Work>,
    turns: Arc<Semaphore>,
}

struct Work {
    argon2: Argon2<'static>,
    /// Stands in for the hash of an address that nobody has, so that both answers take the same time.
    nobody: String,
}

impl Passwords {
    pub(crate) fn new(work: PasswordWork) -> Result<Self> {
        let params = Params::new(work.memory_kib, work.passes, 1, None).map_err(Error::internal)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = argon2.hash_password(b"nobody").map_err(Error::internal)?.to_string();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self { work: Arc::new(Work { argon2, nobody }), turns: Arc::new(Semaphore::new(cores)) })
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Work) -> T + Send + 'static,
    ) -> Result<T> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned())
            .await
            .map_err(|_| Error::TooMany { retry_after: PATIENCE })?
            .map_err(Error::internal)?;
        let shared = self.work.clone();
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&shared)
        })
        .await
        .map_err(Error::internal)
    }

    /// The hash of a new password, with its salt and parameters.
    pub(crate) async fn hash(&self, password: String) -> Result<String> {
        self.off_thread(move |work| work.argon2.hash_password(password.as_bytes()))
            .await?
            .map(|hash| hash.to_string())
            .map_err(Error::internal)
    }

    /// Whether the password is the one of the hash. Without a hash it does the same work for nothing.
    pub(crate) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        // A longer one cannot be right; hashing a shorter one in its place costs the same.
        let is_usable = password.len() <= PASSWORD_MAX * 4;
        let password = if is_usable { password } else { String::new() };
        self.off_thread(move |work| {
            let is_right =
                |hash: &str| work.argon2.verify_password(password.as_bytes(), hash).is_ok();
            if let Some(hash) = hash {
                is_right(&hash)
            } else {
                is_right(&work.nobody);
                false
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_right_for_its_own_hash_alone() {
        let passwords = Passwords::new(PasswordWork { memory_kib: 8, passes: 1 }).unwrap();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse".to_owned(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody".to_owned(), None).await.unwrap());
    }
}

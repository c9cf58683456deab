//! What tools are lent of the installation: the backend behind the runtime's words.

use std::sync::Weak;

use resonant_domain::UserId;
use resonant_runtime::tools::{Backing, BackingError, BackingFuture, BoundSecret};

use crate::backend::Inner;
use crate::{Backend, Error, secrets};

/// The backend that the tools belong to; it holds them, so they do not hold it.
pub(crate) struct ToolBacking(pub(crate) Weak<Inner>);

impl ToolBacking {
    fn backend(&self) -> Result<Backend, BackingError> {
        let inner = self.0.upgrade();
        inner.map(Backend::of).ok_or_else(|| BackingError("the process stops".into()))
    }
}

fn failed(error: Error) -> BackingError {
    BackingError(Box::new(error))
}

impl Backing for ToolBacking {
    fn secrets(&self, owner: UserId, names: Vec<String>) -> BackingFuture<'_, Vec<BoundSecret>> {
        Box::pin(
            async move { secrets::reveal(&self.backend()?, owner, &names).await.map_err(failed) },
        )
    }
}

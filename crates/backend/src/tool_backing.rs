//! What tools are lent of the installation: the backend behind the runtime's words.

use std::sync::Weak;

use resonant_domain::UserId;
use resonant_domain::knowledge::FoundPassage;
use resonant_domain::memory::{Memory, NewMemory};
use resonant_runtime::tools::{Backing, BackingError, BackingFuture, BoundSecret, Whose};

use crate::backend::Inner;
use crate::{Backend, Error, knowledge, memories, secrets};

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

    fn look_up(
        &self,
        Whose { owner, agent, .. }: Whose,
        query: String,
        most: u32,
    ) -> BackingFuture<'_, Vec<FoundPassage>> {
        Box::pin(async move {
            let found = knowledge::look_up(&self.backend()?, owner, agent, &query, most).await;
            found.map_err(failed)
        })
    }

    fn remember(&self, whose: Whose, fact: NewMemory) -> BackingFuture<'_, ()> {
        Box::pin(
            async move { memories::remember(&self.backend()?, whose, fact).await.map_err(failed) },
        )
    }

    fn recall(&self, whose: Whose) -> BackingFuture<'_, Vec<Memory>> {
        Box::pin(async move { memories::recall(&self.backend()?, whose).await.map_err(failed) })
    }
}

//! On which terms a worker takes sessions from the queue.

use sqlx::types::Uuid;

use crate::store::shards::Owners;

/// How many sessions of one owner, and of one agent, run at the same time. 0: any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) per_owner: u32,
    pub(crate) per_agent: u32,
}

/// What a worker may take, and who has had a turn.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) slots: Slots,
    pub(crate) owners: Owners,
    /// Whether one whose worker was lost before may be taken.
    pub(crate) takes_suspects: bool,
    /// Whom the process served last, each once, the latest at the end.
    pub(crate) served: Vec<Uuid>,
}

impl Terms {
    /// Those of a process that has nothing yet.
    pub(crate) const fn new(slots: Slots, owners: Owners) -> Self {
        Self { slots, owners, takes_suspects: true, served: Vec::new() }
    }

    pub(super) fn last_served(&self) -> Uuid {
        self.served.last().copied().unwrap_or_default()
    }
}

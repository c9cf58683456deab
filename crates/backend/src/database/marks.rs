//! How far a replica must have come before it may answer someone who wrote.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use resonant_domain::UserId;

use crate::store::replication::Position;

/// Whose writes a mark stands for: an owner's on one database, or everybody's on the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Whose {
    pub(crate) shard: usize,
    pub(crate) owner: Option<UserId>,
}

/// Where in the log the last write of each writer is.
///
/// Two generations, so that forgetting is cheap: a mark is kept for one to two spans. After that every
/// replica in use has it, because one that lags behind longer is not in use.
pub(super) struct Marks {
    span: Duration,
    generations: Mutex<Generations>,
}

struct Generations {
    current: HashMap<Whose, Position>,
    previous: HashMap<Whose, Position>,
    began: Instant,
}

impl Marks {
    pub(super) fn new(span: Duration) -> Self {
        let (current, previous) = Default::default();
        let generations = Mutex::new(Generations { current, previous, began: Instant::now() });
        Self { span, generations }
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, whose: Whose, position: Position) {
        let mut generations = self.generations();
        let mark = generations.current.entry(whose).or_default();
        *mark = position.and(*mark);
    }

    /// The position that a replica must have; 0 for one who has written nothing of late.
    pub(super) fn needed(&self, whose: Whose) -> Position {
        let generations = self.generations();
        let of = |marks: &HashMap<_, Position>| marks.get(&whose).copied().unwrap_or_default();
        of(&generations.current).and(of(&generations.previous))
    }

    /// Forgets what is older than a span. To be called only while the replicas in use are known to lag
    /// less than that.
    pub(super) fn turn(&self) {
        let mut generations = self.generations();
        if generations.began.elapsed() >= self.span {
            generations.previous = std::mem::take(&mut generations.current);
            generations.began = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use resonant_domain::UserId;
    use sqlx::types::Uuid;

    use super::*;

    fn at(bytes: i64) -> Position {
        Position { timeline: 1, bytes }
    }

    #[test]
    fn a_mark_only_rises_and_is_forgotten_after_two_turns() {
        let whose =
            |shard, owner| Whose { shard, owner: Some(UserId::from_uuid(Uuid::from_u128(owner))) };
        let marks = Marks::new(Duration::ZERO);
        marks.note(whose(0, 1), at(7));
        marks.note(whose(0, 1), at(5));
        marks.turn();
        marks.note(whose(0, 1), at(6));
        assert_eq!(marks.needed(whose(0, 1)), at(7));
        let nothing = Position::default();
        assert_eq!((marks.needed(whose(1, 1)), marks.needed(whose(0, 2))), (nothing, nothing));
        marks.turn();
        assert_eq!(marks.needed(whose(0, 1)), at(6));
        marks.turn();
        assert_eq!(marks.needed(whose(0, 1)), nothing);
    }

    #[test]
    fn nothing_is_forgotten_before_its_span() {
        let whose = Whose { shard: 0, owner: None };
        let marks = Marks::new(Duration::from_hours(1));
        marks.note(whose, at(7));
        marks.turn();
        marks.turn();
        assert_eq!(marks.needed(whose), at(7));
    }
}

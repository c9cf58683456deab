//! Which providers rest: one that failed several times in a row is not asked for a while, so that
//! every session need not find out for itself. Each process learns for itself.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Faults in a row that open the breaker.
const FAULTS: u32 = 3;
/// How long a provider rests. One request tries it then, and the others go elsewhere until that was answered. Where
/// nothing is heard of it, since it was cancelled or is slow, another one tries after as long again.
const REST: Duration = Duration::from_secs(30);

/// The breakers of all providers.
#[derive(Debug, Default)]
pub(super) struct Breakers(Mutex<HashMap<String, Breaker>>);

#[derive(Debug, Default, Clone, Copy)]
struct Breaker {
    faults: u32,
    rests_until: Option<Instant>,
}

impl Breakers {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Breaker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The provider answered.
    pub fn answered(&self, provider: &str) {
        self.all().remove(provider);
    }

    /// The provider failed, in a way that is not of one request alone.
    pub fn failed(&self, provider: &str) {
        let mut all = self.all();
        let breaker = all.entry(provider.to_owned()).or_default();
        breaker.faults += 1;
        if breaker.faults >= FAULTS {
            breaker.rests_until = Some(Instant::now() + REST);
        }
    }

    /// Whether the provider is better not asked now.
    pub fn is_resting(&self, provider: &str) -> bool {
        let rests_until = self.all().get(provider).and_then(|breaker| breaker.rests_until);
        rests_until.is_some_and(|until| Instant::now() < until)
    }

    /// Whether the provider may be asked now. Where its rest is over, whoever is told so is the one that tries it.
    pub fn admits(&self, provider: &str) -> bool {
        let now = Instant::now();
        let mut all = self.all();
        let breaker = all.get_mut(provider);
        let Some(until) = breaker.and_then(|breaker| breaker.rests_until.as_mut()) else {
            return true;
        };
        let is_over = *until <= now;
        if is_over {
            *until = now + REST;
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn three_faults_in_a_row_are_a_rest() {
        let breakers = Breakers::default();
        breakers.failed("openai");
        breakers.failed("openai");
        breakers.answered("openai");
        breakers.failed("openai");
        breakers.failed("openai");
        assert!(!breakers.is_resting("openai"));
        breakers.failed("openai");
        assert!(breakers.is_resting("openai") && !breakers.is_resting("gemini"));
        tokio::time::advance(REST).await;
        assert!(!breakers.is_resting("openai"), "it is tried again");
        breakers.failed("openai");
        assert!(breakers.is_resting("openai"), "and rests anew when that fails");
    }

    #[tokio::test(start_paused = true)]
    async fn after_its_rest_one_request_tries_it() {
        let breakers = Breakers::default();
        let admitted = || (0..5).filter(|_| breakers.admits("openai")).count();
        assert_eq!(admitted(), 5);
        (0..FAULTS).for_each(|_| breakers.failed("openai"));
        assert_eq!(admitted(), 0);
        tokio::time::advance(REST).await;
        assert_eq!(admitted(), 1);
        assert!(breakers.is_resting("openai"), "for the others, until it has answered");
        // Nothing is heard of the one that tried.
        let moment = Duration::from_millis(1);
        tokio::time::advance(REST.saturating_sub(moment)).await;
        assert_eq!(admitted(), 0);
        tokio::time::advance(moment).await;
        assert_eq!(admitted(), 1);
        breakers.failed("openai");
        tokio::time::advance(REST).await;
        assert_eq!(admitted(), 1, "it rests no longer for having failed again");
        breakers.answered("openai");
        assert_eq!(admitted(), 5);
    }
}

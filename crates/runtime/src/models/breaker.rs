//! Which providers rest: one that failed several times in a row is not asked for a while, so that
//! every session need not find out for itself. Each process learns for itself.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Faults in a row that open the breaker.
const FAULTS: u32 = 3;
/// How long a provider rests. The first request after that tries it again.
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
}

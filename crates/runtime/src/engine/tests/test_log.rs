//! A log that tells what was written into it, and when.

use futures::future::BoxFuture;
use resonant_domain::timeline::Timeline;

use super::*;

/// A log that remembers where each append ended, and can lose its lease.
#[derive(Default)]
pub(super) struct TestLog {
    pub(super) events: Mutex<Vec<SessionEvent>>,
    pub(super) ends: Mutex<Vec<usize>>,
    pub(super) used: Mutex<Usage>,
    pub(super) usages: Mutex<Vec<Usage>>,
    pub(super) fenced_after: Option<usize>,
    /// The step whose answer a person pins as soon as it is there.
    pub(super) pinned_step: Option<u32>,
    /// What a person writes before each of the next appends.
    pub(super) said_meanwhile: Mutex<VecDeque<Option<EventBody>>>,
    /// When each append happened, in virtual milliseconds.
    pub(super) at_ms: Mutex<Vec<u64>>,
    pub(super) began: Mutex<Option<Instant>>,
}

impl SessionLog for TestLog {
    fn append(
        &self,
        after: i64,
        entries: Vec<EventBody>,
        usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        let mut ends = self.ends.lock().unwrap();
        if self.fenced_after.is_some_and(|most| ends.len() >= most) {
            return Box::pin(async { Err(LogError::Fenced) });
        }
        assert!(!entries.is_empty() || usage != Usage::default(), "an empty append");
        let began = *self.began.lock().unwrap().get_or_insert_with(Instant::now);
        self.at_ms.lock().unwrap().push(millis(began.elapsed()));
        let mut events = self.events.lock().unwrap();
        let is_over = events.iter().fold(false, |is_over, event| match event.body {
            EventBody::Done { .. } => true,
            EventBody::Message { .. } | EventBody::Retry { .. } => false,
            _ => is_over,
        });
        assert!(!is_over, "written after the end");
        if let Some(Some(said)) = self.said_meanwhile.lock().unwrap().pop_front() {
            let sequence = events.last().map_or(1, |event| event.sequence + 1);
            events.push(SessionEvent { sequence, at: start(), body: said });
        }
        if events.last().map_or(0, |event| event.sequence) != after {
            let moved = events.iter().filter(|event| event.sequence > after).cloned().collect();
            ends.push(events.len());
            return Box::pin(async { Err(LogError::Moved { events: moved, refused: entries }) });
        }
        let first = events.last().map_or(1, |event| event.sequence + 1);
        let new: Vec<_> = (first..)
            .zip(entries)
            .map(|(sequence, body)| SessionEvent { sequence, at: start(), body })
            .collect();
        events.extend(new.iter().cloned());
        ends.push(events.len());
        *self.used.lock().unwrap() += usage;
        self.usages.lock().unwrap().push(*self.used.lock().unwrap());
        Box::pin(async move { Ok(new) })
    }

    fn pins(&self) -> BoxFuture<'_, Result<Option<Vec<i64>>, LogError>> {
        let is_pinned = |event: &SessionEvent| matches!(event.body, EventBody::StepComplete { step, .. } if Some(step) == self.pinned_step);
        let found = self.events().into_iter().find(is_pinned);
        let pins = found.map(|event| vec![event.sequence]);
        Box::pin(async move { Ok(pins) })
    }
}

impl TestLog {
    /// What the next worker finds.
    pub(super) fn left_behind(&self) -> Self {
        let used = *self.used.lock().unwrap();
        Self { events: Mutex::new(self.events()), used: Mutex::new(used), ..Self::default() }
    }

    pub(super) fn events(&self) -> Vec<SessionEvent> {
        self.events.lock().unwrap().clone()
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.events().iter().map(|event| event.body.name()).collect()
    }

    pub(super) fn timeline(&self) -> Timeline {
        Timeline::from_events(self.events())
    }

    pub(super) fn reason(&self) -> String {
        self.timeline().end.and_then(|end| end.reason).unwrap_or_default()
    }
}

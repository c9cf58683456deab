//! Which trace a piece of work belongs to, as W3C Trace Context writes it: `traceparent` comes with
//! requests, waits with a queued session, and goes out with requests to models and tools.
//!
//! Where no collector is configured no span belongs to a trace. The trace's id is known all the same, to
//! the log and to slow samples: it goes with the task ([`TraceParent::around`]) and waits in the queue. So does
//! the id of the request that the work is done for, by which people find what is logged of it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header that carries it.
pub const TRACEPARENT: &str = "traceparent";

tokio::task_local! {
    /// How the work of this task began.
    static BEGAN: Began;
}

/// How work began: where, and for which request.
#[derive(Clone)]
struct Began {
    place: TraceParent,
    request_id: Option<Arc<str>>,
}

/// A place in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent(SpanContext);

impl TraceParent {
    /// Reads the header. `None` for what is no place in a trace.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let [version, trace, span, flags] = std::array::from_fn(|_| parts.next().unwrap_or(""));
        let is_hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let fits = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        // A later version may say more behind; the first says no more, and 255 is none.
        let is_known = version != "ff" && (version != "00" || parts.next().is_none());
        if !fits || !is_known {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
        let place = SpanContext::new(
            TraceId::from_hex(trace).ok()?,
            SpanId::from_hex(span).ok()?,
            TraceFlags::new(sampled),
            true,
            TraceState::NONE,
        );
        place.is_valid().then_some(Self(place))
    }

    /// Where the work stands that is done now; `None` without a collector.
    #[must_use]
    pub fn current() -> Option<Self> {
        Self::of(&Span::current())
    }

    /// The same to keep for later work: without a collector, where the work of this task began.
    #[must_use]
    pub fn kept() -> Option<Self> {
        Self::current().or_else(|| BEGAN.try_with(|began| began.place.clone()).ok())
    }

    /// Begins a span that has not been entered: as part of the trace that led here, or as the first of one.
    /// Without a collector its place is the one that led here, or one that nobody else knows. The span
    /// needs a field `trace.id`.
    #[must_use]
    pub fn begin(span: &Span, given: Option<Self>) -> Self {
        if let Some(place) = &given {
            place.lead(span);
        }
        let place = Self::of(span).or(given).unwrap_or_else(Self::made);
        span.record("trace.id", place.trace_id());
        place
    }

    /// A place in a trace that no other piece of work has.
    fn made() -> Self {
        static PROCESS: LazyLock<u64> =
            LazyLock::new(|| RandomState::new().build_hasher().finish());
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(SpanContext::new(
            TraceId::from(u128::from(*PROCESS) << 64 | u128::from(count)),
            SpanId::from(count),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        ))
    }

    /// Does work that begins here, for the request of this id where there is one.
    pub fn around<F: Future>(
        self,
        request_id: Option<String>,
        work: F,
    ) -> impl Future<Output = F::Output> {
        BEGAN.scope(Began { place: self, request_id: request_id.map(Arc::from) }, work)
    }

    /// Where a span stands; `None` without a collector.
    #[must_use]
    pub fn of(span: &Span) -> Option<Self> {
        let place = span.context().span().span_context().clone();
        place.is_valid().then_some(Self(place))
    }

    /// The trace, in hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.0.trace_id().to_string()
    }

    /// Makes a span that has not been entered part of this trace.
    fn lead(&self, span: &Span) {
        let parent = Context::new().with_remote_span_context(self.0.clone());
        // It is refused without a collector, and then nothing is lost.
        drop(span.set_parent(parent));
    }
}

/// The id of the request that the work of this task is done for.
#[must_use]
pub fn kept_request() -> Option<String> {
    BEGAN.try_with(|began| began.request_id.as_deref().map(str::to_owned)).ok().flatten()
}

/// Work that is about to get a task of its own: it knows how the work of this one began.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let began = BEGAN.try_with(Began::clone).ok();
    async move {
        match began {
            Some(began) => BEGAN.scope(began, work).await,
            None => work.await,
        }
    }
}

impl std::fmt::Display for TraceParent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(place) = self;
        let flags = place.trace_flags().to_u8();
        write!(f, "00-{}-{}-{flags:02x}", place.trace_id(), place.span_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_w3c_describes_is_read() {
        let right = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let place = TraceParent::parse(right).unwrap();
        assert_eq!(place.to_string(), right);
        assert_eq!(place.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        let later = format!("01{}-what-will-be", &right[2..]);
        assert_eq!(TraceParent::parse(&later), Some(place));
        for wrong in [
            "",
            "00",
            &right[..54],
            &right.to_uppercase(),
            &format!("ff{}", &right[2..]),
            &format!("{right}-more"),
            &right.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &right.replace("b7ad6b7169203331", &"0".repeat(16)),
            &right.replace("b7ad", "b7\u{e4}"),
        ] {
            assert_eq!(TraceParent::parse(wrong), None, "{wrong}");
        }
        assert_eq!(TraceParent::current(), None, "there is no collector");
    }

    #[tokio::test]
    async fn work_keeps_the_place_where_it_began() {
        let begin = |given| TraceParent::begin(&Span::none(), given);
        let (one, two) = (begin(None), begin(None));
        assert_ne!(one.trace_id(), two.trace_id());
        for place in [&one, &two] {
            assert_eq!(TraceParent::parse(&place.to_string()).as_ref(), Some(place));
        }
        assert_eq!(begin(Some(two.clone())), two, "it goes on");
        let kept = || (TraceParent::kept(), kept_request());
        assert_eq!(kept(), (None, None));
        let request = || Some("request-1".to_owned());
        let known = one.clone().around(request(), async {
            tokio::task::yield_now().await;
            kept()
        });
        assert_eq!(known.await, (Some(one.clone()), request()));
        assert_eq!(two.clone().around(None, async { kept() }).await, (Some(two), None));
        let apart = one.clone().around(request(), async move {
            let carried = tokio::spawn(carried(async move { kept() })).await.unwrap();
            (carried, tokio::spawn(async move { kept() }).await.unwrap())
        });
        assert_eq!(apart.await, ((Some(one), request()), (None, None)));
        assert_eq!(kept(), (None, None));
    }
}

//! Event streams that are open in this process: how many of them each caller holds, together with other
//! answers that wait, and when those that are silent say that they are still there.

mod pulse;
mod seats;

use std::sync::Arc;

use axum::body::Bytes;
use resonant_backend::Ctx;
use resonant_backend::metrics::Raised;
use resonant_backend::rate_limits::{self, Known, Sharer};
use resonant_domain::metric::Family;
use tokio_util::sync::CancellationToken;

use self::pulse::{Pulse, Wheel};
use self::seats::{Seat, Seats};
use crate::fault::Fault;
use crate::settings::StreamLimits;

pub(crate) use self::pulse::Beat;

/// What a stream writes that has nothing to tell: a comment, which clients pass over.
pub(crate) const STILL_HERE: Bytes = Bytes::from_static(b": still here\n\n");
/// The name of the limit, where what was refused is told.
const LIMIT: &str = "streams";

/// What all event streams of this process share.
#[derive(Debug)]
pub(crate) struct Streams {
    limits: StreamLimits,
    seats: Arc<Seats>,
    wheel: Arc<Wheel>,
}

impl Streams {
    /// No stream is open yet. Must be made within a runtime: its clock goes until `stopping`.
    pub(crate) fn new(limits: StreamLimits, stopping: &CancellationToken) -> Self {
        Self { limits, seats: Arc::default(), wheel: Wheel::start(stopping.clone()) }
    }

    /// Lets the caller have one more stream. What is answered lives as long as the stream does.
    ///
    /// # Errors
    /// When the caller holds as many as one may.
    pub(crate) fn open(&self, ctx: &Ctx) -> Result<Open, Fault> {
        Ok(self.open_in(ctx, self.place(ctx)?))
    }

    /// Makes a stream of a place that the caller has.
    pub(crate) fn open_in(&self, ctx: &Ctx, place: Place) -> Open {
        let counted = ctx.backend().metrics().raise(Family::SseSubscribers);
        Open { pulse: self.wheel.join(), _place: place, _counted: counted }
    }

    /// Takes one of the caller's places, for a stream or for an answer that may be as long in coming. What
    /// is answered lives as long as that.
    ///
    /// # Errors
    /// When the caller holds as many as one may.
    pub(crate) fn place(&self, ctx: &Ctx) -> Result<Place, Fault> {
        let (sharer, known) = Sharer::caller(ctx, ctx.address());
        let most = match known {
            Known::Caller => self.limits.caller,
            Known::Address => self.limits.address,
        };
        let seat = match most {
            0 => None,
            most => Some(self.seats.take(sharer, most).map_err(|sharer| {
                rate_limits::note_refusal(ctx, LIMIT, &sharer);
                Fault::too_many_streams(most)
            })?),
        };
        Ok(Place { _seat: seat })
    }
}

/// One of the places that a caller may have at a time.
#[derive(Debug)]
pub(crate) struct Place {
    /// `None`: any number may be had.
    _seat: Option<Seat>,
}

/// One open stream.
#[derive(Debug)]
pub(crate) struct Open {
    pulse: Pulse,
    /// One of those that the caller may have.
    _place: Place,
    /// Counts the stream among those that are open.
    _counted: Raised,
}

impl Open {
    /// Waits until the stream, which writes nothing meanwhile, is to say that it is still there, or until
    /// the process stops.
    pub(crate) async fn beat(&self) -> Beat {
        self.pulse.beat().await
    }
}

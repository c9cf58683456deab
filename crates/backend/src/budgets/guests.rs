//! Guests: what they may use of what the operator pays for. They are free to make, so they are bounded one by
//! one and, for the day, by the network that they come from. An account lifts both.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use resonant_domain::budget::BudgetLimits;
use resonant_domain::session::Usage;
use resonant_domain::waiting::{Amount, BudgetScope, Shortfall, Wait, WaitReason};
use resonant_domain::{FieldFault, UserId};
use sha2::Sha256;
use tokio::sync::OnceCell;

use crate::cache::hex;
use crate::rate_limits::Sharer;
use crate::{Backend, Ctx, Error, Result, access, store};

/// What guests may use. `None`: any amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuestLimits {
    /// What the agents of one guest may cost in a month, in millionths of a dollar.
    pub micro_usd: Option<u64>,
    /// The tokens that they may use in a month, in both directions.
    pub tokens: Option<u64>,
    /// So many guests' worth may all guests of a network use in a day.
    pub per_address: Option<u32>,
}

impl GuestLimits {
    /// What one guest may use in a month.
    #[must_use]
    pub const fn of_one(&self) -> BudgetLimits {
        BudgetLimits { max_tokens: self.tokens, max_micro_usd: self.micro_usd }
    }

    /// What all guests of a network may use in a day.
    fn of_network(&self) -> Option<BudgetLimits> {
        let guests = u64::from(self.per_address?);
        let many = |limit: Option<u64>| limit.map(|limit| limit.saturating_mul(guests));
        let are_any = self.tokens.is_some() || self.micro_usd.is_some();
        are_any.then(|| BudgetLimits {
            max_tokens: many(self.tokens),
            max_micro_usd: many(self.micro_usd),
        })
    }
}

/// What the owner may use in a month, when they are a guest and guests are bounded.
pub(crate) async fn limits_of(backend: &Backend, owner: UserId) -> Result<Option<BudgetLimits>> {
    let limits = backend.guest_limits().of_one();
    if limits == BudgetLimits::default() {
        return Ok(None);
    }
    let mut conn = backend.catalogue_read_latest().await?;
    Ok(store::guests::exists(&mut conn, owner).await?.then_some(limits))
}

/// Refuses limits to a guest that reach farther than those of guests: they would promise what does not hold.
pub(super) async fn check(backend: &Backend, owner: UserId, limits: BudgetLimits) -> Result<()> {
    let Some(most) = limits_of(backend, owner).await? else { return Ok(()) };
    let fault = |field: &str, limit: Option<u64>, most: Option<u64>| {
        let most = most.filter(|most| limit.is_some_and(|limit| limit > *most))?;
        let rule = format!("must be at most {most} for a guest; create an account for more");
        Some(FieldFault::new(field, rule))
    };
    let faults = [
        fault("max_tokens", limits.max_tokens, most.max_tokens),
        fault("max_micro_usd", limits.max_micro_usd, most.max_micro_usd),
    ];
    let faults: Vec<_> = faults.into_iter().flatten().collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// What stands for the network that the caller comes from. Nobody tells the address by it.
pub(crate) async fn origin_of(ctx: &Ctx) -> Result<Option<String>> {
    let backend = ctx.backend();
    let (Some(address), Some(_)) = (ctx.address(), backend.guest_limits().of_network()) else {
        return Ok(None);
    };
    let root = backend.signing_root().await?;
    let mut mac = Hmac::<Sha256>::new_from_slice(root).map_err(Error::internal)?;
    mac.update(b"the network of guests");
    mac.update(Sharer::address(Some(address)).as_str().as_bytes());
    let sum: [u8; 32] = mac.finalize().into_bytes().into();
    Ok(Some(hex(&sum[..16])))
}

/// When the periods began that an instant lies in: the day of a network and the month of all else, both of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Periods {
    pub(crate) day: Timestamp,
    pub(crate) month: Timestamp,
}

impl Periods {
    /// Those of an instant.
    pub(crate) fn at(now: Timestamp) -> Result<Self> {
        let start = |date: Date| {
            let start = date.to_zoned(TimeZone::UTC).map_err(Error::internal)?;
            Ok::<_, Error>(start.timestamp())
        };
        let date = now.to_zoned(TimeZone::UTC).date();
        Ok(Self { day: start(date)?, month: start(date.first_of_month())? })
    }

    /// Whether what is waited for is there again: it was used up in a period before.
    pub(crate) fn renew(&self, wait: &Wait) -> bool {
        let WaitReason::Budget { shortfall, .. } = &wait.reason else { return false };
        match shortfall.scope {
            BudgetScope::Guests => wait.since < self.day,
            BudgetScope::Agent | BudgetScope::User | BudgetScope::Guest => wait.since < self.month,
            BudgetScope::Session => false,
        }
    }
}

/// Forgets what networks used on days that are over.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "budgets.forget_networks", level = "debug", parent = ctx.span(), skip_all)]
pub async fn forget_networks(ctx: &Ctx) -> Result<()> {
    access::system(ctx)?;
    let mut conn = ctx.backend().catalogue_write().await?;
    store::guests::delete_use(&mut conn, ctx.backend().now()).await?;
    conn.commit().await
}

/// What somebody has set aside of what all guests of their network may use in the day. Members and people
/// from nowhere set nothing aside. What is never settled counts as used.
#[derive(Debug, Default)]
pub(crate) struct Purse {
    /// What stands for the network, once it was asked for.
    origin: OnceCell<Option<String>>,
    taken: Mutex<Option<Taken>>,
}

#[derive(Debug)]
struct Taken {
    origin: String,
    most: Usage,
    at: Timestamp,
}

impl Purse {
    /// Sets aside what the owner's next call of a model may use at most, in the place of what was set aside
    /// before. `Some`: it does not reach, and nothing is set aside.
    pub(crate) async fn take(
        &self,
        backend: &Backend,
        owner: UserId,
        most: Usage,
    ) -> Result<Option<Shortfall>> {
        self.settle(backend, Usage::default()).await?;
        let Some(limits) = backend.guest_limits().of_network() else { return Ok(None) };
        let origin = self.origin.get_or_try_init(|| async {
            let mut conn = backend.catalogue_read_latest().await?;
            Ok::<_, Error>(store::guests::find_origin(&mut conn, owner).await?)
        });
        let Some(origin) = origin.await?.clone() else { return Ok(None) };
        let mut tx = backend.catalogue_begin().await?;
        let at = backend.now();
        let (tokens, micro_usd) = store::guests::insert_use(&mut tx, &origin, most, at).await?;
        let wanted = (most.total_tokens(), u64::try_from(most.cost.0).unwrap_or(0));
        let shortfall = |limit, used, wanted| {
            let used = u64::saturating_sub(used, wanted);
            Shortfall { scope: BudgetScope::Guests, caller_agent_id: None, limit, used }
        };
        if let Some(limit) = limits.max_micro_usd.filter(|limit| micro_usd > *limit) {
            return Ok(Some(shortfall(Amount::MicroUsd(limit), micro_usd, wanted.1)));
        }
        if let Some(limit) = limits.max_tokens.filter(|limit| tokens > *limit) {
            return Ok(Some(shortfall(Amount::Tokens(limit), tokens, wanted.0)));
        }
        tx.commit().await?;
        *self.taken() = Some(Taken { origin, most, at });
        Ok(None)
    }

    /// Puts what was used in the place of what was set aside.
    pub(crate) async fn settle(&self, backend: &Backend, used: Usage) -> Result<()> {
        let taken = self.taken().take();
        let Some(Taken { origin, most, at }) = taken else { return Ok(()) };
        let mut conn = backend.catalogue_write().await?;
        store::guests::update_use(&mut conn, &origin, (most, used), at).await?;
        conn.commit().await
    }

    fn taken(&self) -> MutexGuard<'_, Option<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests;

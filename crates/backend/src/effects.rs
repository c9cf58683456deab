//! What a request that counts once has done, noted in the transaction that does it.
//!
//! A use case that makes something gives it the identity that was set aside for the request
//! ([`Ctx::resource_id`]) and needs no note. One that changes something, in such a way that doing it again
//! would do more, looks here first and notes at its end: [`find`] and [`note`] where an owner's things are,
//! [`find_in_catalogue`] and [`note_in_catalogue`] for what is everybody's. To a request that may be sent
//! as often as anyone likes all of this is nothing.

use jiff::SignedDuration;
use resonant_domain::UserId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;

use crate::store::OnConstraint as _;
use crate::store::partitions::first_id_at;
use crate::{Ctx, Error, Result, store};

/// For how long a note is kept: longer than a request may be sent again.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(25);

/// Another try of the same request does the same at this very moment.
pub(crate) fn in_the_making() -> Error {
    Error::Conflict("The same request is being answered already".to_owned())
}

/// What an earlier try of this request did to an owner's things. Ask within the transaction, once it holds
/// the lock that the effect takes: an earlier try that is not over yet is waited for there.
pub(crate) async fn find<T: DeserializeOwned>(
    ctx: &Ctx,
    conn: &mut PgConnection,
    owner: UserId,
) -> Result<Option<T>> {
    let Some(request) = ctx.made_before() else {
        return Ok(None);
    };
    let found = store::request_effects::find(conn, owner, request).await?;
    found.map(|effect| serde_json::from_value(effect).map_err(Error::internal)).transpose()
}

/// Notes what this request does to an owner's things.
///
/// # Errors
/// [`Error::Conflict`] when another try of it has done so at this very moment.
pub(crate) async fn note<T: Serialize + Sync>(
    ctx: &Ctx,
    conn: &mut PgConnection,
    owner: UserId,
    effect: &T,
) -> Result<()> {
    let Some(reserved) = ctx.reserved() else {
        return Ok(());
    };
    let effect = serde_json::to_value(effect).map_err(Error::internal)?;
    let forget_before = first_id_at(ctx.backend().now() - KEPT_FOR);
    store::request_effects::delete_forgotten(&mut *conn, owner, forget_before).await?;
    store::request_effects::insert(conn, owner, reserved.id, &effect)
        .await
        .on_constraint("request_effects_pkey", in_the_making)
}

/// What an earlier try of this request did in the catalogue.
pub(crate) fn find_in_catalogue<T: DeserializeOwned>(ctx: &Ctx) -> Result<Option<T>> {
    let effect = ctx.reserved().and_then(|reserved| reserved.effect.clone());
    effect.map(|effect| serde_json::from_value(effect).map_err(Error::internal)).transpose()
}

/// Notes what this request does in the catalogue.
///
/// # Errors
/// [`Error::Conflict`] when another try of it has taken it over.
pub(crate) async fn note_in_catalogue<T: Serialize + Sync>(
    ctx: &Ctx,
    conn: &mut PgConnection,
    effect: &T,
) -> Result<()> {
    let Some(reserved) = ctx.reserved() else {
        return Ok(());
    };
    let effect = serde_json::to_value(effect).map_err(Error::internal)?;
    let place = &reserved.place;
    if store::idempotency::update_effect(conn, place, reserved.claim, &effect).await? {
        Ok(())
    } else {
        Err(in_the_making())
    }
}

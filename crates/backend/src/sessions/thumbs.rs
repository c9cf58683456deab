//! What people think of sessions. It counts for the agent's owner, in its numbers and in lists.

use resonant_domain::api_key::Scope;
use resonant_domain::session::Session;
use resonant_domain::thumb::Thumb;
use resonant_domain::{SessionId, UserId};

use super::{NOT_FOUND, steer};
use crate::cache::Stale;
use crate::cache::session::{SessionEntry, SessionKey};
use crate::{Ctx, Result, access, store};

/// Says what the caller thinks of a session, or nothing any more.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::NotFound`]; [`crate::Error::NotAllowed`] for a
/// teammate who did not start it.
#[tracing::instrument(name = "sessions.rate", level = "debug", parent = ctx.span(), skip_all)]
pub async fn rate(ctx: &Ctx, id: SessionId, thumb: Option<Thumb>) -> Result<Session> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    steer(ctx, me, id, |owner| rate_of(ctx, owner, id, thumb)).await
}

async fn rate_of(ctx: &Ctx, owner: UserId, id: SessionId, thumb: Option<Thumb>) -> Result<Session> {
    let backend = ctx.backend();
    let mut tx = backend.begin(owner).await?;
    let session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    // The agent first, as whoever deletes it does.
    store::agents::lock(&mut tx, owner, session.agent_id).await?;
    let before = store::sessions::lock_thumb(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    if before.thumb != thumb {
        store::sessions::update_thumb(&mut tx, owner, id, thumb).await?;
        let weight = |thumb: Option<Thumb>| i64::from(thumb.map_or(0, Thumb::weight));
        if !before.is_test {
            let change = weight(thumb) - weight(before.thumb);
            store::agents::update_liking(&mut tx, owner, before.agent_id, change).await?;
        }
    }
    let session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    backend.commit(tx, Stale::one::<SessionEntry>(&SessionKey(owner, id))).await?;
    Ok(session)
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent_list::{AgentQuery, AgentSort};
    use resonant_domain::page::Place;
    use sqlx::PgPool;

    use super::*;
    use crate::{Backend, Error, agents, sample, sessions};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_thumb_counts_once_and_is_taken_back(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
        let other = agents::create(&ctx, sample::spec("Other")).await.unwrap();
        let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
        let numbers = async || {
            let numbers = agents::numbers(&ctx, agent.id).await.unwrap();
            (numbers.versions[0].thumbs_up, numbers.versions[0].thumbs_down)
        };
        let first = async || {
            let query = AgentQuery { sort: AgentSort::Rating, ..AgentQuery::default() };
            let window = agents::window(&ctx, &query, Place::FromStart(0), 1).await.unwrap();
            window.items[0].summary.id
        };
        assert_eq!(numbers().await, (0, 0));
        for _ in 0..2 {
            let rated = rate(&ctx, session.id, Some(Thumb::Up)).await.unwrap();
            assert_eq!(rated.thumb, Some(Thumb::Up));
            assert_eq!((numbers().await, first().await), ((1, 0), agent.id));
        }
        rate(&ctx, session.id, Some(Thumb::Down)).await.unwrap();
        assert_eq!((numbers().await, first().await), ((0, 1), other.id));
        let seen = sessions::get(&ctx, session.id).await.unwrap();
        assert_eq!(seen.thumb, Some(Thumb::Down));
        assert_eq!(rate(&ctx, session.id, None).await.unwrap().thumb, None);
        assert_eq!(numbers().await, (0, 0));
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn nobody_rates_what_is_anothers(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
        let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
        let stranger = sample::guest(&backend).await.unwrap();
        let refused = rate(&stranger, session.id, Some(Thumb::Down)).await.unwrap_err();
        assert!(matches!(refused, Error::NotFound(_)));
        assert_eq!(sessions::get(&ctx, session.id).await.unwrap().thumb, None);
    }
}

//! Looking up by meaning: passages are read by a model of the operator's after they were added, and what
//! it finds is put together with what the words find.

use std::collections::HashMap;
use std::time::Duration;

use resonant_domain::knowledge::FoundPassage;
use resonant_domain::{AgentId, DocumentId, UserId};
use resonant_runtime::models::{Embedder, Meanings, TEXTS_MAX};
use tokio::time::timeout;

use crate::budgets::SetAside;
use crate::database::Shard;
use crate::store::embeddings::Unread;
use crate::{Backend, Ctx, Error, Result, access, apart, store};

/// How like a question the meaning of a passage must be. Whatever is asked, some passage is the likest.
const LIKENESS: f32 = 0.3;
/// How little a place in one list counts beside the next (reciprocal rank fusion).
const RANK: f64 = 60.0;
/// How long a question waits for its meaning: well below what an agent's tool has for all of it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Has the next document read that waits for it. `false`: none does, or none can be read here.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Unavailable`] when the model does not answer:
/// the document is tried again later; or when none waits, and a database is away.
pub async fn read_next(ctx: &Ctx) -> Result<bool> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let Some(embedder) = backend.embedder() else { return Ok(false) };
    let unread = backend.first_of(|shard| claim_on(backend, shard)).await?;
    let Some(unread) = unread else { return Ok(false) };
    read(backend, embedder, unread).await?;
    Ok(true)
}

async fn claim_on(backend: &Backend, shard: Shard) -> Result<Option<Unread>> {
    let mut tx = backend.begin_on(shard).await?;
    if !store::embeddings::can_compare(&mut tx).await? {
        return Ok(None);
    }
    let unread = store::embeddings::claim(&mut tx, backend.owners()).await?;
    tx.commit().await?;
    Ok(unread)
}

/// Has all documents read anew that another model has read. Answers how many.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Unavailable`] when a database is away, whose
/// documents are then to be looked for again.
pub async fn forget_others(ctx: &Ctx) -> Result<u64> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let Some(embedder) = backend.embedder() else { return Ok(0) };
    let model = embedder.model();
    let (counts, done) = backend.on_each(|shard| forget_others_on(backend, shard, model)).await;
    done.map(|()| counts.into_iter().sum())
}

async fn forget_others_on(backend: &Backend, shard: Shard, model: &str) -> Result<u64> {
    let mut tx = backend.begin_on(shard).await?;
    let count = store::embeddings::reset(&mut tx, backend.owners(), model).await?;
    tx.commit().await?;
    Ok(count)
}

/// What these texts mean. `None`: what their owner may use does not reach for it.
async fn tell(
    backend: &Backend,
    embedder: &Embedder,
    owner: UserId,
    texts: &[String],
) -> Result<Option<Vec<Vec<f32>>>> {
    let Some(aside) = SetAside::take(backend, owner, embedder.most(texts)).await? else {
        return Ok(None);
    };
    match embedder.embed(texts).await {
        Ok(Meanings { meanings, usage }) => {
            aside.settle(backend, usage).await?;
            Ok(Some(meanings))
        }
        Err(error) => {
            aside.settle(backend, error.used).await?;
            Err(Error::unavailable(error))
        }
    }
}

async fn read(backend: &Backend, embedder: &Embedder, unread: Unread) -> Result<()> {
    let mut conn = backend.read_latest(unread.owner).await?;
    let passages = store::embeddings::list_passages(&mut conn, unread, embedder.model()).await?;
    drop(conn);
    for part in passages.chunks(TEXTS_MAX) {
        let texts: Vec<_> = part.iter().map(|(_, text)| text.clone()).collect();
        let Some(meanings) = tell(backend, embedder, unread.owner, &texts).await? else {
            // It is taken again later, and what is read by now is not read twice.
            tracing::info!(
                agent.id = %unread.agent,
                document.id = %unread.document,
                "a document waits for a budget",
            );
            return Ok(());
        };
        let mut tx = backend.begin(unread.owner).await?;
        for ((position, _), meaning) in part.iter().zip(meanings) {
            let model = embedder.model();
            store::embeddings::insert(&mut tx, unread, *position, model, &meaning).await?;
        }
        tx.commit().await?;
    }
    let mut tx = backend.begin(unread.owner).await?;
    store::embeddings::update_read(&mut tx, unread, embedder.model()).await?;
    tx.commit().await?;
    let passages = passages.len();
    tracing::info!(agent.id = %unread.agent, document.id = %unread.document, passages, "document read");
    Ok(())
}

/// The passages whose meaning is most like the question. None, where no model is configured, the
/// database cannot compare, what the owner may use does not reach, or the model does not answer soon: words
/// still find something.
pub(super) async fn search(
    backend: &Backend,
    owner: UserId,
    agent: AgentId,
    query: &str,
    most: u32,
) -> Result<Vec<FoundPassage>> {
    let Some(embedder) = backend.embedder() else { return Ok(Vec::new()) };
    let mut conn = backend.read(owner).await?;
    if !store::embeddings::can_compare(&mut conn).await? {
        return Ok(Vec::new());
    }
    drop(conn);
    // Who does not wait for the answer has asked all the same, and it is counted.
    let (own, model, texts) = (backend.clone(), embedder.clone(), [query.to_owned()]);
    let asked = apart(async move { tell(&own, &model, owner, &texts).await });
    let meanings = match timeout(PATIENCE, asked).await {
        Ok(Some(Ok(Some(meanings)))) => meanings,
        Ok(Some(Ok(None))) => return Ok(Vec::new()),
        Ok(Some(Err(error))) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "searched by words alone");
            return Ok(Vec::new());
        }
        Ok(None) | Err(_) => {
            tracing::warn!("the embedding model is silent: searched by words alone");
            return Ok(Vec::new());
        }
    };
    let meaning = meanings.first().map_or(&[][..], Vec::as_slice);
    let mut conn = backend.read(owner).await?;
    let asked = (embedder.model(), meaning);
    Ok(store::embeddings::search(&mut conn, owner, agent, asked, LIKENESS, most).await?)
}

/// One list of several: what stands high in many stands highest. A passage of several lists tells the
/// relevance of the first that has it.
pub(super) fn fuse(lists: Vec<Vec<FoundPassage>>, most: u32) -> Vec<FoundPassage> {
    let mut scores: HashMap<(DocumentId, u32), f64> = HashMap::new();
    let mut found: Vec<FoundPassage> = Vec::new();
    for list in lists {
        for (place, passage) in (1_u32..).zip(list) {
            let key = (passage.document_id, passage.position);
            let score = scores.entry(key).or_insert(0.0);
            if *score == 0.0 {
                found.push(passage);
            }
            *score += 1.0 / (RANK + f64::from(place));
        }
    }
    let score = |passage: &FoundPassage| {
        scores.get(&(passage.document_id, passage.position)).copied().unwrap_or(0.0)
    };
    // Stable: of two that stand alike the one comes first that the words found first.
    found.sort_by(|one, other| score(other).total_cmp(&score(one)));
    found.truncate(most as usize);
    found
}

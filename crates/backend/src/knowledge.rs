//! Knowledge: the documents that an agent looks things up in.
//!
//! A document is cut into passages when it is added, and only they are kept. A search looks for the
//! words of a question as the language of each document forms them; what is misspelled in it is looked
//! for by likeness where the database can, and what still is not found within longer words.

mod meaning;

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use resonant_domain::api_key::Scope;
use resonant_domain::knowledge::{
    DOCUMENTS_MAX, DocumentFormat, DocumentPage, FoundPassage, KNOWLEDGE_MAX_BYTES,
    KnowledgeDocument, KnowledgeQuery, NewDocument, PASSAGES_DEFAULT, PASSAGES_SHOWN,
};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::team::AgentRight;
use resonant_domain::{AgentId, DocumentId, UserId};
use resonant_runtime::tools::knowledge::{
    Cut, CutError, CutPdf, PDF_PATIENCE, asked_parts, asked_words, cut, cut_pdf, language,
    vocabulary,
};

use crate::store::OnConstraint as _;
use crate::{Backend, Ctx, Error, Result, access, effects, seen, store};

pub use meaning::{forget_others, read_next};

const NOT_FOUND: Error = Error::NotFound("document");
const NO_AGENT: Error = Error::NotFound("agent");
/// How like a word of the documents must be to one that they do not hold.
const LIKENESS: f32 = 0.5;
/// How many words of a question may be misspelled.
const MISSPELLED_MAX: usize = 8;
/// A passage that holds at least so much of a question, in per cent, answers it as it is written.
const ENOUGH: u32 = 75;

/// Gives an agent a document.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for the agent;
/// [`Error::Invalid`], also when there is too much in its documents; [`Error::Conflict`] when there are too
/// many.
#[tracing::instrument(name = "knowledge.add", level = "debug", parent = ctx.span(), skip_all)]
pub async fn add(ctx: &Ctx, agent: AgentId, new: NewDocument) -> Result<KnowledgeDocument> {
    let backend = ctx.backend();
    let (_, reached, conn) =
        access::agent(ctx, Scope::AgentsWrite, agent, AgentRight::Edit).await?;
    let owner = reached.owner;
    drop(conn);
    new.check()?;
    let format = new.written_as();
    let title = new.title.trim().to_owned();
    let read = read_cuts(backend, format, title.clone(), new.text).await?;
    let size = read.size;

    let document = KnowledgeDocument {
        id: DocumentId::from_uuid(ctx.resource_id()?),
        agent_id: agent,
        title,
        format,
        size_bytes: u32::try_from(size).map_err(Error::internal)?,
        passages: u32::try_from(read.cuts.len()).map_err(Error::internal)?,
        unread_pages: read.unread_pages,
        created_at: backend.now(),
    };
    let mut tx = backend.begin(owner).await?;
    // Two documents that come at once are counted one after the other.
    store::agents::lock(&mut tx, owner, agent).await?.ok_or(NO_AGENT)?;
    if ctx.made_before().is_some()
        && let Some(made) = store::knowledge::find(&mut tx, owner, agent, document.id).await?
    {
        return Ok(made);
    }
    let (count, held) = store::knowledge::count(&mut tx, owner, agent).await?;
    if count >= DOCUMENTS_MAX as u64 {
        return Err(Error::Conflict(format!("The agent has {DOCUMENTS_MAX} documents already")));
    }
    let room = (KNOWLEDGE_MAX_BYTES as u64).saturating_sub(held);
    if size as u64 > room {
        let most = KNOWLEDGE_MAX_BYTES / (1024 * 1024);
        let reason = format!("must fit: of the agent's {most} MiB {room} bytes are left");
        return Err(Error::field("text", reason));
    }
    store::knowledge::insert(&mut tx, owner, &document, read.language, &read.words)
        .await
        .on_constraint("knowledge_documents_pkey", effects::in_the_making)?;
    store::knowledge::insert_passages(&mut tx, owner, &document, read.language, &read.cuts).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent, document.id = %document.id, "document added");
    Ok(document)
}

/// What is read of a document.
struct Read {
    /// Its words, each once.
    words: Vec<String>,
    cuts: Vec<Cut>,
    language: &'static str,
    /// How long its text is, in bytes.
    size: usize,
    unread_pages: Vec<u32>,
}

impl Read {
    fn of(title: &str, cut: CutPdf) -> Self {
        let CutPdf { cuts, size, unread_pages } = cut;
        let (words, language) = (vocabulary(title, &cuts), language(title, &cuts));
        Self { words, cuts, language, size, unread_pages }
    }
}

/// Reads a document. A large one takes longer than a task may hold up others.
async fn read_cuts(
    backend: &Backend,
    format: DocumentFormat,
    title: String,
    text: String,
) -> Result<Read> {
    let told = |error: CutError| Error::field("text", error.to_string());
    if format != DocumentFormat::Pdf {
        let read = move || {
            let cut = cut(format, &text);
            let size = text.len();
            cut.map(|cuts| Read::of(&title, CutPdf { cuts, size, unread_pages: Vec::new() }))
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(Error::internal)?;
        return read.map_err(told);
    }
    let text: String = text.split_whitespace().collect();
    let bytes = BASE64.decode(&text).map_err(|_| Error::field("text", "must be base64"))?;
    // One after the other: a file that is made to be slow holds up other files alone, and none for ever.
    let turn = tokio::time::timeout(PDF_PATIENCE * 2, backend.pdf_turn()).await;
    let turn = turn.map_err(Error::unavailable)?;
    let read = match backend.pdf_reader() {
        Some(reader) => {
            let cut = reader.cut(&bytes).await.map_err(Error::unavailable)?.map_err(told)?;
            drop(turn);
            tokio::task::spawn_blocking(move || Ok(Read::of(&title, cut)))
        }
        None => tokio::task::spawn_blocking(move || {
            let _turn = turn;
            cut_pdf(&bytes).map(|cut| Read::of(&title, cut))
        }),
    };
    match tokio::time::timeout(PDF_PATIENCE * 2, read).await {
        Ok(Ok(read)) => read.map_err(told),
        // The reader gave up on what no writer of PDFs makes.
        Ok(Err(_panic)) => Err(Error::field("text", "must be a PDF that can be read")),
        Err(_elapsed) => Err(Error::field("text", "must be simpler: it was not read in time")),
    }
}

/// Lists an agent's documents, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Invalid`] for a
/// limit or cursor that cannot be used.
#[tracing::instrument(name = "knowledge.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, agent: AgentId, page: PageRequest) -> Result<Page<KnowledgeDocument>> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    let limit = page.checked_limit()?;
    let scope = ("knowledge", reached.me, agent);
    let cursors = ctx.backend().cursors().await?;
    let before: Option<DocumentId> = cursors.open(&scope, page.cursor.as_deref())?;
    let wanted = i64::from(limit) + 1;
    let found = store::knowledge::list(&mut conn, reached.owner, agent, before, wanted).await?;
    cursors.page(&scope, limit, found, |last| last.id)
}

/// Reads what is known of a document of an agent.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`].
#[tracing::instrument(name = "knowledge.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, agent: AgentId, id: DocumentId) -> Result<KnowledgeDocument> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    store::knowledge::find(&mut conn, reached.owner, agent, id).await?.ok_or(NOT_FOUND)
}

/// Reads a document of an agent, page by page: that on which the passage at a position stands, or the last.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`].
#[tracing::instrument(name = "knowledge.read", level = "debug", parent = ctx.span(), skip_all)]
pub async fn read(
    ctx: &Ctx,
    agent: AgentId,
    id: DocumentId,
    position: u32,
) -> Result<DocumentPage> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    let owner = reached.owner;
    let document = store::knowledge::find(&mut conn, owner, agent, id).await?.ok_or(NOT_FOUND)?;
    let first = DocumentPage::first_beside(position.min(document.passages));
    let list = store::passages::list(&mut conn, owner, agent, id, first, PASSAGES_SHOWN);
    Ok(DocumentPage { passages: list.await?, document })
}

/// Takes a document from an agent, with its passages.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "knowledge.remove", level = "debug", parent = ctx.span(), skip_all)]
pub async fn remove(ctx: &Ctx, agent: AgentId, id: DocumentId) -> Result<()> {
    let (_, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, agent, AgentRight::Edit).await?;
    let owner = reached.owner;
    let document = store::knowledge::find(&mut tx, owner, agent, id).await?.ok_or(NOT_FOUND)?;
    seen::check(ctx, &document)?;
    store::knowledge::delete(&mut tx, owner, agent, id).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent, document.id = %id, "document removed");
    Ok(())
}

/// Finds the passages of an agent's documents that tell most about a question: what the agent's tool
/// finds.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for the agent;
/// [`Error::Invalid`].
#[tracing::instrument(name = "knowledge.search", level = "debug", parent = ctx.span(), skip_all)]
pub async fn search(ctx: &Ctx, agent: AgentId, query: KnowledgeQuery) -> Result<Vec<FoundPassage>> {
    let (_, reached, conn) = access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    let owner = reached.owner;
    drop(conn);
    query.check()?;
    let most = query.most.unwrap_or(PASSAGES_DEFAULT);
    look_up(ctx.backend(), owner, agent, &query.query, most).await
}

/// Finds the passages that tell most about a question, for whoever may know them: by its words, and by
/// its meaning where that can be told.
pub(crate) async fn look_up(
    backend: &Backend,
    owner: UserId,
    agent: AgentId,
    query: &str,
    most: u32,
) -> Result<Vec<FoundPassage>> {
    // Both hold much of what they wait for: too much to stand in the futures of their callers.
    let meant = Box::pin(meaning::search(backend, owner, agent, query, most));
    let said = Box::pin(look_up_words(backend, owner, agent, query, most));
    let (meant, said) = tokio::try_join!(meant, said)?;
    Ok(if meant.is_empty() { said } else { meaning::fuse(vec![said, meant], most) })
}

async fn look_up_words(
    backend: &Backend,
    owner: UserId,
    agent: AgentId,
    query: &str,
    most: u32,
) -> Result<Vec<FoundPassage>> {
    // The text of a model may hold what PostgreSQL cannot.
    let query = query.replace('\0', " ");
    let mut conn = backend.read(owner).await?;
    let mut found = store::passages::search(&mut conn, owner, agent, &query, most).await?;
    if found.first().is_some_and(|best| best.relevance >= ENOUGH) {
        return Ok(found);
    }
    let mut asked = asked_words(&query);
    asked.retain(|word| word.chars().count() >= 4);
    asked.truncate(MISSPELLED_MAX);
    let like = store::passages::list_like(&mut conn, owner, agent, &asked, LIKENESS).await?;
    let relevance = |found: &[FoundPassage]| found.first().map_or(0, |best| best.relevance);
    let mut is_likely = false;
    if let Some(spelled) = spelled(&query, &like) {
        let likely = store::passages::search(&mut conn, owner, agent, &spelled, most).await?;
        if relevance(&likely) > relevance(&found) {
            (found, is_likely) = (likely, true);
        }
    }
    let parts = asked_parts(&query);
    if parts.is_empty() || relevance(&found) >= ENOUGH {
        return Ok(found);
    }
    let within = store::passages::list_holding(&mut conn, owner, agent, &parts, most).await?;
    // What a passage holds letter by letter tells more than what is alike.
    let lists = if is_likely { vec![within, found] } else { vec![found, within] };
    Ok(meaning::fuse(lists, most))
}

/// The question with the words of the documents in the place of those that they do not hold; `None`
/// when there is nothing to put there.
fn spelled(query: &str, like: &[(String, String)]) -> Option<String> {
    let mut likest: HashMap<&str, &str> = HashMap::new();
    for (asked, word) in like {
        likest.entry(asked).or_insert(word);
    }
    likest.retain(|asked, word| asked != word);
    if likest.is_empty() {
        return None;
    }
    let is_within = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | '_');
    let words = query.split(|c: char| !is_within(c)).map(|word| {
        let lower = word.to_lowercase();
        likest.get(lower.as_str()).map_or_else(|| word.to_owned(), |word| (*word).to_owned())
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests;

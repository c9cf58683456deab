//! What counts of the sessions that ran a listing's agent: those of members, without its publisher's own. Anyone
//! is as many guests as they like; what a guest ran counts once they are a member.
//!
//! Who is a member stands beside the listings, and who ran what with the owners' things: it is read piece by
//! piece, and whose of it counts is asked after each. No connection is held meanwhile.

use std::collections::{HashMap, HashSet};

use resonant_domain::review::{ListingRun, RUNS_MAX, RUNS_OF_ONE};
use resonant_domain::{ListingId, SessionId, UserId};
use sqlx::types::Uuid;

use crate::database::Shard;
use crate::store::listing_runs::OwnedRun;
use crate::store::reviews::Subject;
use crate::{Backend, Result, store};

/// So many runs of a version are read in one statement.
const PAGE: u16 = 1_000;
/// So often is read on for runs that count. Behind so many that do not, the others are old.
const LOOKS: usize = 10;
/// Of so many people the sessions are counted in one statement.
const PEOPLE: u16 = 5_000;

/// A version of a listing whose runs are measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) listing: ListingId,
    pub(crate) version: i32,
    pub(crate) publisher: Option<UserId>,
}

/// The runs of a version, as far as they were read.
struct Runs {
    of: Measured,
    found: Vec<ListingRun>,
    /// How many of each person's are among them; none of a guest's.
    of_each: HashMap<UserId, usize>,
    /// Whose further ones would not count.
    passed_by: Vec<UserId>,
    /// The oldest that was read.
    before: Option<SessionId>,
    is_whole: bool,
}

impl Runs {
    fn of(of: Measured) -> Self {
        Self {
            of,
            found: Vec::new(),
            of_each: HashMap::new(),
            passed_by: of.publisher.into_iter().collect(),
            before: None,
            is_whole: false,
        }
    }

    fn take(&mut self, page: &[OwnedRun], members: &HashSet<UserId>) {
        for OwnedRun { owner, run, .. } in page {
            if self.found.len() == RUNS_MAX {
                break;
            }
            let count = self.of_each.entry(*owner).or_default();
            if members.contains(owner) && *count < RUNS_OF_ONE {
                *count += 1;
                self.found.push(*run);
            }
        }
        let is_last = page.len() < usize::from(PAGE);
        self.is_whole = is_last || self.found.len() == RUNS_MAX;
        self.before = page.last().map(|last| last.session);
        let enough = self.of_each.iter().filter(|(_, count)| [0, RUNS_OF_ONE].contains(*count));
        self.passed_by = self.of.publisher.into_iter().chain(enough.map(|(id, _)| *id)).collect();
    }
}

/// The newest runs that count of what one database has of these versions.
pub(crate) async fn runs_on(
    backend: &Backend,
    shard: Shard,
    versions: &[Measured],
) -> Result<Vec<Vec<ListingRun>>> {
    let mut all: Vec<_> = versions.iter().copied().map(Runs::of).collect();
    for _ in 0..LOOKS {
        if all.iter().all(|runs| runs.is_whole) {
            break;
        }
        let mut conn = backend.begin_on(shard).await?;
        let mut read = Vec::with_capacity(all.len());
        for runs in all.iter_mut().filter(|runs| !runs.is_whole) {
            let version = (runs.of.listing, runs.of.version);
            let (before, passed_by) = (runs.before, &runs.passed_by);
            let limit = i64::from(PAGE);
            let page =
                store::listing_runs::list(&mut conn, version, before, passed_by, limit).await?;
            read.push((runs, page));
        }
        drop(conn);
        let people = read.iter().flat_map(|(_, page)| page).map(|run| run.owner).collect();
        let members = members_among(backend, people).await?;
        for (runs, page) in read {
            runs.take(&page, &members);
        }
    }
    Ok(all.into_iter().map(|runs| runs.found).collect())
}

/// How many sessions of one database count for each of these listings.
pub(super) async fn sessions_on(
    backend: &Backend,
    shard: Shard,
    listings: &[Subject],
) -> Result<Vec<i64>> {
    let mut sums = vec![0_i64; listings.len()];
    // Up to whom they are counted; nobody where all are.
    let mut until = vec![Some(UserId::from_uuid(Uuid::nil())); listings.len()];
    while until.iter().any(Option::is_some) {
        let mut conn = backend.begin_on(shard).await?;
        let mut pages = Vec::with_capacity(listings.len());
        for (listing, after) in listings.iter().zip(&until) {
            let page = match *after {
                Some(after) => {
                    let limit = i64::from(PEOPLE);
                    store::listing_runs::list_sessions(&mut conn, listing.id, after, limit).await?
                }
                None => Vec::new(),
            };
            pages.push(page);
        }
        drop(conn);
        let people = pages.iter().flatten().map(|(owner, _)| *owner).collect();
        let members = members_among(backend, people).await?;
        for (at, page) in pages.into_iter().enumerate() {
            let publisher = listings[at].publisher;
            let has_more = page.len() == usize::from(PEOPLE);
            until[at] = page.last().map(|(owner, _)| *owner).filter(|_| has_more);
            let counts = |owner: UserId| members.contains(&owner) && Some(owner) != publisher;
            let counted = page.into_iter().filter(|(owner, _)| counts(*owner));
            sums[at] += counted.map(|(_, sessions)| sessions).sum::<i64>();
        }
    }
    Ok(sums)
}

async fn members_among(backend: &Backend, people: HashSet<UserId>) -> Result<HashSet<UserId>> {
    if people.is_empty() {
        return Ok(people);
    }
    let people: Vec<_> = people.into_iter().collect();
    let mut conn = backend.catalogue_read_latest().await?;
    let members = store::members::list_members(&mut conn, &people).await?;
    Ok(members.into_iter().collect())
}

//! What people who ran a listing's agent think of it, and what the platform measured.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::ids::ReviewId;
use crate::money::MicroUsd;
#[cfg(feature = "schema")]
use crate::text::SHOWN_PATTERN;
use crate::text::check_text;

/// The longest text of a review, in characters.
pub const TEXT_MAX: usize = 4_000;
/// The longest answer to a review, in characters.
pub const ANSWER_MAX: usize = 2_000;
/// The most stars.
pub const STARS_MAX: u8 = 5;
/// So many of a version's newest runs are measured.
pub const RUNS_MAX: usize = 1_000;
/// And no more of one person's: who runs it again and again is not what all others meet.
pub const RUNS_OF_ONE: usize = 20;

/// A review as anyone reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Review {
    /// Its identity.
    pub id: ReviewId,
    /// What its author is called.
    pub author: String,
    /// The version of the listing that the author ran last.
    pub version: i32,
    /// 1 to 5.
    pub stars: u8,
    /// What the author says.
    pub text: String,
    /// How many people found it helpful.
    pub helpful: i64,
    /// What the publisher says to it.
    pub answer: Option<ReviewAnswer>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When its author changed it last.
    pub updated_at: Timestamp,
    /// That moderators removed it: told to its author alone, since nobody else reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
}

/// What became of a review that moderators removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Removal {
    /// Why they removed it.
    pub reason: String,
    /// Whether its author has changed it since, and moderators are yet to look at it.
    pub is_waiting: bool,
}

/// What a publisher says to a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReviewAnswer {
    /// The answer.
    pub text: String,
    /// When it was written.
    pub at: Timestamp,
}

/// What a caller writes: the JSON of `POST /api/v1/listings/{slug}/reviews`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewReview {
    /// 1 to 5.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 5)))]
    pub stars: u8,
    /// 1 to [`TEXT_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = TEXT_MAX), regex(pattern = SHOWN_PATTERN)))]
    pub text: String,
}

/// The mean of so many ratings as people read it: `4.4` out of 437 hundredths; `None` without ratings.
#[must_use]
pub fn tenths(hundredths: i32, count: i64) -> Option<String> {
    let tenths = (hundredths + 5) / 10;
    (count > 0).then(|| format!("{}.{}", tenths / 10, tenths % 10))
}

fn stars_fault() -> FieldFault {
    FieldFault::new("stars", format!("must be 1 to {STARS_MAX}"))
}

impl NewReview {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        if !(1..=STARS_MAX).contains(&self.stars) {
            faults.push(stars_fault());
        }
        check_text(&mut faults, "text", &self.text, 1, TEXT_MAX);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// The changes to a review that its author asks for: the JSON of
/// `PATCH /api/v1/listings/{slug}/reviews/{id}`. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ReviewChanges {
    /// 1 to 5.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 5)))]
    pub stars: Option<u8>,
    /// 1 to [`TEXT_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = TEXT_MAX), regex(pattern = SHOWN_PATTERN)))]
    pub text: Option<String>,
}

/// Checks what a publisher answers; an empty answer takes an earlier one back.
pub fn check_answer(text: &str) -> Result<(), Vec<FieldFault>> {
    let mut faults = Vec::new();
    check_text(&mut faults, "answer", text, 0, ANSWER_MAX);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// In which order a listing's reviews come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewSort {
    /// The most helpful first, of those the newest.
    #[default]
    Helpful,
    /// The newest first.
    Newest,
    /// Those with the most stars first, of those the most helpful.
    Highest,
    /// Those with the fewest stars first, of those the most helpful.
    Lowest,
}

impl ReviewSort {
    /// Every order, as people see them.
    pub const ALL: [Self; 4] = [Self::Helpful, Self::Newest, Self::Highest, Self::Lowest];

    /// The order as it stands in URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Helpful => "helpful",
            Self::Newest => "newest",
            Self::Highest => "highest",
            Self::Lowest => "lowest",
        }
    }

    /// The order as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Helpful => "Most helpful",
            Self::Newest => "Newest",
            Self::Highest => "Most stars",
            Self::Lowest => "Fewest stars",
        }
    }

    /// Reads an order from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text)
    }
}

/// Which reviews of a listing are wanted, and in which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReviewFilter {
    /// With so many stars alone.
    #[serde(default)]
    pub stars: Option<u8>,
    /// In which order.
    #[serde(default)]
    pub sort: ReviewSort,
}

impl ReviewFilter {
    /// Checks that there may be so many stars.
    pub fn check(&self) -> Result<(), FieldFault> {
        match self.stars {
            Some(stars) if !(1..=STARS_MAX).contains(&stars) => Err(stars_fault()),
            _ => Ok(()),
        }
    }
}

/// How many reviews have one star, two and so on.
pub type StarCounts = [i64; 5];

/// How a caller stands to a listing's reviews.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nobody known.
    Anonymous,
    /// A guest: reviews stand under the name of a member.
    Guest,
    /// Whoever publishes the listing: may answer, and judges others' agents alone.
    Publisher,
    /// A member who has not run it yet.
    HasNotRun,
    /// A member who ran this version last and has written nothing.
    MayWrite(i32),
    /// The author of this review, which moderators may have removed.
    HasWritten(Review),
}

/// One run of a listing's agent as it was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingRun {
    /// Whether it reached an answer.
    pub is_completed: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What it cost.
    pub cost: MicroUsd,
}

/// What was measured about the newest runs of a version of a listing: members' runs, of each of them the
/// newest [`RUNS_OF_ONE`]. Runs of changed copies and the publisher's own do not count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListingFacts {
    /// How many runs were measured, at most [`RUNS_MAX`].
    pub sessions: u64,
    /// How many of them reached an answer.
    pub completed: u64,
    /// Half of them took no longer than this, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 99 of 100 took no longer than this, in milliseconds.
    pub p99_ms: Option<u64>,
    /// Half of them cost no more than this.
    pub median_cost: Option<MicroUsd>,
}

impl ListingFacts {
    /// Measures some runs.
    #[must_use]
    pub fn of(runs: &[ListingRun]) -> Self {
        let mut took: Vec<_> = runs.iter().map(|run| run.took_ms).collect();
        let mut cost: Vec<_> = runs.iter().map(|run| run.cost).collect();
        took.sort_unstable();
        cost.sort_unstable();
        let completed = runs.iter().filter(|run| run.is_completed).count();
        Self {
            sessions: runs.len() as u64,
            completed: completed as u64,
            p50_ms: nearest_rank(&took, 50),
            p99_ms: nearest_rank(&took, 99),
            median_cost: nearest_rank(&cost, 50),
        }
    }

    /// The share of runs that reached an answer, in percent.
    #[must_use]
    pub fn success_percent(&self) -> Option<u64> {
        (self.completed * 100).checked_div(self.sessions)
    }
}

/// The least value that `percent` of the sorted values do not exceed.
fn nearest_rank<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_text_have_bounds() {
        for (stars, text, faults) in [
            (1, "Good", vec![]),
            (5, "Good", vec![]),
            (0, "Good", vec!["stars"]),
            (6, " ", vec!["stars", "text"]),
        ] {
            let found = NewReview { stars, text: text.to_owned() }.check();
            let found: Vec<_> =
                found.err().into_iter().flatten().map(|fault| fault.field).collect();
            assert_eq!(found, faults, "{stars} {text}");
        }
        assert!(check_answer("").is_ok());
        assert!(check_answer(&"x".repeat(ANSWER_MAX + 1)).is_err());
    }

    #[test]
    fn an_order_survives_its_text() {
        for sort in ReviewSort::ALL {
            assert_eq!(ReviewSort::parse(sort.as_str()), Some(sort));
            assert_eq!(serde_json::to_value(sort).unwrap(), sort.as_str());
        }
        for (stars, is_fit) in [(None, true), (Some(1), true), (Some(5), true), (Some(0), false)] {
            let filter = ReviewFilter { stars, ..ReviewFilter::default() };
            assert_eq!(filter.check().is_ok(), is_fit, "{stars:?}");
        }
    }

    #[test]
    fn facts_are_those_of_the_runs() {
        assert_eq!(ListingFacts::of(&[]), ListingFacts::default());
        assert_eq!(ListingFacts::default().success_percent(), None);
        let run = |took_ms: u64| ListingRun {
            is_completed: took_ms != 100,
            took_ms,
            cost: MicroUsd(i64::try_from(took_ms).unwrap() * 10),
        };
        let runs: Vec<_> = (1..=100).rev().map(run).collect();
        let facts = ListingFacts::of(&runs);
        assert_eq!((facts.sessions, facts.completed), (100, 99));
        assert_eq!((facts.p50_ms, facts.p99_ms), (Some(50), Some(99)));
        assert_eq!(facts.median_cost, Some(MicroUsd(500)));
        assert_eq!(facts.success_percent(), Some(99));
    }
}

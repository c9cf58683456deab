//! How an agent becomes a listing: what its publisher hands in, and what moderators say to it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::agent::AgentSpec;
use crate::fault::FieldFault;
use crate::ids::{AgentId, ReportId, SubmissionId};
use crate::image::Pictures;
use crate::listing::{Category, Example, ForkedFrom, ListingState};
use crate::notice;
use crate::price::Price;
use crate::scan::{Finding, is_hidden};
use crate::spec_diff::{FieldChange, Piece, SpecDiff};
use crate::text::{check_name, check_text};

/// The longest name, in characters.
pub const NAME_MAX: usize = 100;
/// The longest summary, in characters.
pub const TAGLINE_MAX: usize = 160;
/// The longest description, in characters.
pub const DESCRIPTION_MAX: usize = 10_000;
/// The most tags.
pub const TAGS_MAX: usize = 8;
/// The longest tag, in characters.
pub const TAG_MAX: usize = 30;
/// The most goals to try it with.
pub const EXAMPLES_MAX: usize = 5;
/// The longest of these goals, in characters.
pub const EXAMPLE_GOAL_MAX: usize = 1_000;
/// The longest material for one of them, in characters.
pub const EXAMPLE_CONTEXT_MAX: usize = 8_000;
/// The longest change log of one version, in characters.
pub const CHANGE_LOG_MAX: usize = 4_000;
/// The longest word of a moderator, in characters.
pub const COMMENT_MAX: usize = 4_000;
/// The longest word on why a listing or a review is removed, in characters: all of it stands in a notice.
pub const REMOVAL_MAX: usize = notice::TEXT_MAX;
/// The longest text of a report, in characters.
pub const REPORT_MAX: usize = 4_000;

/// What a publisher writes about a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListingTexts {
    /// The name, one line of 1 to [`NAME_MAX`] characters.
    pub name: String,
    /// What it does in one line, 1 to [`TAGLINE_MAX`] characters.
    pub tagline: String,
    /// What it is for.
    pub category: Category,
    /// What it does and how, in Markdown; 1 to [`DESCRIPTION_MAX`] characters.
    pub description: String,
    /// Words to find it by, at most [`TAGS_MAX`].
    pub tags: Vec<String>,
    /// What is new in this version, at most [`CHANGE_LOG_MAX`] characters.
    pub change_log: String,
    /// What its publisher asks for it.
    #[serde(default)]
    pub price: Price,
    /// Goals to try it with, at most [`EXAMPLES_MAX`].
    #[serde(default)]
    pub examples: Vec<Example>,
}

impl ListingTexts {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        for (field, text, max) in
            [("name", &self.name, NAME_MAX), ("tagline", &self.tagline, TAGLINE_MAX)]
        {
            check_name(&mut faults, field, text, 1, max);
        }
        check_text(&mut faults, "description", &self.description, 1, DESCRIPTION_MAX);
        check_text(&mut faults, "change_log", &self.change_log, 0, CHANGE_LOG_MAX);
        faults.extend(self.price.check().err().unwrap_or_default());
        if self.tags.len() > TAGS_MAX {
            faults.push(FieldFault::new("tags", format!("must be at most {TAGS_MAX}")));
        } else if let Some(tag) = self.tags.iter().find(|tag| !is_tag(tag)) {
            let reason = format!(
                "must be letters, digits and hyphens, at most {TAG_MAX} each: “{tag}” is not"
            );
            faults.push(FieldFault::new("tags", reason));
        }
        if self.examples.len() > EXAMPLES_MAX {
            faults.push(FieldFault::new("examples", format!("must be at most {EXAMPLES_MAX}")));
        }
        for (index, example) in self.examples.iter().take(EXAMPLES_MAX).enumerate() {
            let at = |field: &str| format!("examples[{index}].{field}");
            check_text(&mut faults, &at("goal"), &example.goal, 1, EXAMPLE_GOAL_MAX);
            let context = example.context.as_deref().unwrap_or_default();
            check_text(&mut faults, &at("context"), context, 0, EXAMPLE_CONTEXT_MAX);
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

fn is_tag(tag: &str) -> bool {
    (1..=TAG_MAX).contains(&tag.chars().count())
        && tag.chars().all(|c| (c.is_alphanumeric() && !is_hidden(c)) || c == '-')
}

/// The tags of a line with commas in between, each once, in small letters.
#[must_use]
pub fn read_tags(line: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in line.split(',') {
        let tag = tag.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase();
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// The place in URLs that a name asks for; `agent` for one without Latin letters and digits.
#[must_use]
pub fn slug_of(name: &str) -> String {
    const LENGTH: usize = 60;

    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        match plain_letter(letter) {
            Some(plain) => slug.push_str(plain),
            None if letter.is_ascii_alphanumeric() => slug.push(letter),
            None if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            None => {}
        }
        if slug.len() >= LENGTH {
            break;
        }
    }
    slug.truncate(LENGTH);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "agent".to_owned() } else { slug.to_owned() }
}

/// How a small Latin letter with a mark is written without it, as in the languages that have it; nothing for a
/// mark by itself. `None` for any other letter.
const fn plain_letter(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à'..='ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' | 'ģ' => "g",
        'ì'..='ï' | 'ī' | 'į' | 'ı' => "i",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='õ' | 'ō' | 'ő' => "o",
        'ö' | 'ø' | 'œ' => "oe",
        'ŕ' | 'ř' => "r",
        'ś' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ț' => "t",
        'þ' => "th",
        'ù'..='û' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        '\u{300}'..='\u{36f}' => "",
        _ => return None,
    })
}

/// Where a submission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubmissionState {
    /// Its publisher works on it.
    Draft,
    /// It waits for a moderator.
    InReview,
    /// It is a version of the listing.
    Approved,
    /// A moderator asks for changes.
    ChangesRequested,
}

impl SubmissionState {
    /// Every state.
    pub const ALL: [Self; 4] =
        [Self::Draft, Self::InReview, Self::Approved, Self::ChangesRequested];

    /// The state as it stands in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview => "in_review",
            Self::Approved => "approved",
            Self::ChangesRequested => "changes_requested",
        }
    }

    /// The state as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::InReview => "In review",
            Self::Approved => "Approved",
            Self::ChangesRequested => "Changes requested",
        }
    }

    /// Reads a state from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A version of a listing on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Submission {
    /// Its identity.
    pub id: SubmissionId,
    /// The publisher's agent.
    pub agent_id: AgentId,
    /// Which of its versions.
    pub agent_version: u32,
    /// Where it stands.
    pub state: SubmissionState,
    /// What its publisher writes.
    pub texts: ListingTexts,
    /// The pictures that the listing would have.
    #[serde(default)]
    pub pictures: Pictures,
    /// The agent that installs would copy.
    pub spec: AgentSpec,
    /// What the moderator says; empty for nothing.
    pub comment: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was handed in.
    pub submitted_at: Option<Timestamp>,
    /// When a moderator decided.
    pub decided_at: Option<Timestamp>,
}

/// A listing as its publisher and moderators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublishedListing {
    /// Its place in URLs.
    pub slug: String,
    /// How it stands in the marketplace.
    pub state: ListingState,
    /// The number of its newest version.
    pub version: i32,
    /// The numbers of its versions, the newest first.
    pub versions: Vec<i32>,
    /// Whether its publisher keeps it up no more.
    pub is_deprecated: bool,
    /// The slug of the listing that takes its place.
    pub successor: Option<String>,
}

/// What became of publishing an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Publication {
    /// The agent's name in its draft.
    pub agent_name: String,
    /// The agent's description in its draft.
    pub agent_description: String,
    /// The version that would be handed in; `None` when none was published.
    pub agent_version: Option<u32>,
    /// The listing, once a version was approved.
    pub listing: Option<PublishedListing>,
    /// A page of the submissions, the newest first.
    pub submissions: Vec<Submission>,
    /// Whether there are older ones.
    #[serde(default)]
    pub has_more: bool,
    /// Hand this back as `cursor` for the older ones. `None` when there are none.
    pub next_cursor: Option<String>,
    /// What a scan finds in the newest, while it is not decided.
    pub findings: Vec<Finding>,
    /// Whether there is anyone to review it.
    pub has_moderators: bool,
    /// Whether listings can be sold here: otherwise all of them are free.
    #[serde(default)]
    pub takes_payments: bool,
}

/// A submission that waits, in the moderators' list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CaseSummary {
    /// Its identity.
    pub id: SubmissionId,
    /// The name that it would have.
    pub name: String,
    /// What it does.
    pub tagline: String,
    /// Who hands it in.
    pub publisher: String,
    /// Whether it is the first version.
    pub is_first: bool,
    /// When it was handed in.
    pub submitted_at: Timestamp,
}

/// A submission as a moderator judges it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// What was handed in.
    pub submission: Submission,
    /// Names what was handed in: whoever decides says by it what they have read.
    pub seen: String,
    /// Who hands it in.
    pub publisher: String,
    /// What its agent was copied from; `None` where its publisher began it, or that is gone.
    pub forked_from: Option<ForkedFrom>,
    /// The listing that it would change.
    pub listing: Option<PublishedListing>,
    /// What a scan finds.
    pub findings: Vec<Finding>,
    /// What differs in the agent from the version that was approved last.
    pub agent: SpecDiff,
    /// What differs in the short texts.
    pub texts: Vec<FieldChange>,
    /// The description piece by piece; empty when it is the same.
    pub description: Vec<Piece>,
    /// The pictures that the listing has.
    pub pictures: Pictures,
}

/// Checks a moderator's word.
pub fn check_comment(comment: &str, is_needed: bool) -> Result<(), Vec<FieldFault>> {
    let mut faults = Vec::new();
    check_text(&mut faults, "comment", comment, usize::from(is_needed), COMMENT_MAX);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Checks what somebody is told on why their listing, or their review, is removed.
pub fn check_removal(why: &str) -> Result<(), Vec<FieldFault>> {
    let mut faults = Vec::new();
    check_text(&mut faults, "comment", why, 1, REMOVAL_MAX);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Why somebody reports a listing or a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the titles say it")]
pub enum ReportReason {
    Harmful,
    Misleading,
    Secrets,
    Infringing,
    Spam,
    Other,
}

impl ReportReason {
    /// Every reason, in the order in which people see them.
    pub const ALL: [Self; 6] =
        [Self::Harmful, Self::Misleading, Self::Secrets, Self::Infringing, Self::Spam, Self::Other];

    /// The reason as it stands in forms and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Harmful => "harmful",
            Self::Misleading => "misleading",
            Self::Secrets => "secrets",
            Self::Infringing => "infringing",
            Self::Spam => "spam",
            Self::Other => "other",
        }
    }

    /// The reason as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Harmful => "It does harm",
            Self::Misleading => "It is not what it says",
            Self::Secrets => "It takes or shows secrets",
            Self::Infringing => "It is somebody else’s work",
            Self::Spam => "It is spam",
            Self::Other => "Something else",
        }
    }

    /// Reads a reason from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A report that waits for a moderator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its identity.
    pub id: ReportId,
    /// The listing's place in URLs.
    pub slug: String,
    /// The listing's name.
    pub listing: String,
    /// How the listing stands.
    pub state: ListingState,
    /// What of it is reported.
    pub about: Reported,
    /// Who reports, or asks for their review back.
    pub reporter: String,
    /// Why; nothing where nobody reports.
    pub reason: Option<ReportReason>,
    /// In their own words; where nobody reports, why the review was removed.
    pub text: String,
    /// When.
    pub created_at: Timestamp,
}

/// What a moderator decides about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reported {
    /// The listing itself.
    Listing,
    /// A review of it.
    Review(ReportedReview),
    /// A review that was removed and that its author has changed since: it stands again, or does not.
    ChangedReview(ReportedReview),
}

/// A review as a moderator reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedReview {
    /// What its author is called.
    pub author: String,
    /// 1 to 5.
    pub stars: u8,
    /// What the author says.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> ListingTexts {
        ListingTexts {
            name: "Reader".to_owned(),
            tagline: "Reads".to_owned(),
            category: Category::Research,
            description: "It **reads**.".to_owned(),
            tags: read_tags("News, long  texts,news,"),
            change_log: String::new(),
            price: Price::FREE,
            examples: Vec::new(),
        }
    }

    #[test]
    fn tags_are_read_from_a_line() {
        assert_eq!(texts().tags, ["news", "long-texts"]);
        assert!(read_tags(" , ,").is_empty());
    }

    #[test]
    fn each_text_that_breaks_a_rule_is_named() {
        assert_eq!(texts().check(), Ok(()));
        let broken = ListingTexts {
            name: String::new(),
            tagline: "two\nlines".to_owned(),
            description: " ".to_owned(),
            tags: vec!["no spaces".to_owned()],
            change_log: "x".repeat(CHANGE_LOG_MAX + 1),
            ..texts()
        };
        let fields: Vec<_> =
            broken.check().unwrap_err().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["name", "tagline", "description", "change_log", "tags"]);
    }

    #[test]
    fn goals_to_try_it_with_are_few_and_have_words() {
        let with = |goals: &[&str]| {
            let example = |goal: &&str| Example { goal: (*goal).to_owned(), context: None };
            ListingTexts { examples: goals.iter().map(example).collect(), ..texts() }
        };
        assert_eq!(with(&["Read", "Read aloud"]).check(), Ok(()));
        let broken = |goals: &[&str]| with(goals).check().unwrap_err()[0].field.clone();
        assert_eq!(broken(&["Read", " "]), "examples[1].goal");
        assert_eq!(broken(&["Read"; 6]), "examples");
        let mut long = with(&["Read"]);
        long.examples[0].context = Some("x".repeat(EXAMPLE_CONTEXT_MAX + 1));
        assert_eq!(long.check().unwrap_err()[0].field, "examples[0].context");
    }

    #[test]
    fn a_name_gives_a_slug() {
        for (name, slug) in [
            ("Meeting minutes", "meeting-minutes"),
            ("  C++ & Rust! ", "c-rust"),
            ("会议", "agent"),
            ("Übersetzer für Verträge", "uebersetzer-fuer-vertraege"),
            ("STRAẞE & Straße", "strasse-strasse"),
            ("Crème brûlée, Señor Łukasz", "creme-brulee-senor-lukasz"),
            ("Cafe\u{301} Istanbul İzmir", "cafe-istanbul-izmir"),
        ] {
            assert_eq!(slug_of(name), slug);
        }
        for long in ["long ", "ß"] {
            assert!((55..=60).contains(&slug_of(&long.repeat(90)).len()), "{long}");
        }
    }
}

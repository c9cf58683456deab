//! Test sets: cases on which an agent is run, and what its answers are held against.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::FieldFault;
use crate::fields::Choosable;
use crate::ids::{AgentId, SessionId, TestRunId, TestSetId};
use crate::money::MicroUsd;
use crate::session::{CONTEXT_MAX, GOAL_MAX, SessionState};
use crate::text::{check_name, check_text, has_nul, shorten};
use crate::variable::{self, Values};

/// The most test sets of one agent.
pub const TEST_SETS_MAX: usize = 20;
/// The most cases of one set.
pub const CASES_MAX: usize = 50;
/// The most checks of one case.
pub const CHECKS_MAX: usize = 10;
/// The longest name of a set or a case, in characters.
pub const NAME_MAX: usize = 100;
/// The longest text of a check, in characters.
pub const CHECK_MAX: usize = 2_000;
/// The longest JSON text of a schema, in bytes.
const SCHEMA_MAX: usize = 32 * 1024;
/// How much of an answer is kept beside its verdict, in characters.
pub const ANSWER_KEPT: usize = 4_000;
/// The longest answer that is expected, in characters: no more of a real one is kept to compare it with.
pub const EXPECTED_MAX: usize = ANSWER_KEPT;

/// A test set as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TestSet {
    /// Its identity.
    pub id: TestSetId,
    /// The agent that it tests.
    pub agent_id: AgentId,
    /// Its name.
    pub name: String,
    /// Its cases.
    pub cases: Vec<TestCase>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What its newest run came to; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<RunSummary>,
}

impl Choosable for TestSet {
    const FIELDS: &'static [&'static str] =
        &["id", "agent_id", "name", "cases", "created_at", "updated_at", "last_run"];
}

/// A test set in the trash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrashedSet {
    /// The set.
    pub set: TestSet,
    /// When it was deleted; it goes for good [`TRASH_DAYS`](crate::agent_list::TRASH_DAYS) days later.
    pub deleted_at: Timestamp,
}

/// What a caller writes to make or to replace a test set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTestSet {
    /// 1 to [`NAME_MAX`] characters, one line.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = NAME_MAX), regex(pattern = crate::text::NAME_PATTERN)))]
    pub name: String,
    /// 1 to [`CASES_MAX`] cases.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = CASES_MAX)))]
    pub cases: Vec<TestCase>,
}

/// One case: what the agent is set on, and what its answer is held against.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// What people call it; empty: its goal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = NAME_MAX), regex(pattern = crate::text::TEXT_PATTERN)))]
    pub name: String,
    /// 1 to [`GOAL_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = GOAL_MAX), regex(pattern = crate::text::SHOWN_PATTERN)))]
    pub goal: String,
    /// Material for it, at most [`CONTEXT_MAX`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = CONTEXT_MAX), regex(pattern = crate::text::TEXT_PATTERN)))]
    pub context: Option<String>,
    /// The values of the prompt's variables, by their names.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub variables: Values,
    /// What an answer may look like, at most [`EXPECTED_MAX`] characters: shown beside the real one, and told
    /// to models that judge. It decides nothing by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = EXPECTED_MAX), regex(pattern = crate::text::TEXT_PATTERN)))]
    pub expected: Option<String>,
    /// What the answer is held against; with none it is enough that there is an answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = CHECKS_MAX)))]
    pub checks: Vec<Check>,
}

/// What an answer is held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    /// It contains a text, in whatever case.
    Contains {
        /// The text.
        text: String,
    },
    /// It does not contain a text, in whatever case.
    DoesNotContain {
        /// The text.
        text: String,
    },
    /// It is JSON that fits a schema (draft 2020-12).
    MatchesSchema {
        /// The schema.
        schema: Value,
    },
    /// A language model finds that it meets a criterion.
    Judge {
        /// The criterion.
        criterion: String,
    },
}

impl Check {
    /// What it asks for, for people.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Contains { text } => format!("Contains “{}”", shorten(text, 80)),
            Self::DoesNotContain { text } => format!("Does not contain “{}”", shorten(text, 80)),
            Self::MatchesSchema { .. } => "Fits the JSON schema".to_owned(),
            Self::Judge { criterion } => format!("Judged: {}", shorten(criterion, 120)),
        }
    }

    /// The verdict where the text alone decides it.
    #[must_use]
    pub fn of_text(&self, answer: &str) -> Option<bool> {
        let holds = |text: &str| answer.to_lowercase().contains(&text.to_lowercase());
        match self {
            Self::Contains { text } => Some(holds(text)),
            Self::DoesNotContain { text } => Some(!holds(text)),
            Self::MatchesSchema { .. } | Self::Judge { .. } => None,
        }
    }
}

impl NewTestSet {
    /// Checks every rule but those of JSON schemas, and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_name(&mut faults, "name", &self.name, 1, NAME_MAX);
        if self.cases.is_empty() || self.cases.len() > CASES_MAX {
            faults.push(FieldFault::new("cases", format!("must be 1 to {CASES_MAX} cases")));
        } else {
            for (index, case) in self.cases.iter().enumerate() {
                case.check(&mut faults, &format!("cases[{index}]"));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl TestCase {
    /// What people call it.
    #[must_use]
    pub fn title(&self) -> String {
        shorten(if self.name.trim().is_empty() { &self.goal } else { &self.name }, NAME_MAX)
    }

    /// The criteria that a model judges by, in their order.
    pub fn criteria(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().filter_map(|check| match check {
            Check::Judge { criterion } => Some(criterion.as_str()),
            _ => None,
        })
    }

    fn check(&self, faults: &mut Vec<FieldFault>, field: &str) {
        let at = |name: &str| format!("{field}.{name}");
        check_text(faults, &at("name"), &self.name, 0, NAME_MAX);
        check_text(faults, &at("goal"), &self.goal, 1, GOAL_MAX);
        let context = self.context.as_deref().unwrap_or_default();
        check_text(faults, &at("context"), context, 0, CONTEXT_MAX);
        let expected = self.expected.as_deref().unwrap_or_default();
        check_text(faults, &at("expected"), expected, 0, EXPECTED_MAX);
        for (name, value) in &self.variables {
            let field = at(&format!("variables.{name}"));
            if variable::is_name(name) {
                check_text(faults, &field, value, 0, variable::VALUE_MAX);
            } else {
                faults.push(FieldFault::new(field, "must be a name that a variable may have"));
            }
        }
        if self.checks.len() > CHECKS_MAX {
            faults.push(FieldFault::new(at("checks"), format!("must be at most {CHECKS_MAX}")));
        }
        for (index, check) in self.checks.iter().enumerate() {
            let at = |name: &str| format!("{field}.checks[{index}].{name}");
            match check {
                Check::Contains { text } | Check::DoesNotContain { text } => {
                    check_text(faults, &at("text"), text, 1, CHECK_MAX);
                }
                Check::Judge { criterion } => {
                    check_text(faults, &at("criterion"), criterion, 1, CHECK_MAX);
                }
                Check::MatchesSchema { schema } => {
                    if schema.to_string().len() > SCHEMA_MAX {
                        let reason = format!("must be at most {SCHEMA_MAX} bytes of JSON");
                        faults.push(FieldFault::new(at("schema"), reason));
                    } else if has_nul(schema) {
                        let reason = "must not contain the NUL character";
                        faults.push(FieldFault::new(at("schema"), reason));
                    }
                }
            }
        }
    }
}

/// What a caller writes to run a set: the JSON of `POST …/test-sets/{id}/runs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NewTestRun {
    /// Which version is tested; absent: the draft.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = i32::MAX)))]
    pub version: Option<u32>,
}

/// Whether test sets hold back versions: the JSON of `PUT /api/v1/agents/{id}/test-policy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TestPolicy {
    /// Whether a version may be published only when all test sets pass on the draft.
    pub requires_tests: bool,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunSummary {
    /// Its identity.
    pub id: TestRunId,
    /// The version that was tested; absent for the draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<u32>,
    /// When it began.
    pub started_at: Timestamp,
    /// When the last case was decided.
    pub ended_at: Option<Timestamp>,
    /// How many cases there are.
    pub cases: u32,
    /// How many passed.
    pub passed: u32,
    /// How many failed.
    pub failed: u32,
    /// What all sessions cost, those of judges included.
    #[serde(rename = "cost_micro_usd")]
    pub cost: MicroUsd,
    /// How long all sessions took, one after the other, in milliseconds.
    pub duration_ms: u64,
}

impl RunSummary {
    /// Whether it is over and every case passed.
    #[must_use]
    pub const fn has_passed(&self) -> bool {
        self.ended_at.is_some() && self.passed == self.cases
    }
}

/// A run, case by case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TestRun {
    /// What it came to.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// The set.
    pub test_set_id: TestSetId,
    /// What became of each case.
    pub results: Vec<CaseResult>,
    /// What the run before came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<RunSummary>,
}

impl Choosable for TestRun {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "agent_version",
        "started_at",
        "ended_at",
        "cases",
        "passed",
        "failed",
        "cost_micro_usd",
        "duration_ms",
        "test_set_id",
        "results",
        "previous",
    ];
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CaseResult {
    /// The case as it was.
    pub case: TestCase,
    /// The session that ran it.
    pub session_id: SessionId,
    /// The verdict; absent while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<CaseOutcome>,
    /// Whether the same case passed in the run before; absent where that had no such case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_before: Option<bool>,
}

impl CaseResult {
    /// Whether it passed now and did not before, or the other way round.
    #[must_use]
    pub fn has_turned(&self) -> bool {
        let now = self.outcome.as_ref().map(|outcome| outcome.passed);
        now.zip(self.passed_before).is_some_and(|(now, before)| now != before)
    }
}

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CaseOutcome {
    /// Whether the session reached an answer and every check passed.
    pub passed: bool,
    /// Where the session ended.
    pub state: SessionState,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The beginning of the answer.
    pub answer: String,
    /// Each check, in the order of the case.
    pub checks: Vec<CheckResult>,
    /// What it cost, the judges included.
    #[serde(rename = "cost_micro_usd")]
    pub cost: MicroUsd,
    /// How long the session took, in milliseconds.
    pub duration_ms: u64,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckResult {
    /// What it asked for.
    pub title: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why not, or what the judge said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl RunSummary {
    /// What the outcomes so far come to.
    #[must_use]
    pub fn count(mut self, outcomes: &[Option<CaseOutcome>]) -> Self {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let known = || outcomes.iter().flatten();
        self.cases = count(outcomes.len());
        self.passed = count(known().filter(|outcome| outcome.passed).count());
        self.failed = count(known().filter(|outcome| !outcome.passed).count());
        self.cost = known().map(|outcome| outcome.cost).sum();
        self.duration_ms = known().map(|outcome| outcome.duration_ms).sum();
        self
    }
}

/// What a judge's answer says: `PASS` or `FAIL`, then why. `None`: neither.
#[must_use]
pub fn verdict(answer: &str) -> Option<(bool, String)> {
    let text = answer.trim().trim_start_matches(['*', '#', '"', '`', ' ']);
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let passed = match text[..end].to_ascii_uppercase().as_str() {
        "PASS" => true,
        "FAIL" => false,
        _ => return None,
    };
    let rest = text[end..].trim_start_matches(|c: char| !c.is_alphanumeric());
    Some((passed, shorten(rest.trim(), 500)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_found_in_whatever_case() {
        let has = |text: &str| Check::Contains { text: text.to_owned() };
        let lacks = |text: &str| Check::DoesNotContain { text: text.to_owned() };
        for (check, answer, verdict) in [
            (has("Oslo"), "in OSLO.", true),
            (has("Oslo"), "in Bergen", false),
            (lacks("Oslo"), "in Bergen", true),
            (lacks("größe"), "GRÖSSE Größe", false),
        ] {
            assert_eq!(check.of_text(answer), Some(verdict), "{check:?} {answer}");
        }
        assert_eq!(Check::Judge { criterion: "kind".to_owned() }.of_text("x"), None);
    }

    #[test]
    fn a_judge_is_read_by_its_first_word() {
        for (answer, expected) in [
            ("PASS: it names the city", Some((true, "it names the city"))),
            ("**FAIL** - too long", Some((false, "too long"))),
            ("fail", Some((false, ""))),
            ("It passes", None),
            ("PASSABLE", None),
            ("", None),
        ] {
            let expected = expected.map(|(passed, reason)| (passed, reason.to_owned()));
            assert_eq!(verdict(answer), expected, "{answer}");
        }
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        let good = json!({ "name": "Basics", "cases": [{ "goal": "1 + 1", "checks": [
            { "kind": "contains", "text": "2" },
            { "kind": "does_not_contain", "text": "3" },
            { "kind": "matches_schema", "schema": { "type": "object" } },
            { "kind": "judge", "criterion": "It is short" },
        ] }] });
        let fields = |value: Value| {
            let set: NewTestSet = serde_json::from_value(value).unwrap();
            let faults = set.check().err().unwrap_or_default();
            faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(good.clone()), [""; 0]);
        for (path, value, field) in [
            ("/name", json!(" "), "name"),
            ("/cases", json!([]), "cases"),
            ("/cases/0/goal", json!(""), "cases[0].goal"),
            ("/cases/0/checks/0/text", json!(""), "cases[0].checks[0].text"),
            ("/cases/0/checks/2/schema", json!({ "title": "a\0b" }), "cases[0].checks[2].schema"),
            ("/cases/0/checks/3/criterion", json!(""), "cases[0].checks[3].criterion"),
        ] {
            let mut broken = good.clone();
            *broken.pointer_mut(path).unwrap() = value;
            assert_eq!(fields(broken), [field]);
        }
        let mut broken = good.clone();
        broken["cases"][0]["variables"] = json!({ "a b": "x" });
        assert_eq!(fields(broken), ["cases[0].variables.a b"]);
        let mut expects = good;
        expects["cases"][0]["expected"] = json!("2".repeat(EXPECTED_MAX));
        assert_eq!(fields(expects.clone()), [""; 0]);
        expects["cases"][0]["expected"] = json!("2".repeat(EXPECTED_MAX + 1));
        assert_eq!(fields(expects), ["cases[0].expected"]);
    }
}

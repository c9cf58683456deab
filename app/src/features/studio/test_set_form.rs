//! The form of a test set, case by case as text.

use resonant_domain::test_set::{CASES_MAX, Check, TestCase, TestSet};
use serde::{Deserialize, Serialize};

use super::lines;
use super::tool_form::pretty;
use crate::refused_form::refused_form;

/// What the form holds. The inputs are named `set[<field>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TestSetForm {
    /// Its name.
    pub name: String,
    /// Its cases. One without a goal counts for nothing.
    pub cases: Vec<CaseForm>,
}

/// What the form holds of a case. The inputs are named `set[cases][<index>][<field>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CaseForm {
    /// What people call it.
    pub name: String,
    /// What the agent is set on.
    pub goal: String,
    /// Material for it.
    pub context: String,
    /// The values of the prompt's variables, `name = value` on each line. Here and below a line that is
    /// indented belongs to the one above it.
    pub variables: String,
    /// What an answer may look like.
    pub expected: String,
    /// What the answer contains, a text on each line.
    pub contains: String,
    /// What it does not contain, a text on each line.
    pub lacks: String,
    /// The JSON schema that it fits; programs may give several, one behind the other.
    pub schema: String,
    /// What a model judges, a criterion on each line.
    pub judge: String,
}

impl From<&TestSet> for TestSetForm {
    fn from(set: &TestSet) -> Self {
        Self { name: set.name.clone(), cases: set.cases.iter().map(CaseForm::from).collect() }
    }
}

impl From<&TestCase> for CaseForm {
    fn from(case: &TestCase) -> Self {
        let mut form = Self {
            name: case.name.clone(),
            goal: case.goal.clone(),
            context: case.context.clone().unwrap_or_default(),
            expected: case.expected.clone().unwrap_or_default(),
            ..Self::default()
        };
        for (name, value) in &case.variables {
            lines::add(&mut form.variables, &format!("{name} = {value}"));
        }
        for check in &case.checks {
            match check {
                Check::Contains { text } => lines::add(&mut form.contains, text),
                Check::DoesNotContain { text } => lines::add(&mut form.lacks, text),
                Check::MatchesSchema { schema } => {
                    if !form.schema.is_empty() {
                        form.schema.push('\n');
                    }
                    form.schema.push_str(&pretty(schema));
                }
                Check::Judge { criterion } => lines::add(&mut form.judge, criterion),
            }
        }
        form
    }
}

impl TestSetForm {
    /// What the form held when it was refused.
    pub fn refused() -> Option<Self> {
        let refused = refused_form();
        let name = refused.text("set[name]")?;
        let case = |index: usize| {
            let text = |field: &str| refused.text(&format!("set[cases][{index}][{field}]"));
            Some(CaseForm {
                goal: text("goal")?,
                name: text("name").unwrap_or_default(),
                context: text("context").unwrap_or_default(),
                variables: text("variables").unwrap_or_default(),
                expected: text("expected").unwrap_or_default(),
                contains: text("contains").unwrap_or_default(),
                lacks: text("lacks").unwrap_or_default(),
                schema: text("schema").unwrap_or_default(),
                judge: text("judge").unwrap_or_default(),
            })
        };
        let cases = (0..CASES_MAX).map_while(case);
        Some(Self { name, cases: cases.filter(|case| !case.goal.trim().is_empty()).collect() })
    }
}

#[cfg(feature = "ssr")]
mod rules {
    use resonant_domain::FieldFault;
    use resonant_domain::test_set::NewTestSet;
    use serde_json::Deserializer;

    use super::{CaseForm, Check, TestCase, TestSetForm};
    use crate::features::studio::lines::{read, read_values};

    impl TestSetForm {
        /// The set that the form describes, or every field that cannot be read.
        pub fn new_set(&self) -> Result<NewTestSet, Vec<FieldFault>> {
            let mut faults = Vec::new();
            let given = self.cases.iter().filter(|case| !case.goal.trim().is_empty());
            let cases = given
                .enumerate()
                .map(|(index, case)| case.case(&mut faults, &format!("cases[{index}]")))
                .collect();
            let set = NewTestSet { name: self.name.trim().to_owned(), cases };
            if let Err(more) = set.check() {
                faults.extend(more);
            }
            if faults.is_empty() { Ok(set) } else { Err(faults) }
        }
    }

    impl CaseForm {
        fn case(&self, faults: &mut Vec<FieldFault>, field: &str) -> TestCase {
            let variables = format!("{field}.variables");
            let mut checks = Vec::new();
            checks.extend(read(&self.contains).into_iter().map(|text| Check::Contains { text }));
            checks.extend(read(&self.lacks).into_iter().map(|text| Check::DoesNotContain { text }));
            for schema in Deserializer::from_str(&self.schema).into_iter() {
                match schema {
                    Ok(schema) => checks.push(Check::MatchesSchema { schema }),
                    Err(error) => faults.push(FieldFault::new(
                        format!("{field}.schema"),
                        format!("must be JSON: {error}"),
                    )),
                }
            }
            let criteria = read(&self.judge).into_iter();
            checks.extend(criteria.map(|criterion| Check::Judge { criterion }));
            let given = |text: &str| {
                Some(text.replace("\r\n", "\n")).filter(|text| !text.trim().is_empty())
            };
            TestCase {
                name: self.name.trim().to_owned(),
                goal: self.goal.replace("\r\n", "\n").trim().to_owned(),
                context: given(&self.context),
                variables: read_values(faults, &variables, &self.variables),
                expected: given(&self.expected),
                checks,
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn case() -> TestCase {
            serde_json::from_value(serde_json::json!({
                "name": "Sum",
                "goal": "Add\nthese",
                "context": "1, 2",
                "variables": { "address": "1 Way\n\n  = Oslo", "city": "Oslo" },
                "expected": "The sum\nis 3",
                "checks": [
                    { "kind": "contains", "text": "3" },
                    { "kind": "contains", "text": "One\n\n  and two:\nthree" },
                    { "kind": "does_not_contain", "text": "3\n4" },
                    { "kind": "does_not_contain", "text": "4" },
                    { "kind": "matches_schema", "schema": { "type": "object" } },
                    { "kind": "matches_schema", "schema": { "required": ["sum"] } },
                    { "kind": "judge", "criterion": "It is short:\none line" },
                    { "kind": "judge", "criterion": "It is polite" },
                ],
            }))
            .unwrap()
        }

        #[test]
        fn a_set_survives_the_form() {
            let form = TestSetForm {
                name: "Basics".to_owned(),
                cases: vec![CaseForm::from(&case()), CaseForm::default()],
            };
            let set = form.new_set().unwrap();
            assert_eq!((set.name.as_str(), set.cases), ("Basics", vec![case()]));
        }

        #[test]
        fn what_cannot_be_read_is_named() {
            let broken = |breaks: fn(&mut CaseForm)| {
                let mut case = CaseForm::from(&case());
                breaks(&mut case);
                let form = TestSetForm { name: "a".to_owned(), cases: vec![case] };
                form.new_set().unwrap_err()[0].field.clone()
            };
            assert_eq!(broken(|case| case.schema = "{".to_owned()), "cases[0].schema");
            assert_eq!(broken(|case| case.variables = "city".to_owned()), "cases[0].variables");
            assert_eq!(broken(|case| case.goal.clear()), "cases");
        }
    }
}

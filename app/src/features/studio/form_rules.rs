//! The rules that turn what a form sent into what a use case takes.

use resonant_domain::agent::{
    AgentChanges, AgentSpec, Avatar, LimitChange, LimitChanges, Limits, ModelPolicy, ToolGrant,
};
use resonant_domain::agent_version::Edition;
use resonant_domain::session::NewSession;
use resonant_domain::variable::Values;
use resonant_domain::{AgentId, FieldFault};

use super::agent_form::{AgentForm, RunForm};
use super::variables_editor::VariableForm;
use crate::error::AppError;
use crate::language::key;
use crate::ssr;

impl AgentForm {
    /// The agent that the form describes, or every field that breaks a rule.
    pub fn spec(&self) -> Result<AgentSpec, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let base = Limits::default();
        let spec = AgentSpec {
            name: self.name.trim().to_owned(),
            description: lines(&self.description).trim().to_owned(),
            avatar: self.avatar(&mut faults),
            system_prompt: lines(&self.system_prompt).trim().to_owned(),
            model_policy: self.model_policy(&mut faults),
            tools: self.tools.iter().map(ToolGrant::new).collect(),
            limits: Limits {
                max_steps: number(&mut faults, "limits.max_steps", &self.max_steps)
                    .unwrap_or(base.max_steps),
                max_tokens: number(&mut faults, "limits.max_tokens", &self.max_tokens)
                    .unwrap_or(base.max_tokens),
                timeout_seconds: number(
                    &mut faults,
                    "limits.timeout_seconds",
                    &self.timeout_seconds,
                )
                .unwrap_or(base.timeout_seconds),
                max_cost_micro_usd: cost(&mut faults, &self.max_cost),
            },
            variables: self.variables.iter().filter_map(VariableForm::variable).collect(),
        };
        if let Err(more) = spec.check() {
            faults.extend(more.into_iter().map(|fault| self.in_its_row(fault)));
        }
        if faults.is_empty() { Ok(spec) } else { Err(faults) }
    }

    /// The same as changes to an agent that exists: every field but the status.
    pub fn changes(&self) -> Result<AgentChanges, Vec<FieldFault>> {
        let AgentSpec {
            name,
            description,
            avatar,
            system_prompt,
            model_policy,
            tools,
            limits,
            variables,
        } = self.spec()?;
        Ok(AgentChanges {
            name: Some(name),
            description: Some(description),
            avatar: Some(avatar),
            system_prompt: Some(system_prompt),
            model_policy: Some(model_policy),
            tools: Some(tools),
            limits: Some(LimitChanges {
                max_steps: Some(limits.max_steps),
                max_tokens: Some(limits.max_tokens),
                timeout_seconds: Some(limits.timeout_seconds),
                max_cost_micro_usd: if self.has_max_cost {
                    LimitChange::from(limits.max_cost_micro_usd)
                } else {
                    LimitChange::Keep
                },
            }),
            variables: Some(variables),
            status: None,
        })
    }

    /// The agents that it may call.
    pub fn called(&self) -> Result<Vec<AgentId>, Vec<FieldFault>> {
        let ids = self.agents.iter().map(|id| id.parse::<AgentId>());
        ids.collect::<Result<_, _>>()
            .map_err(|error| vec![FieldFault::new("tools", format!("{error}"))])
    }

    /// What is wrong with a variable, by the row in which it stands: those without a name are not counted
    /// elsewhere.
    fn in_its_row(&self, fault: FieldFault) -> FieldFault {
        let rest = fault.field.strip_prefix("variables[").and_then(|rest| rest.split_once(']'));
        let moved = rest.and_then(|(at, field)| {
            let mut named = self.variables.iter().enumerate().filter(|(_, row)| row.is_named());
            let (row, _) = named.nth(at.parse().ok()?)?;
            Some(format!("variables[{row}]{field}"))
        });
        match moved {
            Some(field) => FieldFault { field, ..fault },
            None => fault,
        }
    }

    fn avatar(&self, faults: &mut Vec<FieldFault>) -> Avatar {
        let base = Avatar::default();
        let icon = if self.icon.is_empty() { base.icon } else { self.icon.clone() };
        let hue = number(faults, "avatar.hue", &self.hue).unwrap_or(u32::from(base.hue));
        Avatar { icon, hue: u16::try_from(hue).unwrap_or(u16::MAX) }
    }

    /// The model that answers.
    pub(super) fn model_policy(&self, faults: &mut Vec<FieldFault>) -> ModelPolicy {
        match self.model.as_str() {
            "" | "auto" => ModelPolicy::Auto,
            "builtin" => ModelPolicy::Builtin,
            "named" => ModelPolicy::Named { model: self.model_name.trim().to_owned() },
            _ => {
                faults.push(FieldFault::new("model_policy", key("must be auto, builtin or named")));
                ModelPolicy::Auto
            }
        }
    }
}

impl RunForm {
    /// The session that the form asks for, or every field that breaks a rule.
    pub fn new_session(&self) -> Result<NewSession, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let context = lines(&self.context);
        let new = NewSession {
            goal: lines(&self.goal).trim().to_owned(),
            context: (!context.trim().is_empty()).then_some(context),
            variables: given(&self.variables),
            limits: LimitChanges {
                max_steps: number(&mut faults, "limits.max_steps", &self.max_steps),
                max_tokens: number(&mut faults, "limits.max_tokens", &self.max_tokens),
                timeout_seconds: number(
                    &mut faults,
                    "limits.timeout_seconds",
                    &self.timeout_seconds,
                ),
                max_cost_micro_usd: cost(&mut faults, &self.max_cost)
                    .map_or(LimitChange::Keep, LimitChange::To),
            },
            ..NewSession::default()
        };
        if let Err(more) = new.check() {
            faults.extend(more);
        }
        if faults.is_empty() { Ok(new) } else { Err(faults) }
    }
}

impl RunForm {
    /// Which edition shall run, whatever is published; `None` leaves it to what is.
    pub fn edition(&self) -> Result<Option<Edition>, Vec<FieldFault>> {
        match self.edition.as_str() {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|error| vec![FieldFault::new("edition", format!("{error}"))]),
        }
    }
}

/// The values that are given: an empty field gives none.
pub(crate) fn given(values: &Values) -> Values {
    let given = values.iter().filter(|(_, value)| !value.trim().is_empty());
    given.map(|(name, value)| (name.clone(), lines(value))).collect()
}

/// A form sends line ends as CR LF (WHATWG HTML 4.10.21.8); texts keep LF alone.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Reads a whole number; an empty field is no number and no fault.
fn number(faults: &mut Vec<FieldFault>, field: &str, text: &str) -> Option<u32> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let number = text.parse().ok();
    if number.is_none() {
        faults.push(FieldFault::new(field, key("must be a whole number")));
    }
    number
}

/// Reads the dollars that a session may cost, as millionths; an empty field is no limit and no fault.
fn cost(faults: &mut Vec<FieldFault>, text: &str) -> Option<u64> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let cost = micro_usd(text);
    if cost.is_none() {
        let reason = key("must be an amount such as 5.00");
        faults.push(FieldFault::new("limits.max_cost_micro_usd", reason));
    }
    cost
}

/// Reads dollars as a person writes them, `5`, `$0.25` or `0,25`, as millionths. `None` for what is none.
pub(crate) fn micro_usd(text: &str) -> Option<u64> {
    let number = text.trim_start_matches('$').trim();
    let (whole, part) = number.split_once(['.', ',']).unwrap_or((number, ""));
    let is_number = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    // A comma before three digits may part thousands: nobody shall pay for a wrong guess.
    let is_unclear = number.contains(',') && part.len() == 3 && whole != "0";
    if whole.is_empty() || whole.len() > 12 || part.len() > 6 || is_unclear {
        return None;
    }
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    format!("{whole}{part:0<6}").parse().ok()
}

/// The error that tells these faults.
pub(crate) fn invalid(fields: Vec<FieldFault>) -> AppError {
    ssr::fail(resonant_backend::Error::Invalid(fields))
}

#[cfg(test)]
mod tests {
    use resonant_domain::variable::Variable;

    use super::super::agent_form::dollars;
    use super::*;

    #[derive(serde::Deserialize)]
    struct Arguments {
        form: AgentForm,
    }

    fn form() -> AgentForm {
        AgentForm { name: "Reader".to_owned(), has_max_cost: true, ..AgentForm::default() }
    }

    #[test]
    fn a_form_without_the_field_of_the_dollars_leaves_them_alone() {
        let form = AgentForm { has_max_cost: false, ..form() };
        let limits = form.changes().unwrap().limits.unwrap();
        assert_eq!(limits.max_cost_micro_usd, LimitChange::Keep);
    }

    #[test]
    fn what_a_field_shows_is_taken_back() {
        for cost in [1, 1_125, 250_000, 1_125_000, 1_250_000, 12_345_678] {
            for text in [dollars(cost), dollars(cost).replace('.', ",")] {
                assert_eq!(micro_usd(&text), Some(cost), "{text}");
            }
        }
    }

    #[test]
    fn a_name_is_enough() {
        let spec = form().spec().unwrap();
        assert_eq!(spec, AgentSpec { name: "Reader".to_owned(), ..AgentSpec::default() });
    }

    #[test]
    fn an_agent_survives_the_form() {
        let spec = AgentSpec {
            name: "Reader".to_owned(),
            description: "Reads\npages".to_owned(),
            avatar: Avatar { icon: "book".to_owned(), hue: 12 },
            system_prompt: "You read.".to_owned(),
            model_policy: ModelPolicy::Named { model: "llama3".to_owned() },
            tools: vec![ToolGrant::new("calculator"), ToolGrant::new("extract")],
            limits: Limits {
                max_steps: 3,
                max_tokens: 500,
                timeout_seconds: 60,
                max_cost_micro_usd: Some(1_250_000),
            },
            variables: vec![
                Variable::new("city"),
                Variable {
                    description: "How it sounds\nto a reader".to_owned(),
                    default: Some("kind\nand brief".to_owned()),
                    required: false,
                    ..Variable::new("tone")
                },
            ],
        };
        assert_eq!(AgentForm::from(&spec).spec(), Ok(spec));
    }

    #[test]
    fn a_cost_limit_is_read_in_dollars_and_lifted_by_an_empty_field() {
        for (text, cost) in [
            ("5", Some(5_000_000)),
            (" $0.25 ", Some(250_000)),
            ("0,000001", Some(1)),
            ("1.000", Some(1_000_000)),
            ("", None),
        ] {
            let form = AgentForm { max_cost: text.to_owned(), ..form() };
            let limits = form.changes().unwrap().limits.unwrap();
            assert_eq!(limits.max_cost_micro_usd, LimitChange::from(cost), "{text}");
        }
        for text in ["five", "-1", "0", "1,000", "1.0000001", ".", "1.5.5"] {
            let faults = AgentForm { max_cost: text.to_owned(), ..form() }.spec().unwrap_err();
            assert_eq!(faults[0].field, "limits.max_cost_micro_usd", "{text}");
        }
    }

    #[test]
    fn each_broken_field_is_named() {
        type Break = fn(&mut AgentForm);
        let table: [(&str, Break); 6] = [
            ("name", |f| f.name = "  ".to_owned()),
            ("limits.max_steps", |f| f.max_steps = "ten".to_owned()),
            ("limits.max_tokens", |f| f.max_tokens = "0".to_owned()),
            ("avatar.hue", |f| f.hue = "70000".to_owned()),
            ("model_policy.model", |f| f.model = "named".to_owned()),
            ("tools[0].name", |f| f.tools = vec!["rm".to_owned()]),
        ];
        for (field, breaks) in table {
            let mut broken = form();
            breaks(&mut broken);
            let faults = broken.spec().unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].field, field);
        }
    }

    #[test]
    fn a_wrong_variable_is_named_by_its_row() {
        let row = |name: &str| VariableForm { name: name.to_owned(), ..VariableForm::default() };
        // The first one was taken away, by its name.
        let form = AgentForm { variables: vec![row(" "), row("city"), row("1a")], ..form() };
        let faults = form.spec().unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].field, "variables[2].name");
    }

    #[test]
    fn the_browser_s_encoding_reads_back() {
        // As a browser writes `form[tools][]` twice, brackets escaped.
        let body = "form%5Bvariables%5D%5B0%5D%5Bname%5D=city&form%5Bvariables%5D%5B1%5D%5Bname%5D=\
                    &form%5Bname%5D=Reader&form%5Btools%5D%5B%5D=calculator\
                    &form%5Btools%5D%5B%5D=extract&form%5Bmax_steps%5D=&form%5Bdescription%5D=a%0D%0Ab";
        let read: Arguments = serde_qs::Config::new(5, false).deserialize_str(body).unwrap();
        assert_eq!(read.form.tools, ["calculator", "extract"]);
        let spec = read.form.spec().unwrap();
        assert_eq!(spec.description, "a\nb");
        assert_eq!(spec.variables, [Variable { required: false, ..Variable::new("city") }]);
    }

    #[test]
    fn a_run_needs_a_goal_and_takes_over_its_own_limits_only() {
        let run = RunForm {
            goal: " Add 2 and 2 ".to_owned(),
            max_steps: "3".to_owned(),
            ..RunForm::default()
        };
        let dear = RunForm { max_cost: "0.5".to_owned(), ..run.clone() };
        let cost = dear.new_session().unwrap().limits.max_cost_micro_usd;
        assert_eq!(cost, LimitChange::To(500_000));
        let new = run.new_session().unwrap();
        assert_eq!(new.goal, "Add 2 and 2");
        assert_eq!(new.context, None);
        assert_eq!(new.limits, LimitChanges { max_steps: Some(3), ..LimitChanges::default() });
        let faults = RunForm::default().new_session().unwrap_err();
        assert_eq!(faults[0].field, "goal");
    }
}

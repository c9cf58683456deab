//! What the form for a fork sends.

use serde::{Deserialize, Serialize};
#[cfg(feature = "ssr")]
use {
    crate::language::key, resonant_domain::FieldFault, resonant_domain::agent::ModelPolicy,
    resonant_domain::session::NewFork,
};

/// The fields of the form as a browser sends them. An empty one leaves the session's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ForkForm {
    /// The last step that is kept; 0 begins at the goal.
    pub step: String,
    /// Another goal.
    pub goal: String,
    /// Another system prompt.
    pub system_prompt: String,
    /// `auto`, `builtin` or a model's name.
    pub model: String,
}

#[cfg(feature = "ssr")]
impl ForkForm {
    /// What it asks for.
    ///
    /// # Errors
    /// Names `step` when that is no number.
    pub fn read(self) -> Result<NewFork, Vec<FieldFault>> {
        let step = self.step.trim().parse();
        let step =
            step.map_err(|_| vec![FieldFault::new("step", key("must be a step's number"))])?;
        let given = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let model_policy = given(self.model).map(|model| match model.as_str() {
            "auto" => ModelPolicy::Auto,
            "builtin" => ModelPolicy::Builtin,
            _ => ModelPolicy::Named { model },
        });
        let (goal, system_prompt) = (given(self.goal), given(self.system_prompt));
        Ok(NewFork { step, goal, system_prompt, model_policy })
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn an_empty_field_leaves_what_the_session_has() {
        let form = ForkForm { step: "2".to_owned(), goal: "  ".to_owned(), ..ForkForm::default() };
        let (goal, system_prompt, model_policy) = (None, None, None);
        assert_eq!(form.read().unwrap(), NewFork { step: 2, goal, system_prompt, model_policy });
    }

    #[test]
    fn a_step_that_is_no_number_is_named() {
        let faults = ForkForm::default().read().unwrap_err();
        assert_eq!(faults[0].field, "step");
    }

    #[test]
    fn two_words_stand_for_policies_and_all_others_for_models() {
        for (text, policy) in [
            ("auto", ModelPolicy::Auto),
            ("builtin", ModelPolicy::Builtin),
            (" llama3 ", ModelPolicy::Named { model: "llama3".to_owned() }),
        ] {
            let form =
                ForkForm { step: "0".to_owned(), model: text.to_owned(), ..ForkForm::default() };
            assert_eq!(form.read().unwrap().model_policy, Some(policy));
        }
    }
}

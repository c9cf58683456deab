//! The variables that say what guests may use.

use resonant_backend::{GuestLimits, ModelSettings};
use resonant_domain::budget::BUDGET_MAX;

use super::{SettingError, Variables};

/// What the agents of one guest may cost in a month, in millionths of a dollar.
const MICRO_USD: u64 = 50_000;
/// The tokens that they may use in a month.
const TOKENS: u64 = 200_000;
/// So many guests' worth may all guests of a network use in a day.
const PER_ADDRESS: u32 = 20;

/// Where the built-in planner alone answers, and to tell what texts mean costs nothing, guests cost nothing:
/// there they are bounded by what is set alone.
pub(super) fn read(
    vars: &Variables<'_>,
    models: &ModelSettings,
) -> Result<GuestLimits, SettingError> {
    let is_paid = models.embeddings.as_ref().is_some_and(|embeddings| embeddings.price > 0);
    let has_models = models.openai.is_some() || !models.others.is_empty() || is_paid;
    let limit = |name, default: u64| -> Result<Option<u64>, SettingError> {
        let default = if has_models { default } else { 0 };
        let limit = vars.parsed(name, "a whole number, or 0 for any amount")?.unwrap_or(default);
        if limit > BUDGET_MAX {
            return Err(SettingError::new(name, format!("must be at most {BUDGET_MAX}")));
        }
        Ok((limit > 0).then_some(limit))
    };
    let guests = vars.parsed("GUESTS_PER_ADDRESS", "a whole number, or 0 for any")?;
    let guests = guests.unwrap_or(PER_ADDRESS);
    Ok(GuestLimits {
        micro_usd: limit("GUEST_BUDGET_MICRO_USD", MICRO_USD)?,
        tokens: limit("GUEST_BUDGET_TOKENS", TOKENS)?,
        per_address: (guests > 0).then_some(guests),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_vars(vars: &[(&str, &str)]) -> Result<GuestLimits, String> {
        let look_up = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let vars = Variables { look_up: &look_up };
        let models = super::super::models::read(&vars).map_err(|error| error.to_string())?;
        read(&vars, &models).map_err(|error| error.to_string())
    }

    #[test]
    fn guests_are_bounded_where_they_cost_something() {
        let all = |micro_usd, tokens, per_address| GuestLimits { micro_usd, tokens, per_address };
        let model = [("OLLAMA_BASE_URL", "http://localhost:11434")];
        assert_eq!(read_vars(&[]).unwrap(), all(None, None, Some(20)));
        assert_eq!(read_vars(&model).unwrap(), all(Some(50_000), Some(200_000), Some(20)));
        let meanings = [
            ("OPENAI_BASE_URL", "http://localhost:11434/v1"),
            ("OPENAI_EMBEDDING_MODEL", "small"),
            ("OPENAI_EMBEDDING_PRICE", "0.02"),
        ];
        assert_eq!(read_vars(&meanings).unwrap(), all(Some(50_000), Some(200_000), Some(20)));
        assert_eq!(read_vars(&meanings[..2]).unwrap(), all(None, None, Some(20)));
        let set = [("GUEST_BUDGET_TOKENS", "1000"), ("GUESTS_PER_ADDRESS", "0")];
        assert_eq!(read_vars(&set).unwrap(), all(None, Some(1_000), None));
        let open = [model[0], ("GUEST_BUDGET_MICRO_USD", "0"), ("GUEST_BUDGET_TOKENS", "0")];
        assert_eq!(read_vars(&open).unwrap(), all(None, None, Some(20)));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (name, value) in [
            ("GUEST_BUDGET_MICRO_USD", "$0.05"),
            ("GUEST_BUDGET_TOKENS", "-1"),
            ("GUEST_BUDGET_TOKENS", "1000000000001"),
            ("GUESTS_PER_ADDRESS", "many"),
        ] {
            let error = read_vars(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(name), "{error}");
        }
    }
}

//! Which model answers a step: a score that can be explained, tiers, fallbacks.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use resonant_domain::agent::ModelPolicy;
use resonant_domain::model::{ModelChoice, ModelTier, ScorePart};

use super::{Chosen, Models};

/// From how many points on a step is moderate, and complex.
const MODERATE: u32 = 15;
const COMPLEX: u32 = 30;

/// Words that ask for thinking rather than for looking up.
const HARD_WORDS: [&str; 14] = [
    "analyse",
    "analyze",
    "argue",
    "compare",
    "critique",
    "debug",
    "design",
    "evaluate",
    "explain why",
    "plan",
    "prove",
    "refactor",
    "strategy",
    "trade-off",
];

/// What a choice is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation<'a> {
    pub policy: &'a ModelPolicy,
    /// What the person wants: the goal, or the newest word.
    pub goal: &'a str,
    /// The length of the material, in characters.
    pub context_chars: usize,
    pub tools: usize,
    /// Steps of the round so far.
    pub steps: usize,
    /// Tool calls of the round that failed.
    pub failed_calls: usize,
    /// What was chosen in this round.
    pub current: Option<&'a ModelChoice>,
    /// It was chosen for this very step: what came of it there is accounted for already.
    pub is_of_step: bool,
    /// A person wants cheaper models.
    pub is_cheaper: bool,
    /// Those that answer nothing in this run.
    pub lost: &'a [Who],
}

/// A model, as `(provider, model)`.
pub(crate) type Who = (String, String);

/// Who has failed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Failed<'a> {
    /// Whose each fault of the step was.
    pub faults: &'a [Who],
    /// Those that answer nothing in this run, whatever is asked.
    pub lost: &'a [Who],
}

impl Failed<'_> {
    fn times(self, (provider, model): (&str, &str)) -> usize {
        let is_it = |who: &&Who| who.0 == provider && who.1 == model;
        self.faults.iter().filter(is_it).count()
    }

    fn has_lost(self, (provider, model): (&str, &str)) -> bool {
        self.lost.iter().any(|who| who.0 == provider && who.1 == model)
    }

    /// Whether a model has not been asked in the step.
    pub fn is_untried(self, choice: &ModelChoice) -> bool {
        let who = (choice.provider.as_str(), choice.model.as_str());
        self.times(who) == 0 && !self.has_lost(who)
    }
}

/// The points of a step, each with what it was given for.
pub(crate) fn score(situation: &Situation<'_>) -> Vec<ScorePart> {
    let goal = situation.goal.to_lowercase();
    let asks = goal
        .split([';', '\n', '?'])
        .flat_map(|part| part.split(". "))
        .filter(|part| part.split_whitespace().count() > 1)
        .count();
    let hard: Vec<_> = HARD_WORDS.iter().copied().filter(|word| goal.contains(word)).collect();
    let words = goal.split_whitespace().count();
    let context_tokens = situation.context_chars / 4;
    let parts = [
        (
            format!("a goal of {words} words"),
            match words {
                0..=40 => 0,
                41..=150 => 5,
                _ => 12,
            },
        ),
        (format!("{asks} requests in it"), points(asks.saturating_sub(1), 4, 16)),
        (format!("it asks to {}", hard.join(", ")), points(hard.len(), 8, 24)),
        (
            format!("material of about {context_tokens} tokens"),
            match context_tokens {
                0..=200 => 0,
                201..=2_000 => 4,
                2_001..=16_000 => 10,
                _ => 18,
            },
        ),
        (format!("{} tools to choose from", situation.tools), points(situation.tools, 2, 10)),
        (
            format!("{} steps so far", situation.steps),
            points(situation.steps.saturating_sub(2), 2, 10),
        ),
        (format!("{} failed calls", situation.failed_calls), points(situation.failed_calls, 4, 12)),
    ];
    parts
        .into_iter()
        .filter(|(_, points)| *points > 0)
        .map(|(what, points)| ScorePart { what, points })
        .collect()
}

fn points(count: usize, each: u32, most: u32) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(each).min(most)
}

/// The tier that so many points lead to.
pub(crate) const fn tier_of(points: u32) -> ModelTier {
    match points {
        0..MODERATE => ModelTier::Simple,
        MODERATE..COMPLEX => ModelTier::Moderate,
        _ => ModelTier::Complex,
    }
}

impl Models {
    /// The model for the next step, and why. What answers already goes on, unless the step asks for
    /// more; within a round no choice leads down.
    ///
    /// # Errors
    /// A sentence for a person, when this installation has no such model.
    pub(crate) fn decide(&self, situation: &Situation<'_>) -> Result<ModelChoice, String> {
        if !matches!(situation.policy, ModelPolicy::Auto) || self.tiers().is_none() {
            if let Some(current) = situation.current {
                return Ok(current.clone());
            }
            let chosen = self.choose(situation.policy)?;
            let reason = match situation.policy {
                ModelPolicy::Named { .. } => "the agent names it",
                ModelPolicy::Builtin => "the agent wants the built-in planner",
                ModelPolicy::Auto if chosen.model.provider() == "builtin" => {
                    "no language model is configured"
                }
                ModelPolicy::Auto => "it is the configured language model",
            };
            return Ok(self.choice(&chosen, None, reason.to_owned(), Vec::new()));
        }
        let score = score(situation);
        let total = score.iter().map(|part| part.points).sum();
        let wanted = if situation.is_cheaper { ModelTier::Simple } else { tier_of(total) };
        let failed = Failed { lost: situation.lost, ..Failed::default() };
        let current = situation.current.and_then(|current| Some((current, current.tier?)));
        let reason = match current {
            Some((current, tier))
                if (tier >= wanted && !situation.is_cheaper)
                    || (tier == ModelTier::Simple && situation.is_cheaper) =>
            {
                let beside = if situation.is_of_step { None } else { self.beside(current, failed) };
                return Ok(beside.unwrap_or_else(|| current.clone()));
            }
            _ if situation.is_cheaper => "a person chose the cheaper models".to_owned(),
            Some((_, tier)) => format!(
                "the step has become {} ({total} points), no longer {}",
                wanted.as_str(),
                tier.as_str()
            ),
            None => format!("the step is {} ({total} points)", wanted.as_str()),
        };
        self.first_of(wanted, failed, reason, score)
            .ok_or_else(|| format!("no model is configured for {} steps", wanted.as_str()))
    }

    /// A model of the same tier whose provider answers, while that of `current` rests. `None`: `current` may be
    /// asked, or no other is better off.
    fn beside(&self, current: &ModelChoice, failed: Failed<'_>) -> Option<ModelChoice> {
        let tier = current.tier?;
        if self.breakers.admits(&current.provider) {
            return None;
        }
        let is_well = |chosen: &Chosen| {
            !failed.has_lost(chosen.who()) && !self.is_resting(chosen.model.provider())
        };
        if !self.tiers()?[tier as usize].iter().any(is_well) {
            return None;
        }
        let (provider, model) = (&current.provider, &current.model);
        let reason = format!("{provider} {model} is not asked for now");
        self.other_of(tier, current, failed, reason)
    }

    /// The next model of the same tier, after `current` failed. `None`: there is no other that may
    /// answer. Models that failed in this step come last.
    pub(crate) fn fall_back(
        &self,
        current: &ModelChoice,
        failed: Failed<'_>,
        why: &str,
    ) -> Option<ModelChoice> {
        let reason = format!("{} {} failed: {why}", current.provider, current.model);
        self.other_of(current.tier?, current, failed, reason)
    }

    /// A model of the tiers above, after `current` came to nothing. `None`: there is none that may
    /// answer.
    pub(crate) fn escalate(
        &self,
        current: &ModelChoice,
        failed: Failed<'_>,
        why: &str,
    ) -> Option<ModelChoice> {
        let mut tier = current.tier?;
        let reason = format!("the model for {} steps came to nothing: {why}", tier.as_str());
        while let Some(above) = tier.above() {
            if let Some(next) = self.other_of(above, current, failed, reason.clone()) {
                return Some(next);
            }
            tier = above;
        }
        None
    }

    /// The first of a tier, when it is another than `current` and not lost.
    fn other_of(
        &self,
        tier: ModelTier,
        current: &ModelChoice,
        failed: Failed<'_>,
        reason: String,
    ) -> Option<ModelChoice> {
        let next = self.first_of(tier, failed, reason, Vec::new())?;
        let is_other = next.provider != current.provider || next.model != current.model;
        let is_lost = failed.has_lost((next.provider.as_str(), next.model.as_str()));
        (is_other && !is_lost).then_some(next)
    }

    /// How many models there are to answer in the place of this one, itself included.
    pub(crate) fn candidates(&self, choice: &ModelChoice) -> usize {
        let tiers = self.tiers().zip(choice.tier);
        tiers.map_or(1, |(tiers, tier)| tiers[tier as usize].len().max(1))
    }

    /// How many models could still take over from `current` in this step, that no one has asked: those
    /// of its tier, and of the tiers above where the step may climb.
    pub(crate) fn untried(
        &self,
        current: &ModelChoice,
        failed: Failed<'_>,
        may_climb: bool,
    ) -> usize {
        let Some((tiers, tier)) = self.tiers().zip(current.tier) else { return 0 };
        let top = if may_climb { ModelTier::Complex } else { tier };
        let all = tiers[tier as usize..=top as usize].iter().flatten().map(Chosen::who);
        let others = all.filter(|who| {
            *who != (current.provider.as_str(), current.model.as_str())
                && failed.times(*who) == 0
                && !failed.has_lost(*who)
        });
        others.collect::<BTreeSet<_>>().len()
    }

    /// The models that can tell a long conversation shorter, in the order in which they are asked, each
    /// with why it is: those for simple steps whose providers do not rest.
    pub(crate) fn summarisers(&self, lost: &[Who]) -> Vec<(Chosen, String)> {
        let (candidates, first) = match (self.tiers(), &self.language) {
            (Some(tiers), _) => {
                (tiers[ModelTier::Simple as usize].as_slice(), "it is the model for simple steps")
            }
            (None, Some(language)) => {
                (std::slice::from_ref(language), "it is the configured language model")
            }
            (None, None) => return Vec::new(),
        };
        let failed = Failed { lost, ..Failed::default() };
        let mut reason = first.to_owned();
        let mut found: Vec<(Chosen, String)> = Vec::new();
        for chosen in candidates {
            let provider = chosen.model.provider();
            if failed.has_lost(chosen.who()) {
                let _ = write!(reason, "; {chosen:?} answers nothing in this session");
            } else if self.is_resting(provider) {
                let _ = write!(reason, "; {provider} rests after failures");
            } else {
                found.push((chosen.clone(), reason.clone()));
            }
        }
        found
    }

    /// The models that draft agents, in the order in which they are asked: the language model, then those
    /// for moderate steps, and last whose provider rests.
    pub(crate) fn drafters(&self) -> Vec<Chosen> {
        let moderate = self.tiers().map(|tiers| tiers[ModelTier::Moderate as usize].as_slice());
        let mut found: Vec<Chosen> = Vec::new();
        for chosen in self.language.iter().chain(moderate.unwrap_or_default()) {
            if found.iter().all(|known| known.who() != chosen.who()) {
                found.push(chosen.clone());
            }
        }
        found.sort_by_key(|chosen| self.is_resting(chosen.model.provider()));
        found
    }

    /// The first model of a tier whose provider answers and that has not failed, then the one that
    /// failed least, then those that are lost.
    fn first_of(
        &self,
        tier: ModelTier,
        failed: Failed<'_>,
        mut reason: String,
        score: Vec<ScorePart>,
    ) -> Option<ModelChoice> {
        let candidates = &self.tiers()?[tier as usize];
        let best = loop {
            let best = candidates.iter().min_by_key(|chosen| {
                let (who, times) = (chosen.who(), failed.times(chosen.who()));
                (failed.has_lost(who), times > 0, self.is_resting(who.0), times)
            })?;
            // Where its rest was just over another request may have been quicker: it rests again then.
            if self.is_resting(best.model.provider()) || self.admits(best) {
                break best;
            }
        };
        let passed_over: Vec<_> = candidates
            .iter()
            .take_while(|chosen| !std::ptr::eq(*chosen, best))
            .filter(|chosen| self.is_resting(chosen.model.provider()))
            .map(|chosen| chosen.model.provider())
            .collect();
        if !passed_over.is_empty() {
            let _ = write!(reason, "; {} rests after failures", passed_over.join(", "));
        }
        Some(self.choice(best, Some(tier), reason, score))
    }

    /// The choice of a model, which tells where its price is unknown.
    fn choice(
        &self,
        chosen: &Chosen,
        tier: Option<ModelTier>,
        mut reason: String,
        score: Vec<ScorePart>,
    ) -> ModelChoice {
        let (provider, model) = (chosen.model.provider().to_owned(), chosen.name.clone());
        let guessed = self.guessed_price(chosen);
        if let Some((input, output)) = guessed {
            let (input, output) = (input / 1_000_000, output / 1_000_000);
            reason = format!(
                "{reason}; price unknown: {input} and {output} dollars per million tokens are counted \
                 until MODEL_FACTS names it"
            );
        }
        let is_price_presumed = guessed.is_some();
        ModelChoice { tier, provider, model, reason, score, is_price_presumed }
    }
}

#[cfg(test)]
mod tests;

//! The form that sets a listing's agent on a goal.

use leptos::ev::MouseEvent;
use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::budget::BudgetLimits;
use resonant_domain::listing::Example;
use resonant_domain::money::MicroUsd;
use resonant_domain::session::{CONTEXT_MAX, GOAL_MAX};
use resonant_domain::text::shorten;
use resonant_domain::variable::Variable;

use super::api::InstallAndRun;
use crate::error::{action_error, field_error};
use crate::features::studio::VariableFields;
use crate::intent::{Intent, IntentField};
use crate::language::{cost_text, tr, tr_count, tr_with};
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, FormError, Icon, IconName, TextArea};

/// How much of an example's goal its chip shows, in characters.
const CHIP_LENGTH: usize = 60;

/// Goal, material and the button that runs the agent. The examples fill the form; without scripts
/// each is a link to the page with the form filled in.
#[component]
pub(super) fn TryPanel(
    /// The listing.
    slug: String,
    /// The version that the viewer sees: another one is not run.
    version: i32,
    /// Goals to try it with.
    examples: Vec<Example>,
    /// The variables of its prompt.
    variables: Vec<Variable>,
    /// Which example the form starts with, counted from 0.
    chosen: usize,
    /// What a guest may use in a month; `None` for a member.
    guest_limits: Option<BudgetLimits>,
) -> impl IntoView {
    let chosen = RwSignal::new(chosen.min(examples.len().saturating_sub(1)));
    let example = examples.get(chosen.get_untracked()).cloned();
    let refused = refused_form();
    let first_goal = example.as_ref().map(|example| example.goal.clone());
    let goal = RwSignal::new(refused.text("goal").or(first_goal).unwrap_or_default());
    let first_context = example.and_then(|example| example.context);
    let context = RwSignal::new(refused.text("context").or(first_context).unwrap_or_default());

    let run = ServerAction::<InstallAndRun>::new();
    let intent = Intent::of(run);
    let error = action_error(run);

    let chips = examples
        .into_iter()
        .enumerate()
        .map(|(index, example)| {
            let is_chosen = move || chosen.get() == index;
            let text = shorten(&example.goal, CHIP_LENGTH);
            let fill = move |event: MouseEvent| {
                if event.ctrl_key() || event.meta_key() || event.shift_key() {
                    return;
                }
                event.prevent_default();
                chosen.set(index);
                goal.set(example.goal.clone());
                context.set(example.context.clone().unwrap_or_default());
            };
            view! {
                <li class="chips__item">
                    <a
                        class="chip chip--long"
                        class:is-selected=is_chosen
                        href=format!("?example={}#try", index + 1)
                        aria-current=move || is_chosen().then_some("true")
                        on:click=fill
                    >
                        {text}
                    </a>
                </li>
            }
        })
        .collect::<Vec<_>>();
    let chips = (chips.len() > 1).then(|| {
        view! {
            <div class="try__examples">
                <p class="try__label" id="examples-title">{tr("Examples")}</p>
                <ul class="chips" aria-labelledby="examples-title">{chips}</ul>
            </div>
        }
    });
    view! {
        <section class="try" id="try" aria-labelledby="try-title">
            <h2 class="try__title" id="try-title">{tr("Try it now")}</h2>
            <p class="listing__note">
                {lead(guest_limits)}
            </p>
            {chips}
            <ActionForm action=run attr:class="try__form">
                <FormError error=error fields=&["goal", "context"] />
                <input type="hidden" name="slug" value=slug />
                <input type="hidden" name="version" value=version.to_string() />
                <IntentField intent=intent />
                <TextArea
                    label=tr("Goal")
                    name="goal"
                    value=goal
                    on_input=Callback::new(move |text| goal.set(text))
                    rows=2
                    hint=tr("What it should do, in plain words")
                    error=field_error(error, "goal")
                    required=true
                    maxlength=GOAL_MAX
                />
                <TextArea
                    label=tr("Material")
                    name="context"
                    value=context
                    on_input=Callback::new(move |text| context.set(text))
                    rows=9
                    hint=tr("Your own text or data in place of the example; leave it empty if the goal says it all")
                    error=field_error(error, "context")
                    optional=true
                    maxlength=CONTEXT_MAX
                />
                <VariableFields variables=variables prefix="variables" error=error />
                <div class="try__actions">
                    <Button kind=ButtonKind::Primary busy=run.pending()>
                        <Icon name=IconName::Play />
                        {move || if run.pending().get() { tr("Starting…") } else { tr("Run it") }}
                    </Button>
                </div>
            </ActionForm>
        </section>
    }
}

/// What comes of it, and to whoever is no member what it takes.
fn lead(guest_limits: Option<BudgetLimits>) -> String {
    let Some(limits) = guest_limits else {
        let text = tr("The agent is added to your studio, and you watch each step as it happens.");
        return text.to_owned();
    };
    let text = tr(
        "No account needed. The agent is added to your studio, and you watch each step as it happens.",
    );
    bounds(limits).map_or_else(|| text.to_owned(), |bounds| format!("{text} {bounds}"))
}

/// What a guest may use, where that is bounded.
fn bounds(limits: BudgetLimits) -> Option<String> {
    let cost = limits.max_micro_usd.map(|micro| MicroUsd(i64::try_from(micro).unwrap_or(i64::MAX)));
    let tokens = limits.max_tokens.map(|count| tr_count("{n} token", "{n} tokens", count));
    let amount = match (cost.map(cost_text), tokens) {
        (Some(cost), Some(tokens)) => {
            tr_with("{cost} and {tokens}", &[("cost", &cost), ("tokens", &tokens)])
        }
        (one, other) => one.or(other)?,
    };
    Some(tr_with(
        "As a guest you have {amount} a month for all that you try; an account lifts that.",
        &[("amount", &amount)],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_told_what_there_is() {
        let told = |max_micro_usd, max_tokens| bounds(BudgetLimits { max_tokens, max_micro_usd });
        assert_eq!(told(None, None), None);
        let text = told(Some(50_000), Some(200_000)).unwrap();
        assert!(text.contains("$0.05 and 200,000 tokens a month"), "{text}");
        assert!(told(None, Some(1)).unwrap().contains("1 token a month"));
    }

    #[test]
    fn a_member_is_told_nothing_of_guests() {
        let limits = BudgetLimits { max_tokens: Some(9), max_micro_usd: None };
        let (guest, member) = (lead(Some(limits)), lead(None));
        assert!(guest.contains("No account needed") && guest.contains("As a guest"), "{guest}");
        assert!(member.starts_with("The agent is added") && !member.contains("guest"), "{member}");
    }
}

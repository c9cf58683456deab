//! The form of what an agent, or all agents together, may use in a month.

use leptos::html;
use leptos::prelude::*;
use resonant_domain::AgentId;

use super::usage_api::{OwnBudget, SetBudget};
use crate::error::{action_error, field_error};
use crate::features::studio::{ConflictNotice, dollars, is_conflict};
use crate::language::{decimal, tr};
use crate::refused_form::refused_form;
use crate::ui::{Button, Field, FormError};
use crate::{browser, paths};

/// The form of the limits of an agent, or of all agents together.
pub(super) fn limits_form(
    agent: Option<AgentId>,
    budget: OwnBudget,
    set: ServerAction<SetBudget>,
    latest: RwSignal<String>,
) -> AnyView {
    let own = agent.map(|id| id.to_string()).unwrap_or_default();
    let OwnBudget { used, version } = budget;
    let refused = refused_form();
    let is_refused = refused.text("agent").as_ref() == Some(&own);
    let typed = |name: &str| refused.text(name).filter(|_| is_refused);
    let limits = used.budget.limits;
    let written = |micro: u64| decimal(dollars(micro));
    let usd = typed("dollars").or_else(|| limits.max_micro_usd.map(written)).unwrap_or_default();
    let tokens = typed("tokens").or_else(|| limits.max_tokens.map(|most| most.to_string()));
    let seen = typed("seen").unwrap_or(version);
    let whose = own.clone();
    let any = action_error(set);
    let error = Signal::derive(move || {
        let is_own = latest.try_with(|latest| *latest == whose) == Some(true);
        any.try_get().flatten().filter(|_| is_own)
    });
    let is_conflict = is_conflict(error);
    let other = Signal::derive(move || {
        error.try_get().flatten().filter(|_| is_conflict.try_get() != Some(true))
    });
    let place = if own.is_empty() { "all".to_owned() } else { own.clone() };
    let theirs = agent.map_or_else(|| paths::USAGE.to_owned(), paths::usage_of);
    // Agents join the list and change places in it: what was typed for one is no other's.
    let (node, of) = (NodeRef::<html::Form>::new(), own.clone());
    Effect::new(move || browser::begin_anew(node, &of));
    view! {
        <ActionForm action=set node_ref=node>
            <div class="form">
                <FormError error=other fields=&["max_tokens", "max_micro_usd"] />
                <ConflictNotice
                    text=tr(
                        "This was changed elsewhere after you opened it. Nothing of yours is lost: it still \
                        stands in the form.",
                    )
                    is_there=is_conflict
                    busy=set.pending()
                    theirs
                />
                <input type="hidden" name="agent" value=own />
                <input type="hidden" name="seen" value=seen />
                <div class="agent-form__limits">
                    <Field
                        label=tr("Dollars in a month")
                        name="dollars"
                        id=format!("dollars-{place}")
                        value=usd
                        optional=true
                        autocomplete="off"
                        hint=tr("Such as 0.50; empty for no limit")
                        error=field_error(error, "max_micro_usd")
                    />
                    <Field
                        label=tr("Tokens in a month")
                        name="tokens"
                        id=format!("tokens-{place}")
                        value=tokens.unwrap_or_default()
                        optional=true
                        autocomplete="off"
                        hint=tr("Such as 100000; empty for no limit")
                        error=field_error(error, "max_tokens")
                    />
                </div>
                <Button busy=set.pending()>{tr("Save limits")}</Button>
            </div>
        </ActionForm>
    }
    .into_any()
}

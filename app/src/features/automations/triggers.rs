//! Triggers on the page of automations: addresses at which a message starts an agent.

use leptos::prelude::*;
use resonant_domain::agent::AgentSummary;
use resonant_domain::text::shorten;
use resonant_domain::webhook::{Trigger, WithKey};
use server_fn::ServerFn as _;

use super::api::DeleteTrigger;
use super::automations_route::{Actions, AgentChoice, GoalFields, SigningKey, typed_beside};
use super::schedules::GOAL_LENGTH;
use crate::error::{action_error, removal_error};
use crate::language::{tr, tr_with};
use crate::ui::{Button, Confirm, FormError};

/// The triggers, and the form for a new one.
#[component]
pub(super) fn Triggers(
    /// Those that there are.
    triggers: Vec<WithKey<Trigger>>,
    /// The agents to choose from.
    agents: Vec<AgentSummary>,
    /// What the forms do.
    actions: Actions,
) -> impl IntoView {
    let (create, delete) = (actions.create_trigger, actions.delete_trigger);
    let error = action_error(create);
    let typed = typed_beside("cron", false);
    let rows = triggers
        .into_iter()
        .map(|WithKey { made, signing_key }| {
            let Trigger { id, path, goal, .. } = made;
            let question = tr_with("Delete {name}?", &[("name", &path)]);
            let about = tr_with(
                "the trigger at {path}: {goal}",
                &[("path", &path), ("goal", &shorten(&goal, GOAL_LENGTH))],
            );
            view! {
                <li class="secret">
                    <p>{goal}</p>
                    <code class="secret__name">{path}</code>
                    <SigningKey signing_key />
                    <Confirm
                        label=tr("Delete")
                        about
                        question
                        text=tr("Messages to this address start nothing any more. Nobody can bring it back.")
                        url=DeleteTrigger::url()
                        fields=vec![("id", id.to_string())]
                        busy=delete.pending()
                        on_yes=move |()| {
                            delete.dispatch(DeleteTrigger { id });
                        }
                    />
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="account__part" aria-labelledby="triggers-title">
            <h2 id="triggers-title">{tr("Triggers")}</h2>
            <p>{tr("A signed message to one of these addresses starts a session; its body is the context.")}</p>
            <FormError error=removal_error(delete) />
            <ul class="secret-list">{rows}</ul>
            <ActionForm action=create>
                <div class="form">
                    <FormError error fields=&["goal", "variables*"] />
                    <AgentChoice agents id="trigger-agent" />
                    <GoalFields
                        of="trigger"
                        goal=typed("goal")
                        variables=typed("variables")
                        error
                    />
                    <Button busy=create.pending()>{tr("Add trigger")}</Button>
                </div>
            </ActionForm>
        </section>
    }
}

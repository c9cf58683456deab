//! The test sets of a bench: each with the ways to run, change and delete it, and all to be run at once.

use leptos::form::ActionForm;
use leptos::html;
use leptos::prelude::*;
use resonant_domain::ids::AgentId;
use resonant_domain::test_set::TestSet;

use super::bench_api::{DeleteTestSet, RunAllTestSets, RunTestSet};
use super::bench_run::Verdict;
use super::edition_field::EditionField;
use crate::language::{tr, tr_count};
use crate::ui::{Button, ButtonKind, LinkButton, Time};
use crate::{browser, paths};

/// So many versions can be chosen from a list, which each set has.
const LISTED: u32 = 50;

/// Runs all sets at once.
#[component]
pub(super) fn RunAll(
    id: AgentId,
    newest: u32,
    run_all: ServerAction<RunAllTestSets>,
) -> impl IntoView {
    view! {
        <ActionForm action=run_all attr:class="bench__run">
            <input type="hidden" name="id" value=id.to_string() />
            <EditionField
                label=tr("Against")
                name="version"
                id="version-of-all"
                draft=""
                newest
                most=LISTED
                value=Signal::stored(String::new())
            />
            <Button busy=run_all.pending()>{tr("Run all test sets")}</Button>
        </ActionForm>
    }
}

/// A set, and what its newest run came to.
#[component]
pub(super) fn SetRow(
    id: AgentId,
    set: TestSet,
    newest: u32,
    run: ServerAction<RunTestSet>,
    delete: ServerAction<DeleteTestSet>,
    may_edit: bool,
) -> impl IntoView {
    let cases = tr_count("{n} case", "{n} cases", set.cases.len() as u64);
    // Beside the word on each button, for those who hear it alone.
    let hidden = StoredValue::new(format!(" {}", set.name));
    let last = match &set.last_run {
        None => view! { <span class="secret__about">{tr("has not run yet")}</span> }.into_any(),
        Some(last) => {
            view! { <Verdict run=last.clone() /> " " <Time at=last.started_at /> }.into_any()
        }
    };
    let against = format!("version-{}", set.id);
    // The row of a set that is deleted becomes the next one's.
    let (node, of) = (NodeRef::<html::Form>::new(), set.id.to_string());
    Effect::new(move || browser::begin_anew(node, &of));
    let forms = may_edit.then(|| {
        view! {
            <div class="tools__actions">
                <ActionForm action=run node_ref=node attr:class="bench__run">
                    <input type="hidden" name="id" value=id.to_string() />
                    <input type="hidden" name="set" value=set.id.to_string() />
                    <EditionField
                        label=tr("Against")
                        name="version"
                        id=against
                        draft=""
                        newest
                        most=LISTED
                        value=Signal::stored(String::new())
                    />
                    <Button kind=ButtonKind::Primary busy=run.pending()>
                        {tr("Run")} <span class="visually-hidden">{hidden.get_value()}</span>
                    </Button>
                </ActionForm>
                <LinkButton href=paths::edit_test_set(id, set.id)>
                    {tr("Edit")} <span class="visually-hidden">{hidden.get_value()}</span>
                </LinkButton>
                <ActionForm action=delete>
                    <input type="hidden" name="id" value=id.to_string() />
                    <input type="hidden" name="set" value=set.id.to_string() />
                    <Button kind=ButtonKind::Danger busy=delete.pending()>
                        {tr("Delete")} <span class="visually-hidden">{hidden.get_value()}</span>
                    </Button>
                </ActionForm>
            </div>
        }
    });
    view! {
        <li class="secret">
            <div class="secret__head">
                <h3 class="secret__name">
                    <a href=paths::test_set(id, set.id)>{set.name.clone()}</a>
                </h3>
                <span class="secret__about">{cases}</span>
                <span>{last}</span>
            </div>
            {forms}
        </li>
    }
}

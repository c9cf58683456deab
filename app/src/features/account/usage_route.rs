//! `/account/usage`: what the viewer's agents used, and what they may use in a month.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::budget::{Budget, BudgetLimits};
use resonant_domain::money::MicroUsd;
use resonant_domain::usage::{AGENTS_MAX, BudgetUse, COUNTED_MAX, DAYS};
use resonant_domain::{AgentId, FaultKind};

use super::limits_form::limits_form;
use super::usage_api::{AgentBudget, SetBudget, UsagePage, UsedInMonth, get_usage};
use super::usage_chart::UsageChart;
use crate::error::{AppError, successes};
use crate::features::studio::presumed_note;
use crate::language::{cost_text, key, number, tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::state::use_toasts;
use crate::ui::{
    LinkButton, Notice, PageHead, Skeleton, Tone, cannot_be_shown, kept, month_text, own_page_fault,
};

/// The page of usage and budgets.
pub struct UsageRoute {
    usage: Resource<Result<UsagePage, AppError>>,
    set: ServerAction<SetBudget>,
}

impl LazyPage for UsageRoute {
    fn data() -> Self {
        let query = use_query_map();
        let agent = Memo::new(move |_| query.read().get("agent").filter(|id| !id.is_empty()));
        let set = ServerAction::new();
        let saved = successes(set);
        let usage = Resource::new_blocking(
            move || (agent.get(), saved.get()),
            |(agent, _)| async move {
                let agent = agent.map(|id| id.parse::<AgentId>()).transpose();
                let agent =
                    agent.map_err(|_| AppError::not_found(key("There is no such agent")))?;
                get_usage(agent).await
            },
        );
        Self { usage, set }
    }

    fn view(this: Self) -> AnyView {
        let UsageRoute { usage, set } = this;
        let toasts = use_toasts();
        let saved = successes(set);
        Effect::new(move |before: Option<usize>| {
            let now = saved.get();
            if before.is_some_and(|before| before != now) {
                toasts.show(Tone::Good, tr("Saved"));
            }
            now
        });
        view! {
            <Title text=tr("Usage and budget") />
            <Meta
                name="description"
                content=tr("What your agents used, and what they may use in a month")
            />
            <Transition fallback=|| {
                view! { <Skeleton lines=12 /> }
            }>
                {kept(move || async move {
                    match usage.await {
                        Ok(usage) => page(usage, set),
                        Err(error) if error.kind == FaultKind::NotFound => {
                            cannot_be_shown(tr("This budget cannot be shown"), error)
                        }
                        Err(error) => {
                            own_page_fault(
                                tr("Usage and budget"),
                                tr("Sign in to see what your agents used."),
                                paths::USAGE,
                                error,
                            )
                        }
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

fn page(usage: UsagePage, set: ServerAction<SetBudget>) -> AnyView {
    let UsagePage {
        month,
        today,
        all,
        guest,
        agents,
        wanted,
        refused,
        days,
        months,
        presumed_prices,
    } = usage;
    // All forms share the action: an error belongs to the form that was sent last.
    // Server and browser know of a refused form by the same answer, and so draw the same.
    let latest = RwSignal::new(refused.unwrap_or_default());
    Effect::new(move || {
        if let Some(input) = set.input().get() {
            latest.set(input.agent);
        }
    });
    let is_whole = agents.len() < usize::try_from(AGENTS_MAX).unwrap_or(usize::MAX);
    let rows: Vec<_> =
        agents.into_iter().map(|agent| agent_row(agent, wanted, set, latest)).collect();
    let nothing = rows.is_empty().then(|| view! { <p>{tr("None has used anything yet.")}</p> });
    let more = (!is_whole).then(|| {
        let text = tr_with("The {n} agents that cost most are shown.", &[("n", &AGENTS_MAX)]);
        view! { <p class="secret__about">{text}</p> }
    });
    let chart = if days.is_empty() {
        view! { <p>{tr("No session within the last 30 days.")}</p> }.into_any()
    } else {
        view! { <UsageChart days today /> }.into_any()
    };
    let counted = tr_with(
        "Each session counts on the day on which it was started. Counted are the newest {sessions} sessions \
         of the last {days} days.",
        &[("sessions", &number(COUNTED_MAX.unsigned_abs())), ("days", &DAYS)],
    );
    view! {
        <div class="account">
            <PageHead
                title=tr("Usage and budget")
                lead=tr(
                    "What your agents used and may use in a month. A session that runs into a limit waits and \
                    asks you. Months and days are those of UTC.",
                )
            >
                <LinkButton href=paths::ACCOUNT>{tr("Back to your account")}</LinkButton>
            </PageHead>
            {guest.map(guest_notice)}
            {presumed_note(&presumed_prices)}
            <section class="account__part" aria-labelledby="usage-all">
                <h2 id="usage-all">
                    {tr_with("All agents, {month}", &[("month", &month_text(&month))])}
                </h2>
                {sheet(tr("All agents"), all.used)}
                {limits_form(None, all, set, latest)}
            </section>
            <section class="account__part" aria-labelledby="usage-agents">
                <h2 id="usage-agents">
                    {tr_with("By agent, {month}", &[("month", &month_text(&month))])}
                </h2>
                {nothing}
                <ul class="secret-list">{rows}</ul>
                {more}
                <p class="secret__about">
                    {tr(
                        "An agent is listed once it has used something or has a limit. Any other has a way here \
                        from its numbers.",
                    )}
                </p>
            </section>
            <section class="account__part" aria-labelledby="usage-days">
                <h2 id="usage-days">{tr("By day")}</h2>
                {chart}
                <p class="secret__about">{counted}</p>
            </section>
            {(!months.is_empty()).then(|| months_part(months))}
        </div>
    }
    .into_any()
}

/// What the operator lets guests use.
fn guest_notice(limits: BudgetLimits) -> AnyView {
    let amounts = [
        limits.max_micro_usd.map(dollars),
        limits.max_tokens.map(|tokens| tr_with("{tokens} tokens", &[("tokens", &number(tokens))])),
    ];
    let amounts: Vec<_> = amounts.into_iter().flatten().collect();
    let text = tr_with(
        "As a guest you may use {amounts} in a month, whatever you set here. An account lifts that.",
        &[("amounts", &amounts.join(", "))],
    );
    view! {
        <Notice tone=Tone::Info>
            <p>{text}</p>
            <LinkButton href=paths::SIGN_UP>{tr("Create an account")}</LinkButton>
        </Notice>
    }
    .into_any()
}

fn agent_row(
    agent: AgentBudget,
    wanted: Option<AgentId>,
    set: ServerAction<SetBudget>,
    latest: RwSignal<String>,
) -> AnyView {
    let AgentBudget { id, name, budget } = agent;
    let used = budget.used;
    let Some(name) = name else {
        return view! {
            <li class="secret">
                <h3 class="secret__name">{tr("A deleted agent")}</h3>
                {sheet(tr("A deleted agent"), used)}
            </li>
        }
        .into_any();
    };
    let own = id.to_string();
    // What was asked for, and a form that was refused, are seen at once.
    let is_open = wanted == Some(id) || refused_form().text("agent").as_ref() == Some(&own);
    view! {
        <li class="secret">
            <h3 class="secret__name">
                <a href=paths::agent(id)>{name.clone()}</a>
            </h3>
            {sheet(&name, used)}
            <details open=is_open>
                <summary>
                    {tr("Limits")}
                    <span class="visually-hidden">{format!(": {name}")}</span>
                </summary>
                {limits_form(Some(id), budget, set, latest)}
            </details>
        </li>
    }
    .into_any()
}

/// Used, set aside, limit and raise of a month, in dollars and in tokens.
fn sheet(name: &str, used: BudgetUse) -> AnyView {
    let BudgetUse { budget, reserved_tokens, reserved_micro_usd } = used;
    let Budget { limits, used_tokens, used_micro_usd, raised_tokens, raised_micro_usd } = budget;
    let lines = [
        (
            tr("Dollars"),
            dollars as fn(u64) -> String,
            (used_micro_usd, reserved_micro_usd, limits.max_micro_usd, raised_micro_usd),
        ),
        (
            tr("Tokens"),
            number as fn(u64) -> String,
            (used_tokens, reserved_tokens, limits.max_tokens, raised_tokens),
        ),
    ];
    let rows = lines
        .into_iter()
        .map(|(unit, text, (used, reserved, limit, raised))| {
            let of = percent(used.saturating_add(reserved), limit, raised)
                .map(|percent| format!(" ({percent} %)"));
            view! {
                <tr>
                    <th scope="row">{unit}</th>
                    <td>{text(used)} {of}</td>
                    <td>{text(reserved)}</td>
                    <td>{limit.map_or_else(|| tr("no limit").to_owned(), text)}</td>
                    <td>{text(raised)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div
            class="numbers__table usage__sheet"
            tabindex="0"
            role="region"
            aria-label=tr_with("The month of {name}", &[("name", &name)])
        >
            <table class="diff__table">
                <thead>
                    <tr>
                        <td></td>
                        <th scope="col">{tr("Used")}</th>
                        <th scope="col">{tr("Set aside")}</th>
                        <th scope="col">{tr("Limit")}</th>
                        <th scope="col">{tr("Raised by")}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// How far a limit is gone, with what it was raised by.
fn percent(gone: u64, limit: Option<u64>, raised: u64) -> Option<u64> {
    let most = u128::from(limit?.saturating_add(raised)).max(1);
    u64::try_from(u128::from(gone) * 100 / most).ok()
}

fn dollars(micro_usd: u64) -> String {
    cost_text(MicroUsd(i64::try_from(micro_usd).unwrap_or(i64::MAX)))
}

fn months_part(months: Vec<UsedInMonth>) -> AnyView {
    let rows = months
        .into_iter()
        .map(|used| {
            view! {
                <tr>
                    <th scope="row">{month_text(&used.month)}</th>
                    <td>{number(used.tokens)}</td>
                    <td>{cost_text(used.cost)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="account__part" aria-labelledby="usage-months">
            <h2 id="usage-months">{tr("By month")}</h2>
            <div class="numbers__table" tabindex="0" role="region" aria-label=tr("Usage by month")>
                <table class="diff__table">
                    <thead>
                        <tr>
                            <th scope="col">{tr("Month")}</th>
                            <th scope="col">{tr("Tokens")}</th>
                            <th scope="col">{tr("Cost")}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::studio::dollars as dollars_alone;

    #[test]
    fn a_limit_is_gone_with_what_it_was_raised_by() {
        for (gone, limit, raised, expected) in [
            (0, None, 0, None),
            (50, Some(100), 0, Some(50)),
            (50, Some(100), 100, Some(25)),
            (300, Some(100), 0, Some(300)),
            (u64::MAX, Some(u64::MAX), 1, Some(100)),
        ] {
            assert_eq!(percent(gone, limit, raised), expected, "{gone} of {limit:?}");
        }
    }

    #[test]
    fn money_reads_as_a_field_and_as_a_text() {
        assert_eq!((dollars_alone(250_000).as_str(), dollars(250_000).as_str()), ("0.25", "$0.25"));
        assert_eq!(dollars_alone(1_125_000), "1.1250");
    }
}

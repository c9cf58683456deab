//! `/admin`: how the parts of the installation stand.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::operations::{
    CacheUse, Ended, Group, Limited, ModelUse, MoveStanding, Overview, ProviderStanding,
    ReplicaStanding, ShardStanding,
};
use resonant_domain::session::SessionState;

use super::admin_frame::{AdminHead, PERIODS, PeriodSwitch, Refused, WideTable, chosen_period};
use super::api::get_overview;
use super::chart::Charts;
use super::figures::figure_text;
use super::process_table::ProcessTable;
use super::refresh::Refresh;
use crate::error::AppError;
use crate::language::{number, tr, tr_count, tr_text, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{Badge, Notice, Skeleton, Time, Tone, kept};

/// The page of the overview.
pub struct OverviewRoute {
    period: Memo<&'static str>,
    overview: Resource<Result<Overview, AppError>>,
}

impl LazyPage for OverviewRoute {
    fn data() -> Self {
        let query = use_query_map();
        let period = Memo::new(move |_| chosen_period(query.read().get("period").as_deref()));
        let overview =
            Resource::new_blocking(move || period.get(), |period| get_overview(period.to_owned()));
        Self { period, overview }
    }

    fn view(this: Self) -> AnyView {
        let OverviewRoute { period, overview } = this;
        let ask = Callback::new(move |()| overview.refetch());
        let when = Signal::derive(move || overview.with(|answer| matches!(answer, Some(Ok(_)))));
        view! {
            <Title text=tr("Administration") />
            <Meta name="description" content=tr("How the parts of this installation stand") />
            <Transition fallback=|| {
                view! { <Skeleton lines=12 /> }
            }>
                {kept(move || async move {
                    match overview.await {
                        Ok(overview) => {
                            let period = period.try_get_untracked().unwrap_or(PERIODS[0].0);
                            view! { <Parts period overview /> }.into_any()
                        }
                        Err(error) => view! { <Refused error /> }.into_any(),
                    }
                })}
            </Transition>
            <Refresh ask when />
        }
        .into_any()
    }
}

#[component]
fn Parts(period: &'static str, overview: Overview) -> impl IntoView {
    let Overview { at, groups, times, charts, ended, processes, caches, .. } = overview;
    let Overview { replicas, shards, moves, limited, providers, models, .. } = overview;
    let Overview { firing, alerts, .. } = overview;
    let groups = groups.into_iter().map(|group| view! { <Figures group /> }).collect_view();
    view! {
        <AdminHead
            title=tr("Administration")
            lead=tr("How the parts of this installation stand, over all processes")
            here=paths::ADMIN
        />
        <PeriodSwitch path=paths::ADMIN period />
        <Firing firing alerts />
        <div class="admin-groups">{groups} <HowEnded ended /></div>
        <h2>{tr("Over the period")}</h2>
        <Charts charts times />
        <h2>{tr("Processes")}</h2>
        <ProcessTable processes />
        <h2>{tr("Cache, by kind of key")}</h2>
        <Caches caches />
        <h2>{tr("Replicas")}</h2>
        <Replicas replicas />
        <h2>{tr("Databases of owners")}</h2>
        <Shards shards moves />
        <h2>{tr("Who asked too often")}</h2>
        <WhoWasLimited limited />
        <h2>{tr("Models")}</h2>
        <Models models />
        <h2>{tr("Providers of models")}</h2>
        <Providers providers />
        <p class="admin-note">{tr("Measured until ")} <Time at /></p>
    }
}

#[component]
fn Firing(firing: u64, alerts: u64) -> impl IntoView {
    let (tone, text) = match (firing, alerts) {
        (0, 0) => (Tone::Neutral, tr("There are no alerts yet").to_owned()),
        (0, _) => (Tone::Good, tr("No alert fires").to_owned()),
        _ => (Tone::Bad, tr_count("An alert fires", "{n} alerts fire", firing)),
    };
    view! {
        <Notice tone>
            <p>{text} ". " <a href=paths::ALERTS>{tr("See the alerts")}</a></p>
        </Notice>
    }
}

#[component]
fn Figures(group: Group) -> impl IntoView {
    let Group { title, figures } = group;
    let figures = figures
        .into_iter()
        .map(|shown| {
            view! {
                <div class="admin-group__line">
                    <dt>{tr_text(shown.title)}</dt>
                    <dd>{figure_text(shown.value, &shown.unit)}</dd>
                </div>
            }
        })
        .collect_view();
    view! {
        <section class="admin-group">
            <h2>{tr_text(title)}</h2>
            <dl>{figures}</dl>
        </section>
    }
}

/// How sessions ended. Nothing when none did.
#[component]
fn HowEnded(ended: Vec<Ended>) -> impl IntoView {
    if ended.is_empty() {
        return ().into_any();
    }
    let lines = ended
        .into_iter()
        .map(|Ended { state, sessions }| {
            let known = SessionState::parse(&state);
            let title = known.map_or(state, |state| tr(state.title()).to_owned());
            view! {
                <div class="admin-group__line">
                    <dt>{title}</dt>
                    <dd>{number(sessions)}</dd>
                </div>
            }
        })
        .collect_view();
    view! {
        <section class="admin-group">
            <h2>{tr("Sessions by how they ended")}</h2>
            <dl>{lines}</dl>
        </section>
    }
    .into_any()
}

#[component]
fn Caches(caches: Vec<CacheUse>) -> impl IntoView {
    if caches.is_empty() {
        return view! { <p>{tr("Nothing was looked up in this period.")}</p> }.into_any();
    }
    let row = |used: CacheUse| {
        let rate = used.hit_percent().map_or_else(|| "–".to_owned(), |rate| format!("{rate} %"));
        view! {
            <tr>
                <th scope="row">
                    <code>{used.kind}</code>
                </th>
                <td>{number(used.hits)}</td>
                <td>{number(used.misses)}</td>
                <td>{rate}</td>
                <td>{number(used.stale)}</td>
                <td>{number(used.entries)}</td>
                <td>{format!("{} kB", number(used.bytes.div_ceil(1_000)))}</td>
            </tr>
        }
    };
    view! {
        <WideTable
            label=tr("Cache, by kind of key")
            columns=[
                tr("Kind"),
                tr("Answered"),
                tr("Not answered"),
                tr("Hit rate"),
                tr("Stale"),
                tr("Things"),
                tr("Size"),
            ]
        >
            {caches.into_iter().map(row).collect_view()}
        </WideTable>
        <p class="admin-note">
            {tr(
                "The last three are those of the processes that are there: stale answers since they began, things and size at present.",
            )}
        </p>
    }
    .into_any()
}

#[component]
fn Models(models: Vec<ModelUse>) -> impl IntoView {
    if models.is_empty() {
        return view! { <p>{tr("No model was asked in this period.")}</p> }.into_any();
    }
    let row = |model: ModelUse| {
        view! {
            <tr>
                <th scope="row">{model.name}</th>
                <td>{number(model.replies)}</td>
                <td>{figure_text(model.p50_ms, "ms")}</td>
                <td>{figure_text(model.p99_ms, "ms")}</td>
                <td>{number(model.errors)}</td>
            </tr>
        }
    };
    view! {
        <WideTable
            label=tr("Models")
            columns=[tr("Model"), tr("Replies"), "p50", "p99", tr("Errors")]
        >
            {models.into_iter().map(row).collect_view()}
        </WideTable>
    }
    .into_any()
}

#[component]
fn Replicas(replicas: Vec<ReplicaStanding>) -> impl IntoView {
    if replicas.is_empty() {
        return view! { <p>{tr("None are configured: the primary answers everyone.")}</p> }
            .into_any();
    }
    let line = |replica: ReplicaStanding| {
        let ReplicaStanding { name, lag_ms, used_by, known_to } = replica;
        let (tone, text) = match lag_ms {
            Some(lag) if used_by == known_to => {
                (Tone::Good, tr_with("In use, {lag} ms behind", &[("lag", &lag)]))
            }
            Some(lag) => (
                Tone::Warn,
                tr_with(
                    "In use by {used_by} of {known_to} processes, {lag} ms behind",
                    &[("used_by", &used_by), ("known_to", &known_to), ("lag", &lag)],
                ),
            ),
            None => (Tone::Bad, tr("Not in use").to_owned()),
        };
        view! { <li>{name} " " <Badge tone>{text}</Badge></li> }
    };
    view! {
        <ul class="admin-list">{replicas.into_iter().map(line).collect_view()}</ul>
        <p class="admin-note">
            {tr("The farthest behind that any process saw them within ten seconds.")}
        </p>
    }
    .into_any()
}

#[component]
fn Shards(shards: Vec<ShardStanding>, moves: Vec<MoveStanding>) -> impl IntoView {
    if shards.len() < 2 {
        return view! { <p>{tr("There is one database: it holds what all owners own.")}</p> }
            .into_any();
    }
    let line = |ShardStanding { number, buckets }| {
        tr_with("Shard {number}: {buckets} buckets", &[("number", &number), ("buckets", &buckets)])
    };
    let shards = shards.into_iter().map(|shard| view! { <li>{line(shard)}</li> }).collect_view();
    let moves = moves.into_iter().map(|MoveStanding { bucket, from, to }| {
        let text = tr_with(
            "Bucket {bucket} is on its way from shard {from} to shard {to}",
            &[("bucket", &bucket), ("from", &from), ("to", &to)],
        );
        view! { <li><Badge tone=Tone::Info>{text}</Badge></li> }
    });
    view! { <ul class="admin-list">{shards} {moves.collect_view()}</ul> }.into_any()
}

#[component]
fn WhoWasLimited(limited: Vec<Limited>) -> impl IntoView {
    if limited.is_empty() {
        return view! { <p>{tr("Nobody, in this period.")}</p> }.into_any();
    }
    let row = |one: Limited| {
        view! {
            <tr>
                <th scope="row">
                    <code>{one.who}</code>
                </th>
                <td>{number(one.refused)}</td>
            </tr>
        }
    };
    view! {
        <WideTable
            label=tr("Who asked too often")
            columns=[tr("Limit and caller"), tr("Requests refused")]
        >
            {limited.into_iter().map(row).collect_view()}
        </WideTable>
    }
    .into_any()
}

#[component]
fn Providers(providers: Vec<ProviderStanding>) -> impl IntoView {
    if providers.is_empty() {
        return view! { <p>{tr("None are configured: the built-in planner answers.")}</p> }
            .into_any();
    }
    let row = |provider: ProviderStanding| {
        let ProviderStanding { name, resting_in, known_to, replies, errors } = provider;
        let (tone, text) = match resting_in {
            0 => (Tone::Good, tr("Is asked").to_owned()),
            _ if resting_in == known_to => {
                (Tone::Bad, tr("Rests after several errors in a row").to_owned())
            }
            _ => (
                Tone::Warn,
                tr_with(
                    "Rests in {resting_in} of {known_to} processes",
                    &[("resting_in", &resting_in), ("known_to", &known_to)],
                ),
            ),
        };
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>
                    <Badge tone>{text}</Badge>
                </td>
                <td>{number(replies)}</td>
                <td>{number(errors)}</td>
            </tr>
        }
    };
    view! {
        <WideTable
            label=tr("Providers of models")
            columns=[tr("Provider"), tr("Standing"), tr("Replies"), tr("Errors")]
        >
            {providers.into_iter().map(row).collect_view()}
        </WideTable>
    }
    .into_any()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn the_numbers_of_a_cache_are_written_as_the_language_has_them() {
        Owner::new().with(|| {
            provide_context(Language::German);
            let used = CacheUse {
                kind: "agent".to_owned(),
                hits: 1_234_567,
                bytes: 5_000_001,
                ..CacheUse::default()
            };
            let html = view! { <Caches caches=vec![used] /> }.to_html();
            assert!(html.contains("1.234.567") && html.contains("5.001 kB"), "{html}");
        });
    }
}

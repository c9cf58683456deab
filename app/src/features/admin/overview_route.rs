//! `/admin`: how the parts of the installation stand.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::use_query_map;
use resonant_domain::operations::{
    CacheUse, Ended, Group, Limited, ModelUse, MoveStanding, Overview, ProviderStanding,
    ReplicaStanding, ShardStanding, figure_text,
};
use resonant_domain::session::SessionState;

use super::admin_frame::{AdminHead, PERIODS, PeriodSwitch, Refused, WideTable, chosen_period};
use super::api::get_overview;
use super::chart::Charts;
use super::process_table::ProcessTable;
use super::refresh::Refresh;
use crate::error::AppError;
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::ui::{Badge, Notice, Skeleton, Time, Tone};

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
            <Title text="Administration" />
            <Meta name="description" content="How the parts of this installation stand" />
            <Transition fallback=|| {
                view! { <Skeleton lines=12 /> }
            }>
                {move || Suspend::new(async move {
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
            title="Administration"
            lead="How the parts of this installation stand, over all processes"
            here=paths::ADMIN
        />
        <PeriodSwitch path=paths::ADMIN period />
        <Firing firing alerts />
        <div class="admin-groups">{groups} <HowEnded ended /></div>
        <h2>"Over the period"</h2>
        <Charts charts times />
        <h2>"Processes"</h2>
        <ProcessTable processes />
        <h2>"Cache, by kind of key"</h2>
        <Caches caches />
        <h2>"Replicas"</h2>
        <Replicas replicas />
        <h2>"Databases of owners"</h2>
        <Shards shards moves />
        <h2>"Who asked too often"</h2>
        <WhoWasLimited limited />
        <h2>"Models"</h2>
        <Models models />
        <h2>"Providers of models"</h2>
        <Providers providers />
        <p class="admin-note">"Measured until " <Time at /></p>
    }
}

#[component]
fn Firing(firing: u64, alerts: u64) -> impl IntoView {
    let (tone, text) = match (firing, alerts) {
        (0, 0) => (Tone::Neutral, "There are no alerts yet".to_owned()),
        (0, _) => (Tone::Good, "No alert fires".to_owned()),
        (1, _) => (Tone::Bad, "An alert fires".to_owned()),
        _ => (Tone::Bad, format!("{firing} alerts fire")),
    };
    view! {
        <Notice tone>
            <p>{text} ". " <a href=paths::ALERTS>"See the alerts"</a></p>
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
                    <dt>{shown.title}</dt>
                    <dd>{figure_text(shown.value, &shown.unit)}</dd>
                </div>
            }
        })
        .collect_view();
    view! {
        <section class="admin-group">
            <h2>{title}</h2>
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
            let title = SessionState::parse(&state).map_or(state, |state| state.title().to_owned());
            view! {
                <div class="admin-group__line">
                    <dt>{title}</dt>
                    <dd>{sessions}</dd>
                </div>
            }
        })
        .collect_view();
    view! {
        <section class="admin-group">
            <h2>"Sessions by how they ended"</h2>
            <dl>{lines}</dl>
        </section>
    }
    .into_any()
}

#[component]
fn Caches(caches: Vec<CacheUse>) -> impl IntoView {
    if caches.is_empty() {
        return view! { <p>"Nothing was looked up in this period."</p> }.into_any();
    }
    let row = |used: CacheUse| {
        let rate = used.hit_percent().map_or_else(|| "–".to_owned(), |rate| format!("{rate} %"));
        view! {
            <tr>
                <th scope="row">{used.kind}</th>
                <td>{used.hits}</td>
                <td>{used.misses}</td>
                <td>{rate}</td>
                <td>{used.stale}</td>
                <td>{used.entries}</td>
                <td>{format!("{} kB", used.bytes.div_ceil(1_000))}</td>
            </tr>
        }
    };
    view! {
        <WideTable
            label="Cache, by kind of key"
            columns=&["Kind", "Answered", "Not answered", "Hit rate", "Stale", "Things", "Size"]
        >
            {caches.into_iter().map(row).collect_view()}
        </WideTable>
        <p class="admin-note">
            "The last three are those of the processes that are there: stale answers since they began, things and size at present."
        </p>
    }
    .into_any()
}

#[component]
fn Models(models: Vec<ModelUse>) -> impl IntoView {
    if models.is_empty() {
        return view! { <p>"No model was asked in this period."</p> }.into_any();
    }
    let row = |model: ModelUse| {
        view! {
            <tr>
                <th scope="row">{model.name}</th>
                <td>{model.replies}</td>
                <td>{figure_text(model.p50_ms, "ms")}</td>
                <td>{figure_text(model.p99_ms, "ms")}</td>
                <td>{model.errors}</td>
            </tr>
        }
    };
    view! {
        <WideTable label="Models" columns=&["Model", "Replies", "p50", "p99", "Errors"]>
            {models.into_iter().map(row).collect_view()}
        </WideTable>
    }
    .into_any()
}

#[component]
fn Replicas(replicas: Vec<ReplicaStanding>) -> impl IntoView {
    if replicas.is_empty() {
        return view! { <p>"None are configured: the primary answers everyone."</p> }.into_any();
    }
    let line = |replica: ReplicaStanding| {
        let ReplicaStanding { name, lag_ms, used_by, known_to } = replica;
        let (tone, text) = match lag_ms {
            Some(lag) if used_by == known_to => (Tone::Good, format!("In use, {lag} ms behind")),
            Some(lag) => (
                Tone::Warn,
                format!("In use by {used_by} of {known_to} processes, {lag} ms behind"),
            ),
            None => (Tone::Bad, "Not in use".to_owned()),
        };
        view! { <li>{name} " " <Badge tone>{text}</Badge></li> }
    };
    view! {
        <ul class="admin-list">{replicas.into_iter().map(line).collect_view()}</ul>
        <p class="admin-note">"The farthest behind that any process saw them within ten seconds."</p>
    }
    .into_any()
}

#[component]
fn Shards(shards: Vec<ShardStanding>, moves: Vec<MoveStanding>) -> impl IntoView {
    if shards.len() < 2 {
        return view! { <p>"There is one database: it holds what all owners own."</p> }.into_any();
    }
    let line = |shard: ShardStanding| format!("Shard {}: {} buckets", shard.number, shard.buckets);
    let shards = shards.into_iter().map(|shard| view! { <li>{line(shard)}</li> }).collect_view();
    let moves = moves.into_iter().map(|MoveStanding { bucket, from, to }| {
        let text = format!("Bucket {bucket} is on its way from shard {from} to shard {to}");
        view! { <li><Badge tone=Tone::Info>{text}</Badge></li> }
    });
    view! { <ul class="admin-list">{shards} {moves.collect_view()}</ul> }.into_any()
}

#[component]
fn WhoWasLimited(limited: Vec<Limited>) -> impl IntoView {
    if limited.is_empty() {
        return view! { <p>"Nobody, in this period."</p> }.into_any();
    }
    let row = |one: Limited| {
        view! {
            <tr>
                <th scope="row">
                    <code>{one.who}</code>
                </th>
                <td>{one.refused}</td>
            </tr>
        }
    };
    view! {
        <WideTable label="Who asked too often" columns=&["Limit and caller", "Requests refused"]>
            {limited.into_iter().map(row).collect_view()}
        </WideTable>
    }
    .into_any()
}

#[component]
fn Providers(providers: Vec<ProviderStanding>) -> impl IntoView {
    if providers.is_empty() {
        return view! { <p>"None are configured: the built-in planner answers."</p> }.into_any();
    }
    let row = |provider: ProviderStanding| {
        let ProviderStanding { name, resting_in, known_to, replies, errors } = provider;
        let (tone, text) = match resting_in {
            0 => (Tone::Good, "Is asked".to_owned()),
            _ if resting_in == known_to => {
                (Tone::Bad, "Rests after several errors in a row".to_owned())
            }
            _ => (Tone::Warn, format!("Rests in {resting_in} of {known_to} processes")),
        };
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>
                    <Badge tone>{text}</Badge>
                </td>
                <td>{replies}</td>
                <td>{errors}</td>
            </tr>
        }
    };
    view! {
        <WideTable label="Providers of models" columns=&["Provider", "Standing", "Replies", "Errors"]>
            {providers.into_iter().map(row).collect_view()}
        </WideTable>
    }
    .into_any()
}

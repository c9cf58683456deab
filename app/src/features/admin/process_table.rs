//! The server processes, each as it tells of itself.

use leptos::prelude::*;
use resonant_domain::operations::{CacheUse, ProcessStanding, ProcessState};

use super::admin_frame::WideTable;
use super::figures::figure_text;
use crate::language::{number, tr, tr_with};
use crate::ui::{Badge, Time, Tone};

/// A row for each process, and one for all of them together.
#[component]
pub(super) fn ProcessTable(
    /// The processes that are there.
    processes: Vec<ProcessStanding>,
) -> impl IntoView {
    if processes.is_empty() {
        return view! { <p>{tr("None has told of itself within the last minute.")}</p> }.into_any();
    }
    let sum = Sum::of(&processes);
    let (count, is_several) = (processes.len(), processes.len() > 1);
    let rows = processes.into_iter().map(row).collect_view();
    let together = is_several.then(|| {
        view! {
            <tr class="admin-table__sum">
                <th scope="row">{tr_with("All {count} together", &[("count", &count)])}</th>
                <td></td>
                <td></td>
                <td></td>
                {sum.cells()}
                <td></td>
                <td></td>
            </tr>
        }
    });
    view! {
        <WideTable
            label=tr("Processes")
            columns=[
                tr("Process"),
                tr("Role"),
                tr("Release"),
                tr("Started"),
                tr("Memory"),
                tr("Connections"),
                tr("Streams"),
                tr("Sessions"),
                tr("Cache hits"),
                tr("Cache size"),
                tr("Events of others"),
                tr("Redis"),
            ]
        >
            {rows}
            {together}
        </WideTable>
        <p class="admin-note">
            {tr(
                "Each tells of itself every ten seconds. One that has not for a minute is taken to be gone.",
            )}
        </p>
    }
    .into_any()
}

fn row(process: ProcessStanding) -> impl IntoView {
    let sum = Sum::of(std::slice::from_ref(&process));
    let ProcessStanding { id, role, version, started_at, state, .. } = process;
    let ProcessState { host, pid, is_deaf, has_redis, .. } = state;
    let name = if host.is_empty() { pid.to_string() } else { format!("{host}:{pid}") };
    let (tone, hears) =
        if is_deaf { (Tone::Warn, tr("Not heard")) } else { (Tone::Good, tr("Heard")) };
    let (shared, reached) = match has_redis {
        Some(true) => (Tone::Good, tr("Reached")),
        Some(false) => (Tone::Warn, tr("Not reached")),
        None => (Tone::Neutral, tr("Not set up")),
    };
    view! {
        <tr>
            <th scope="row" title=id>
                <code>{name}</code>
            </th>
            <td>{role}</td>
            <td>{version}</td>
            <td>
                <Time at=started_at />
            </td>
            {sum.cells()}
            <td>
                <Badge tone>{hears}</Badge>
            </td>
            <td>
                <Badge tone=shared>{reached}</Badge>
            </td>
        </tr>
    }
}

/// What adds up over processes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    memory_bytes: u64,
    connections: (u64, u64),
    streams: u64,
    at_work: (u64, u64),
    cache: CacheUse,
}

impl Sum {
    fn of(processes: &[ProcessStanding]) -> Self {
        let mut sum = Self::default();
        for ProcessStanding { state, .. } in processes {
            sum.memory_bytes += state.memory_bytes;
            sum.connections.0 += state.connections;
            sum.connections.1 += state.connections_max;
            sum.streams += state.streams;
            sum.at_work.0 += state.at_work;
            sum.at_work.1 += state.workers;
            for used in &state.caches {
                sum.cache.hits += used.hits;
                sum.cache.misses += used.misses;
                sum.cache.bytes += used.bytes;
            }
        }
        sum
    }

    /// The cells of a row.
    fn cells(&self) -> impl IntoView + use<> {
        #[expect(clippy::cast_precision_loss, reason = "no process has 2^52 bytes")]
        let memory = figure_text(Some(self.memory_bytes as f64), "bytes");
        let (used, size) = self.connections;
        let (at_work, workers) = self.at_work;
        let rate =
            self.cache.hit_percent().map_or_else(|| "–".to_owned(), |rate| format!("{rate} %"));
        view! {
            <td>{memory}</td>
            <td>{tr_with("{used} of {size}", &[("used", &used), ("size", &size)])}</td>
            <td>{number(self.streams)}</td>
            <td>{tr_with("{used} of {size}", &[("used", &at_work), ("size", &workers)])}</td>
            <td>{rate}</td>
            <td>{format!("{} kB", number(self.cache.bytes.div_ceil(1_000)))}</td>
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn processes_add_up() {
        let process = |streams, hits| ProcessStanding {
            id: String::new(),
            role: "all".to_owned(),
            version: "1.0.0".to_owned(),
            started_at: Timestamp::UNIX_EPOCH,
            seen_at: Timestamp::UNIX_EPOCH,
            state: ProcessState {
                streams,
                connections: 1,
                connections_max: 30,
                workers: 4,
                caches: vec![CacheUse { hits, misses: 1, bytes: 10, ..CacheUse::default() }],
                ..ProcessState::default()
            },
        };
        let sum = Sum::of(&[process(1, 2), process(2, 1)]);
        assert_eq!((sum.streams, sum.connections, sum.at_work), (3, (2, 60), (0, 8)));
        assert_eq!((sum.cache.hit_percent(), sum.cache.bytes), (Some(60), 20));
        assert_eq!(Sum::of(&[]), Sum::default());
    }
}

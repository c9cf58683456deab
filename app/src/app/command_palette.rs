//! The palette of commands: every place and every agent, a few letters away. And the sheet that says
//! which keys there are.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use resonant_domain::agent_list::AgentQuery;

use crate::features::studio::api::open_list;
use crate::language::{key, tr};
use crate::state::use_viewer;
use crate::{browser, paths};

/// After such a pause in typing the agents are searched.
const PAUSE: Duration = Duration::from_millis(150);
/// How many agents are offered.
const AGENTS: usize = 8;
/// The cookie that keeps whether keys do something that stand alone.
pub const SINGLE_KEYS: &str = "resonant_single_keys";
/// Stands in the place of an address for the sheet of shortcuts.
const SHEET: &str = "#shortcuts";

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The palette of commands.
    Palette,
    /// The sheet of shortcuts.
    Shortcuts,
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Command {
    title: String,
    kind: &'static str,
    href: String,
}

impl Command {
    /// Whether its title holds a text, as agents are searched by.
    fn holds(&self, text: &str) -> bool {
        self.title.to_lowercase().contains(&text.trim().to_lowercase())
    }
}

/// The places that can be gone to.
const PLACES: [(&str, &str); 22] = [
    (key("Studio: your agents"), paths::STUDIO),
    (key("New agent"), paths::NEW_AGENT),
    (key("Import a file"), paths::IMPORT),
    (key("Automations"), paths::AUTOMATIONS),
    (key("Trash"), paths::TRASH),
    (key("Marketplace"), paths::MARKETPLACE),
    (key("Sessions"), paths::SESSIONS),
    (key("Compare two sessions"), paths::COMPARE_SESSIONS),
    (key("Account"), paths::ACCOUNT),
    (key("Usage and budget"), paths::USAGE),
    (key("API keys"), paths::KEYS),
    (key("Your secrets"), paths::SECRETS),
    (key("Security and data"), paths::SECURITY),
    (key("Notices"), paths::NOTICES),
    (key("Audit log"), paths::AUDIT),
    (key("Purchases"), paths::PURCHASES),
    (key("Publishers you follow"), paths::FOLLOWING),
    (key("Teams"), paths::TEAMS),
    (key("Shared with me"), paths::SHARED_AGENTS),
    (key("Sign in"), paths::SIGN_IN),
    (key("Home"), paths::HOME),
    (key("Keyboard shortcuts"), SHEET),
];

/// Those that admins can go to besides.
const ADMINS_PLACES: [(&str, &str); 2] =
    [(key("Administration"), paths::ADMIN), (key("Open the review queue"), paths::MODERATION)];

/// The keys and what they do.
const SHORTCUTS: [(&str, &str); 13] = [
    (key("Ctrl K"), key("Go to a place or an agent")),
    ("?", key("This sheet")),
    ("F8", key("To the notes on the screen, to undo what was done")),
    (key("Ctrl S"), key("Save the agent that you edit")),
    (key("Ctrl Enter"), key("Run the agent with the goal that you write")),
    ("↑ ↓", key("In a list: the row above, the row below")),
    (key("Page Up, Page Down"), key("In a list: a view up, a view down")),
    (key("Home, End"), key("In a list: the first row, the last row")),
    (key("letters"), key("In a list: the first name that begins with them")),
    (key("Space"), key("In a list: select the row")),
    (key("Shift Space"), key("In a list: select all rows from the last selected one")),
    (key("Enter"), key("In a list: open the row")),
    ("F2", key("In the list of agents: rename the selected one")),
];

/// Draws what was asked for, in a chunk of its own.
#[leptos::wasm_split::wasm_split(commands, wasm_split_path = ::leptos::wasm_split)]
pub fn command_palette(shown: Asked, asked: RwSignal<Option<Asked>>) -> AnyView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move || {
        let Some(dialog) = dialog.get() else { return };
        // The element is known before it is in the document, and shown only there.
        request_animation_frame(move || {
            if dialog.is_connected() && !dialog.open() {
                // Fails only when it is open already.
                let _ = dialog.show_modal();
            }
        });
    });
    // A dialog that is closed, rather than taken away, gives the focus back to whoever had it.
    let close = Callback::new(move |()| match dialog.get_untracked() {
        Some(dialog) => dialog.close(),
        None => asked.set(None),
    });
    let label = match shown {
        Asked::Palette => tr("Commands"),
        Asked::Shortcuts => tr("Keyboard shortcuts"),
    };
    view! {
        <dialog
            class="dialog commands"
            node_ref=dialog
            aria-label=label
            on:close=move |_| asked.set(None)
        >
            {match shown {
                Asked::Palette => view! { <Palette asked=asked close=close /> }.into_any(),
                Asked::Shortcuts => view! { <Shortcuts close=close /> }.into_any(),
            }}
        </dialog>
    }
    .into_any()
}

#[component]
fn Palette(asked: RwSignal<Option<Asked>>, close: Callback<()>) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let agents = RwSignal::new(Vec::<Command>::new());
    let chosen = RwSignal::new(0_usize);
    let is_admin = RwSignal::new(false);
    let viewer = use_viewer();
    leptos::task::spawn_local(async move {
        if viewer.load().await.is_some_and(|viewer| viewer.is_admin) {
            is_admin.try_set(true);
        }
    });
    let commands = Memo::new(move |_| {
        let typed = typed.get();
        // Those that were found for what was typed before may not be called that any more.
        let agents = agents.get().into_iter().filter(|agent| agent.holds(&typed));
        places(&typed, is_admin.get()).into_iter().chain(agents).collect::<Vec<_>>()
    });
    let turn = StoredValue::new(0_u32);
    let search = std::cell::RefCell::new(debounce(PAUSE, move |text: String| {
        let _ = turn.try_update_value(|turn| *turn += 1);
        let mine = turn.try_get_value();
        leptos::task::spawn_local(async move {
            let found = find_agents(text).await;
            // An answer that was overtaken tells of what is no longer asked for.
            if mine.is_some() && turn.try_get_value() == mine {
                agents.try_set(found);
            }
        });
    }));
    let navigate = use_navigate();
    let go = move |at: usize| {
        let command = commands.with_untracked(|commands| commands.get(at).cloned());
        match command {
            Some(command) if command.href == SHEET => asked.set(Some(Asked::Shortcuts)),
            Some(command) => {
                close.run(());
                navigate(&command.href, NavigateOptions::default());
            }
            None => {}
        }
    };
    let go_by_key = go.clone();
    let keydown = move |event: leptos::ev::KeyboardEvent| {
        let last = commands.with_untracked(Vec::len).saturating_sub(1);
        match browser::key_of(&event).as_str() {
            "ArrowDown" => chosen.update(|at| *at = (*at + 1).min(last)),
            "ArrowUp" => chosen.update(|at| *at = at.saturating_sub(1)),
            // An Enter that ends a composition chooses its letters.
            "Enter" if event.is_composing() => return,
            "Enter" => go_by_key(chosen.get_untracked()),
            _ => return,
        }
        browser::reveal(&format!("command-{}", chosen.get_untracked()));
        event.prevent_default();
    };
    let option = move |(at, command): (usize, Command)| {
        let go = go.clone();
        view! {
            <li
                class="commands__option"
                class:is-active=move || chosen.get() == at
                id=format!("command-{at}")
                role="option"
                aria-selected=move || (chosen.get() == at).to_string()
                on:click=move |_| go(at)
            >
                <span>{command.title}</span>
                <span class="commands__kind">{command.kind}</span>
            </li>
        }
    };
    view! {
        <input
            class="field__control commands__input"
            type="text"
            role="combobox"
            aria-autocomplete="list"
            aria-label=tr("Go to")
            aria-expanded="true"
            aria-controls="command-list"
            aria-activedescendant=move || {
                let is_any = commands.with(|commands| !commands.is_empty());
                is_any.then(|| format!("command-{}", chosen.get()))
            }
            placeholder=tr("Go to a page or an agent")
            autocomplete="off"
            autofocus=true
            on:keydown=keydown
            on:input=move |event| {
                let text = event_target_value(&event);
                chosen.set(0);
                typed.set(text.clone());
                (search.borrow_mut())(text);
            }
        />
        <ul class="commands__list" id="command-list" role="listbox" aria-label=tr("Commands")>
            {move || commands.get().into_iter().enumerate().map(option.clone()).collect_view()}
        </ul>
        // There from the beginning: what comes into the page with its text is not read out.
        <p class="commands__nothing" role="status">
            {move || commands.with(Vec::is_empty).then(|| tr("Nothing is called that"))}
        </p>
    }
}

#[component]
fn Shortcuts(close: Callback<()>) -> impl IntoView {
    let row = |(keys, does): (&'static str, &'static str)| {
        view! {
            <div class="shortcuts__row">
                <dt>
                    <kbd>{tr(keys)}</kbd>
                </dt>
                <dd>{tr(does)}</dd>
            </div>
        }
    };
    let is_on = browser::kept(SINGLE_KEYS).as_deref() != Some("off");
    let switch = move |event| {
        let word = if event_target_checked(&event) { "on" } else { "off" };
        browser::keep(SINGLE_KEYS, word);
    };
    view! {
        <h2 class="shortcuts__title">{tr("Keyboard shortcuts")}</h2>
        <dl class="shortcuts">{SHORTCUTS.map(row).collect_view()}</dl>
        <label class="shortcuts__switch">
            <input type="checkbox" checked=is_on on:change=switch />
            <span>{tr("“?” alone opens this sheet. Without it, Ctrl K leads here")}</span>
        </label>
        <div class="dialog__actions">
            <button type="button" class="button" autofocus=true on:click=move |_| close.run(())>
                {tr("Close")}
            </button>
        </div>
    }
}

/// The places whose title holds every word that was typed.
fn places(typed: &str, is_admin: bool) -> Vec<Command> {
    let typed = typed.to_lowercase();
    let words: Vec<_> = typed.split_whitespace().collect();
    let admins = ADMINS_PLACES.into_iter().filter(|_| is_admin);
    PLACES
        .into_iter()
        .chain(admins)
        .map(|(title, href)| (tr(title), href))
        .filter(|(title, _)| words.iter().all(|word| title.to_lowercase().contains(word)))
        .map(|(title, href)| Command {
            title: title.to_owned(),
            kind: if href == SHEET { tr("Keys") } else { tr("Page") },
            href: href.to_owned(),
        })
        .collect()
}

/// The agents whose name holds the text; none for somebody who has none.
async fn find_agents(text: String) -> Vec<Command> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let query = AgentQuery { text: Some(text), ..AgentQuery::default() };
    let Ok(part) = open_list(query, 0).await else { return Vec::new() };
    let command = |line: resonant_domain::agent_list::AgentLine| Command {
        href: paths::agent(line.summary.id),
        title: line.summary.name,
        kind: tr("Agent"),
    };
    part.window.items.into_iter().take(AGENTS).map(command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_was_found_before_is_offered_as_long_as_it_is_called_that() {
        let agent =
            |title: &str| Command { title: title.to_owned(), kind: "Agent", href: String::new() };
        assert!(agent("Sea Otter").holds(" otter"));
        assert!(!agent("Sea Otter").holds("seal"));
    }

    #[test]
    fn places_are_found_by_any_of_their_words() {
        let titles =
            |typed| places(typed, false).into_iter().map(|place| place.title).collect::<Vec<_>>();
        assert_eq!(titles("").len(), PLACES.len());
        assert_eq!(titles("usage"), ["Usage and budget"]);
        assert_eq!(titles("administration"), Vec::<String>::new());
        assert_eq!(places("administration", true)[0].href, paths::ADMIN);
        assert_eq!(titles("NEW ag"), ["New agent"]);
        assert_eq!(titles("two compare"), ["Compare two sessions"]);
        assert_eq!(titles("zebra"), Vec::<String>::new());
    }
}

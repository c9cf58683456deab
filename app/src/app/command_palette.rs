//! The palette of commands: every place and every agent, a few letters away. And the sheet that says
//! which keys there are.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use resonant_domain::member::{UserKind, Viewer};

use crate::features::account::api::sign_out;
use crate::features::studio::api::{FoundAgent, search_agents};
use crate::language::{key, tr};
use crate::state::{theme, use_viewer};
use crate::{browser, paths};

/// After such a pause in typing the agents are searched.
const PAUSE: Duration = Duration::from_millis(150);
/// The cookie that keeps whether keys do something that stand alone.
pub const SINGLE_KEYS: &str = "resonant_single_keys";
/// Stands in the place of an address for the sheet of shortcuts.
const SHEET: &str = "#shortcuts";
/// The same for what is done at once.
const CHANGE_THEME: &str = "#theme";
const SIGN_OUT: &str = "#sign-out";

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

/// The places that can be gone to, and what anyone can do.
const PLACES: [(&str, &str); 23] = [
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
    (key("Switch between light and dark"), CHANGE_THEME),
];

/// What members can do besides: a guest who signs out cannot come back to what they made.
const MEMBERS_DEEDS: [(&str, &str); 1] = [(key("Sign out"), SIGN_OUT)];

/// Those that admins can go to besides.
const ADMINS_PLACES: [(&str, &str); 2] =
    [(key("Administration"), paths::ADMIN), (key("Open the review queue"), paths::MODERATION)];

/// The keys and what they do.
const SHORTCUTS: [(&str, &str); 15] = [
    (key("Ctrl K"), key("Go to a place or an agent")),
    ("?", key("This sheet")),
    ("F8", key("To the notes on the screen, to undo what was done")),
    (key("Ctrl S"), key("Save the agent that you edit")),
    (key("Ctrl Enter"), key("Run the agent with the goal that you write")),
    ("↑ ↓", key("In a list: the row above, the row below")),
    ("→ ←", key("In a list: to what stands in the row, and back")),
    (key("Page Up, Page Down"), key("In a list: a view up, a view down")),
    (key("Home, End"), key("In a list: the first row, the last row")),
    (key("letters"), key("In a list: the first name that begins with them")),
    (key("Space"), key("In a list: select the row")),
    (key("Shift Space"), key("In a list: select all rows from the last selected one")),
    (key("Ctrl A"), key("In a list: select all rows, the first 200 where there are more")),
    (key("Enter"), key("In a list: open the row")),
    ("F2", key("In the list of agents: rename the selected one")),
];

/// What the palette and its field tell each other: the field is there before the palette is fetched.
#[derive(Debug, Clone, Copy)]
pub struct PaletteField {
    /// What is typed.
    pub typed: RwSignal<String>,
    /// The place of what is chosen among what is offered; none where nothing is.
    pub active: RwSignal<Option<usize>>,
}

/// Takes back what was asked for, unless it is something else by now.
pub fn take_back(asked: RwSignal<Option<Asked>>, shown: Asked) {
    if asked.get_untracked() == Some(shown) {
        asked.set(None);
    }
}

/// Draws what was asked for, in a chunk of its own: of the palette what is offered below its field.
#[leptos::wasm_split::wasm_split(commands, wasm_split_path = ::leptos::wasm_split)]
pub fn command_palette(
    shown: Asked,
    asked: RwSignal<Option<Asked>>,
    field: PaletteField,
) -> AnyView {
    match shown {
        Asked::Palette => view! { <Palette asked=asked field=field /> }.into_any(),
        Asked::Shortcuts => view! { <Shortcuts asked=asked /> }.into_any(),
    }
}

#[component]
fn Palette(asked: RwSignal<Option<Asked>>, field: PaletteField) -> impl IntoView {
    let PaletteField { typed, active } = field;
    let agents = RwSignal::new(Vec::<Command>::new());
    let chosen = RwSignal::new(0_usize);
    let besides = RwSignal::new(Vec::<(&'static str, &'static str)>::new());
    let viewer = use_viewer();
    leptos::task::spawn_local(async move {
        if let Some(viewer) = viewer.load().await {
            besides.try_set(besides_for(&viewer));
        }
    });
    let commands = Memo::new(move |_| {
        let typed = typed.get();
        // Those that were found for what was typed before may not be called that any more.
        let agents = agents.get().into_iter().filter(|agent| agent.holds(&typed));
        let places = besides.with(|besides| places(&typed, besides));
        places.into_iter().chain(agents).collect::<Vec<_>>()
    });
    let turn = StoredValue::new(0_u32);
    let mut search = debounce(PAUSE, move |text: String| {
        let _ = turn.try_update_value(|turn| *turn += 1);
        let mine = turn.try_get_value();
        leptos::task::spawn_local(async move {
            let found = find_agents(text).await;
            // An answer that was overtaken tells of what is no longer asked for.
            if mine.is_some() && turn.try_get_value() == mine {
                agents.try_set(found);
            }
        });
    });
    // What was typed before this was there is looked for at once.
    Effect::new(move || {
        let text = typed.get();
        chosen.set(0);
        search(text);
    });
    Effect::new(move || {
        let is_any = commands.with(|commands| !commands.is_empty());
        active.set(is_any.then(|| chosen.get()));
    });
    on_cleanup(move || {
        active.try_set(None);
    });
    let navigate = use_navigate();
    let go = move |at: usize| {
        let command = commands.with_untracked(|commands| commands.get(at).cloned());
        match command {
            Some(command) if command.href == SHEET => asked.set(Some(Asked::Shortcuts)),
            Some(command) if command.href == CHANGE_THEME => {
                asked.set(None);
                theme::toggle();
            }
            Some(command) if command.href == SIGN_OUT => {
                asked.set(None);
                leptos::task::spawn_local(async move {
                    // Where it fails they are signed in still, as the corner of the page goes on to say.
                    if sign_out().await.is_ok() {
                        viewer.refresh();
                    }
                });
            }
            Some(command) => {
                asked.set(None);
                navigate(&command.href, NavigateOptions::default());
            }
            None => {}
        }
    };
    let go_by_key = go.clone();
    // While the palette is open every key is meant for it.
    let keys = window_event_listener(leptos::ev::keydown, move |event| {
        let last = commands.with_untracked(Vec::len).saturating_sub(1);
        match browser::key_of(&event).as_str() {
            "ArrowDown" => chosen.update(|at| *at = (*at + 1).min(last)),
            "ArrowUp" => chosen.update(|at| *at = at.saturating_sub(1)),
            // An Enter that ends a composition chooses its letters.
            "Enter" if event.is_composing() => return,
            "Enter" => {
                event.prevent_default();
                return go_by_key(chosen.get_untracked());
            }
            _ => return,
        }
        browser::reveal(&format!("command-{}", chosen.get_untracked()));
        event.prevent_default();
    });
    on_cleanup(move || keys.remove());
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
fn Shortcuts(asked: RwSignal<Option<Asked>>) -> impl IntoView {
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
    let close = move |_| match dialog.get_untracked() {
        Some(dialog) => dialog.close(),
        None => asked.set(None),
    };
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
        <dialog
            class="dialog commands"
            node_ref=dialog
            aria-label=tr("Keyboard shortcuts")
            on:close=move |_| take_back(asked, Asked::Shortcuts)
        >
            <h2 class="shortcuts__title">{tr("Keyboard shortcuts")}</h2>
            <dl class="shortcuts">{SHORTCUTS.map(row).collect_view()}</dl>
            <label class="shortcuts__switch">
                <input type="checkbox" checked=is_on on:change=switch />
                <span>{tr("“?” alone opens this sheet. Without it, Ctrl K leads here")}</span>
            </label>
            <div class="dialog__actions">
                <button type="button" class="button" autofocus=true on:click=close>
                    {tr("Close")}
                </button>
            </div>
        </dialog>
    }
}

/// What there is for somebody besides what there is for anyone.
fn besides_for(viewer: &Viewer) -> Vec<(&'static str, &'static str)> {
    let deeds = MEMBERS_DEEDS.into_iter().filter(|_| viewer.kind == UserKind::Member);
    let places = ADMINS_PLACES.into_iter().filter(|_| viewer.is_admin);
    deeds.chain(places).collect()
}

/// What has a title that holds every word that was typed.
fn places(typed: &str, besides: &[(&'static str, &'static str)]) -> Vec<Command> {
    let typed = typed.to_lowercase();
    let words: Vec<_> = typed.split_whitespace().collect();
    PLACES
        .into_iter()
        .chain(besides.iter().copied())
        .map(|(title, href)| (tr(title), href))
        .filter(|(title, _)| words.iter().all(|word| title.to_lowercase().contains(word)))
        .map(|(title, href)| Command {
            title: title.to_owned(),
            kind: match href {
                SHEET => tr("Keys"),
                CHANGE_THEME | SIGN_OUT => tr("Action"),
                _ => tr("Page"),
            },
            href: href.to_owned(),
        })
        .collect()
}

/// The agents whose name holds the text, one's own and shared ones; none for somebody who has none.
async fn find_agents(text: String) -> Vec<Command> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let command = |FoundAgent { id, name, is_shared }: FoundAgent| Command {
        title: name,
        kind: if is_shared { tr("Shared with me") } else { tr("Agent") },
        href: paths::agent(id),
    };
    let found = search_agents(text).await.unwrap_or_default();
    found.into_iter().map(command).collect()
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent_list::BULK_MAX;

    use super::*;

    #[test]
    fn an_agent_that_was_found_before_is_offered_as_long_as_it_is_called_that() {
        let agent =
            |title: &str| Command { title: title.to_owned(), kind: "Agent", href: String::new() };
        assert!(agent("Sea Otter").holds(" otter"));
        assert!(!agent("Sea Otter").holds("seal"));
    }

    #[test]
    fn the_sheet_says_how_many_rows_are_selected() {
        let (_, does) = SHORTCUTS.iter().find(|(keys, _)| *keys == "Ctrl A").unwrap();
        assert!(does.contains(&format!(" {BULK_MAX} ")), "{does}");
    }

    #[test]
    fn places_are_found_by_any_of_their_words() {
        let titles =
            |typed| places(typed, &[]).into_iter().map(|place| place.title).collect::<Vec<_>>();
        assert_eq!(titles("").len(), PLACES.len());
        assert_eq!(titles("usage"), ["Usage and budget"]);
        assert_eq!(titles("administration"), Vec::<String>::new());
        assert_eq!(places("administration", &ADMINS_PLACES)[0].href, paths::ADMIN);
        assert_eq!(titles("NEW ag"), ["New agent"]);
        assert_eq!(titles("two compare"), ["Compare two sessions"]);
        assert_eq!(titles("zebra"), Vec::<String>::new());
        assert_eq!(titles("dark"), ["Switch between light and dark"]);
    }

    #[test]
    fn a_guest_is_not_offered_to_sign_out() {
        for (kind, hrefs) in [(UserKind::Guest, vec![]), (UserKind::Member, vec![SIGN_OUT])] {
            let viewer = Viewer {
                id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
                kind,
                display_name: "Ada".to_owned(),
                email: None,
                is_admin: false,
                unread_notices: 0,
            };
            let found = places("sign out", &besides_for(&viewer));
            assert_eq!(found.iter().map(|deed| &*deed.href).collect::<Vec<_>>(), hrefs, "{kind:?}");
        }
    }
}

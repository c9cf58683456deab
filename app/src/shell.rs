//! The HTML document around the app.

#![cfg(feature = "ssr")]

mod program;

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

use self::program::Program;
use crate::app::{App, PALETTE, PALETTE_KEY, SHEET_KEY};
use crate::language::script_path;
use crate::ssr;
use crate::state::theme::Theme;

/// Keeps what a visitor enters before the page is live, and what the browser puts back when they return to it:
/// taking it over sets each field to what the server drew. Once it is live (`browser::tell_live`), each is as the
/// visitor left it, and the app hears of it, of the last one last. A box that was ticked and unticked tells
/// nothing, because rows of lists take each tick for a turn; nor does a form that is on its way already. The last
/// button that was pressed is pressed then, and the last key for the palette or the sheet of shortcuts struck.
/// The palette is shown at once, so that what is typed after its key comes into its field.
///
/// It tells the first sign of use, too: `<html data-used>`, and the window by an event of that name. And while
/// there is no network no link leads away from a page that is live: the program of another page could not be
/// fetched, and what stands here would be lost.
///
/// Whoever goes back or forward before that is at an address that the document was not drawn for, which no
/// program can take over: the right one is loaded.
const ENTRIES: &str = include_str!("shell/entries.js");

/// The whole document. Rendered on the server alone.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    // Known before the first byte, so that nothing flashes and no inline script is needed.
    let theme = ssr::chosen_theme().map(Theme::as_str);
    let language = ssr::language();
    // Runs before the app does: both wait for the document, in this order.
    let words = script_path(language)
        .map(|path| view! { <script defer src=path nonce=use_nonce()></script> });
    view! {
        <!DOCTYPE html>
        <html lang=language.tag() data-theme=theme>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="theme-color" content="#fbfbfa" media="(prefers-color-scheme: light)" />
                <meta name="theme-color" content="#131517" media="(prefers-color-scheme: dark)" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link
                    rel="preload"
                    href="/fonts/instrument-sans-latin-wght-normal.woff2"
                    r#as="font"
                    type="font/woff2"
                    crossorigin="anonymous"
                />
                {own_address()}
                <script
                    nonce=use_nonce()
                    data-palette=PALETTE_KEY
                    data-sheet=SHEET_KEY
                    data-dialog=PALETTE
                >
                    {ENTRIES}
                </script>
                {words}
                <AutoReload options=options.clone() />
                <Program options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Gives a page that answers a refused form its own address, before the app looks where it is.
fn own_address() -> Option<impl IntoView> {
    ssr::refused_form()?;
    // In a script nothing but `<` could end the text early.
    let address = serde_json::to_string(&ssr::page_address()).ok()?.replace('<', "\\u003c");
    let script = format!("history.replaceState(null, '', {address})");
    Some(view! { <script nonce=use_nonce()>{script}</script> })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_until_the_page_is_live_names_no_key_of_its_own() {
        assert!(
            ENTRIES.contains("const { palette, sheet, dialog } = document.currentScript.dataset;")
        );
        let (_, strike) = ENTRIES.split_once("const strike =").unwrap();
        let (strike, _) = strike.split_once("\n  };").unwrap();
        assert!(strike.contains("key === palette") && strike.contains("key !== sheet"), "{strike}");
        for key in [PALETTE_KEY, SHEET_KEY] {
            assert!(!strike.contains(&format!("'{key}'")), "{strike}");
        }
    }
}

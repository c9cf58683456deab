//! The program of the page: its files, and when a browser fetches them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use leptos::WasmSplitManifest;
use leptos::nonce::use_nonce;
use leptos::prelude::*;

use crate::ssr;

/// Fetches the program once the page has been painted, and not before: on a slow line it would take the room
/// that the style sheet and the fonts need, without which nothing is seen. What names chunks in the head has
/// `rel="later"` until then (`server/src/middleware/late_chunks.rs`).
const BEGIN: &str = include_str!("program.js");

/// Where the files of this release are.
struct Files {
    /// The script that loads the program, and the same for a page that rests.
    begin: [String; 2],
    style: String,
    /// Which chunks each feature needs; none where the program is in one piece.
    chunks: Option<WasmSplitManifest>,
}

/// Looked up once: the files of a process do not change.
static FILES: OnceLock<Files> = OnceLock::new();

impl Files {
    fn of(options: &LeptosOptions) -> Self {
        let (pkg, name) = (format!("/{}", options.site_pkg_dir), &options.output_name);
        let hashes = if options.hash_files { hashes(options) } else { HashMap::new() };
        let part = |kind: &str, name: &str, plain: &str, ending: &str| match hashes.get(kind) {
            Some(hash) => format!("{name}.{hash}.{ending}"),
            None => format!("{name}{plain}.{ending}"),
        };
        let own = format!("{pkg}/{name}");
        let file = |kind: &str| part(kind, &own, "", kind);
        let folder = Path::new(&*options.site_root).join(&*options.site_pkg_dir);
        let manifest = folder.join(part("manifest", "__wasm_split_manifest", "", "json"));
        let manifest = std::fs::read_to_string(manifest).ok();
        let chunks = manifest.and_then(|text| serde_json::from_str(&text).ok()).map(|chunks| {
            let loader = part("split", "__wasm_split", ".______________________", "js");
            WasmSplitManifest(ArcStoredValue::new((pkg.clone(), chunks, loader)))
        });
        let begin = [false, true].map(|rests| {
            format!("{}({:?}, {:?}, {rests})", BEGIN.trim_end(), file("js"), file("wasm"))
        });
        Self { begin, style: file("css"), chunks }
    }
}

/// What cargo-leptos has written beside the server: what each file's name ends in.
fn hashes(options: &LeptosOptions) -> HashMap<String, String> {
    let folder = std::env::current_exe().ok();
    let file = folder.as_deref().and_then(Path::parent).map(|path| path.join(&*options.hash_file));
    let text = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(kind, hash)| (kind.trim().to_owned(), hash.trim().to_owned())).collect()
}

/// The style sheet, and the script that loads the program.
#[component]
pub(super) fn Program(
    /// Where the files are.
    options: LeptosOptions,
) -> impl IntoView {
    let files = FILES.get_or_init(|| Files::of(&options));
    // Leptos names the chunks of the page by it.
    if let Some(chunks) = &files.chunks {
        provide_context(chunks.clone());
    }
    let begin = &files.begin[usize::from(ssr::is_alike())];
    view! {
        <link id="resonant" rel="stylesheet" href=files.style.as_str() />
        <script type="module" nonce=use_nonce()>
            {begin.as_str()}
        </script>
    }
}

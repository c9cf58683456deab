//! Where the words of the languages other than English are found.

use super::Language;

#[cfg(feature = "ssr")]
pub use on_server::{find, find_text, script, script_path};

#[cfg(all(test, feature = "ssr"))]
pub(super) use on_server::GERMAN;

#[cfg(feature = "ssr")]
mod pattern;

#[cfg(feature = "ssr")]
mod on_server {
    use std::collections::BTreeMap;
    use std::hash::{DefaultHasher, Hasher as _};
    use std::sync::LazyLock;

    use super::Language;
    use super::pattern::Pattern;

    /// The file of a language.
    pub(in crate::language) const GERMAN: &str = include_str!("../../languages/de.json");

    struct Catalogue {
        words: BTreeMap<&'static str, &'static str>,
        /// The texts that hold values, the most telling first.
        patterns: Vec<Pattern>,
        script: String,
        path: String,
    }

    static OF_GERMAN: LazyLock<Catalogue> = LazyLock::new(|| read(Language::German, GERMAN));

    fn catalogue(language: Language) -> Option<&'static Catalogue> {
        match language {
            Language::English => None,
            Language::German => Some(&*OF_GERMAN),
        }
    }

    /// Reads a file that a test has read before.
    fn read(language: Language, file: &'static str) -> Catalogue {
        let words: BTreeMap<String, String> = serde_json::from_str(file).unwrap_or_default();
        let json = serde_json::to_string(&words).unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        hasher.write(json.as_bytes());
        let (tag, version) = (language.tag(), hasher.finish());
        let kept = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let words: BTreeMap<_, _> =
            words.into_iter().map(|(key, word)| (kept(key), kept(word))).collect();
        let patterns = words.iter().filter_map(|(key, word)| Pattern::new(key, word));
        let mut patterns: Vec<_> = patterns.collect();
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.weight()));
        Catalogue {
            words,
            patterns,
            script: format!("globalThis.resonantWords={json};\n"),
            path: format!("/languages/{tag}.js?v={version:016x}"),
        }
    }

    /// The word of a language for an English text.
    pub fn find(language: Language, english: &'static str) -> Option<&'static str> {
        catalogue(language)?.words.get(english).copied()
    }

    /// As [`find`], for a text that was put together: known as a whole, or but for its values.
    pub fn find_text(language: Language, english: &str) -> Option<String> {
        let Catalogue { words, patterns, .. } = catalogue(language)?;
        if let Some(word) = words.get(english) {
            return Some((*word).to_owned());
        }
        let known = |value: &str| words.get(value).copied();
        patterns.iter().find_map(|pattern| pattern.translate(english, known))
    }

    /// The script that brings the words of the language with this tag to the browser, and where it is
    /// found; `None` for a language that needs none or is not known.
    pub fn script(tag: &str) -> Option<(&'static str, &'static str)> {
        catalogue(Language::tagged(tag)?).map(|catalogue| (&*catalogue.script, &*catalogue.path))
    }

    /// Where the script of a language is found, with its version, so that it can be kept for good.
    pub fn script_path(language: Language) -> Option<&'static str> {
        catalogue(language).map(|catalogue| &*catalogue.path)
    }
}

#[cfg(not(feature = "ssr"))]
pub use in_browser::{find, find_text};

#[cfg(not(feature = "ssr"))]
mod in_browser {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::Language;
    use crate::browser;

    thread_local! {
        /// What was asked for already: a word is taken over from the script once and then stays.
        static KNOWN: RefCell<BTreeMap<&'static str, &'static str>> = const { RefCell::new(BTreeMap::new()) };
    }

    /// The word of the document's language for an English text.
    pub fn find(language: Language, english: &'static str) -> Option<&'static str> {
        KNOWN.with_borrow_mut(|known| {
            if let Some(word) = known.get(english) {
                return Some(*word);
            }
            let word: &'static str = Box::leak(find_text(language, english)?.into_boxed_str());
            known.insert(english, word);
            Some(word)
        })
    }

    /// As [`find`], for a text that was put together.
    pub fn find_text(_: Language, english: &str) -> Option<String> {
        browser::word(english)
    }
}

/// The language of the document.
#[cfg(not(feature = "ssr"))]
pub fn of_document() -> Language {
    thread_local! {
        static LANGUAGE: Language =
            crate::browser::document_language().and_then(|tag| Language::of_tag(&tag)).unwrap_or_default();
    }
    LANGUAGE.with(|language| *language)
}

/// On the server a request has a language, and the document none yet.
#[cfg(feature = "ssr")]
pub fn of_document() -> Language {
    Language::default()
}

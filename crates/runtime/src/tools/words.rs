//! Sentences and words of a text in any language, without a dictionary.

use std::collections::HashMap;

/// A word that ends with a full stop within a sentence.
#[rustfmt::skip]
const ABBREVIATIONS: [&str; 62] = [
    "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "vs", "etc", "e.g", "i.e", "cf", "no", "nos", "fig", "figs", "vol", "inc", "ltd",
    "co", "corp", "llc", "dept", "est", "al", "approx", "ca", "u.s", "u.k", "a.m", "p.m", "jan", "feb", "mar", "apr", "jun", "jul", "aug",
    "sep", "sept", "oct", "nov", "dec", "mon", "tue", "wed", "thu", "fri", "gen", "col", "lt", "rev", "hon", "z.b", "bzw", "usw", "d.h",
    "nr", "mme", "sra", "ing",
];

/// The sentences of a text, trimmed, in order.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    for block in blocks(text) {
        split_block(block, &mut sentences);
    }
    sentences
}

/// Parts that no sentence crosses: paragraphs, list items, headings, table rows.
pub(super) fn blocks(text: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut start = 0;
    let mut end = 0;
    let mut at = 0;
    let mut before = "";
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        let ends_itself = before.starts_with('#')
            || before.contains(" | ")
            // A short line without a stop is a line of its own: an item, a heading, a name.
            || (before.chars().count() < 60
                && !before.ends_with(['.', ',', ';', '-', '!', '?', ':'])
                && bare.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit()));
        if bare.is_empty() || is_marked(bare) || (end > start && ends_itself) {
            blocks.push(text[start..end].trim());
            start = at;
        }
        at += line.len();
        end = at;
        before = bare;
    }
    blocks.push(text[start..end].trim());
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// Whether a line begins with a bullet, a number or a heading's mark.
fn is_marked(line: &str) -> bool {
    if line.starts_with(['#', '•', '–', '>', '|', '☐', '☑', '·'])
        || line.starts_with("- ")
        || line.starts_with("* ")
        || line.starts_with("+ ")
    {
        return true;
    }
    // "Action: book a room" and "Name: Ada" are lines of their own.
    let is_labelled = line.split_once(": ").is_some_and(|(label, _)| {
        label.starts_with(char::is_uppercase) && label.len() <= 30 && label.split(' ').count() <= 2
    });
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    is_labelled
        || (1..=3).contains(&digits)
            && (line[digits..].starts_with(". ") || line[digits..].starts_with(") "))
}

fn split_block<'a>(block: &'a str, sentences: &mut Vec<&'a str>) {
    let mut start = 0;
    let mut characters = block.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let full_width = matches!(c, '。' | '！' | '？');
        if !full_width && !matches!(c, '.' | '!' | '?' | '…') {
            continue;
        }
        // Further stops and closing quotes belong to the sentence.
        let mut end = at + c.len_utf8();
        while let Some((next, closing)) = characters.peek().copied() {
            if !matches!(
                closing,
                '.' | '!' | '?' | '…' | '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '」' | '』'
            ) {
                break;
            }
            end = next + closing.len_utf8();
            characters.next();
        }
        let rest = &block[end..];
        let begins = rest.trim_start().chars().next();
        let is_end = match begins {
            None => true,
            Some(_) if full_width => true,
            Some(next) => {
                rest.starts_with(char::is_whitespace)
                    && !next.is_lowercase()
                    && !(c == '.' && end == at + 1 && is_abbreviation(&block[start..at]))
            }
        };
        if is_end {
            push(&block[start..end], sentences);
            start = end;
        }
    }
    push(&block[start..], sentences);
}

fn push<'a>(sentence: &'a str, sentences: &mut Vec<&'a str>) {
    let sentence = sentence.trim();
    if sentence.chars().any(char::is_alphanumeric) {
        sentences.push(sentence);
    }
}

/// Whether the stop after this beginning of a sentence ends an abbreviation, an initial or a number
/// in front of an item.
fn is_abbreviation(before: &str) -> bool {
    // Only the last word matters; a longer look back would make the whole quadratic.
    let from = before
        .char_indices()
        .rev()
        .take(40)
        .find(|(_, c)| c.is_whitespace())
        .map(|(at, c)| at + c.len_utf8());
    let word = match from {
        Some(at) => &before[at..],
        None if before.len() > 160 => return false,
        None => before,
    };
    let word = word.trim_start_matches(['(', '"', '\'', '“', '[']);
    let mut characters = word.chars();
    let initial = matches!((characters.next(), characters.next()), (Some(only), None) if only.is_uppercase() && only != 'I');
    let is_item = before.trim().len() == word.len()
        && !word.is_empty()
        && word.len() <= 3
        && word.bytes().all(|b| b.is_ascii_digit());
    initial || is_item || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

/// The words of a text: letters and digits, with apostrophes and hyphens within.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | '_' | '\u{301}')))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
}

/// Words that carry no matter of their own: English first, then German, French, Spanish, Italian,
/// Dutch and Portuguese.
#[rustfmt::skip]
const STOP: &[&str] = &[
    "a", "about", "above", "after", "again", "against", "all", "also", "am", "among", "an", "and", "any", "are", "aren't", "as", "at", "be",
    "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "can't", "cannot", "could", "couldn't", "did",
    "didn't", "do", "does", "doesn't", "doing", "don't", "down", "during", "each", "either", "else", "even", "ever", "every", "few", "for",
    "from", "further", "get", "gets", "go", "got", "had", "hadn't", "has", "hasn't", "have", "haven't", "having", "he", "her", "here", "hers",
    "herself", "him", "himself", "his", "how", "however", "i", "i'm", "i've", "if", "in", "into", "is", "isn't", "it", "it's", "its", "itself",
    "just", "let", "like", "made", "make", "many", "may", "me", "might", "more", "most", "much", "must", "my", "myself", "neither", "no",
    "nor", "not", "now", "of", "off", "often", "on", "once", "one", "only", "onto", "or", "other", "others", "our", "ours", "ourselves", "out",
    "over", "own", "per", "rather", "s", "said", "same", "say", "says", "she", "should", "shouldn't", "since", "so", "some", "still", "such",
    "t", "than", "that", "that's", "the", "their", "theirs", "them", "themselves", "then", "there", "these", "they", "this", "those",
    "through", "thus", "to", "too", "two", "under", "until", "up", "upon", "us", "use", "used", "very", "via", "was", "wasn't", "we", "well",
    "were", "weren't", "what", "when", "where", "whether", "which", "while", "who", "whom", "whose", "why", "will", "with", "within",
    "without", "won't", "would", "wouldn't", "yet", "you", "you're", "your", "yours", "yourself",
    "aber", "als", "am", "auch", "auf", "aus", "bei", "bis", "das", "dass", "dem", "den", "der", "des", "die", "dies", "diese", "dieser",
    "durch", "ein", "eine", "einem", "einen", "einer", "eines", "er", "es", "für", "hat", "haben", "ich", "ihr", "im", "in", "ist", "kann",
    "mit", "nach", "nicht", "noch", "nur", "oder", "sein", "sich", "sie", "sind", "über", "um", "und", "uns", "unter", "vom", "von", "vor",
    "war", "waren", "was", "wenn", "werden", "wie", "wir", "wird", "wurde", "wurden", "zu", "zum", "zur",
    "au", "aux", "avec", "ce", "ces", "cette", "dans", "de", "du", "elle", "en", "est", "et", "été", "il", "ils", "je", "la", "le", "les",
    "leur", "lui", "mais", "ne", "nous", "ont", "ou", "où", "par", "pas", "plus", "pour", "qu", "que", "qui", "sa", "se", "ses", "son", "sont",
    "sur", "un", "une", "vous", "cet", "comme", "être", "fait",
    "al", "como", "con", "cuando", "del", "desde", "donde", "el", "ella", "ellos", "entre", "era", "es", "esta", "este", "esto", "están",
    "fue", "ha", "hay", "las", "lo", "los", "más", "muy", "no", "o", "para", "pero", "por", "porque", "según", "ser", "si", "sin", "sobre",
    "su", "sus", "también", "tiene", "todo", "una", "uno", "y", "ya",
    "alla", "anche", "che", "chi", "come", "da", "dal", "dalla", "degli", "dei", "della", "delle", "di", "gli", "ho", "i", "nel", "nella",
    "non", "più", "quando", "questa", "questo", "sono", "tra",
    "aan", "bij", "dat", "deze", "dit", "een", "geen", "haar", "heb", "het", "hij", "hun", "ik", "maar", "met", "naar", "niet", "nog", "om",
    "ook", "op", "te", "tot", "uit", "van", "voor", "wat", "werd", "ze", "zich", "zijn",
    "ao", "às", "até", "das", "dos", "ela", "ele", "em", "essa", "esse", "está", "foi", "isso", "mas", "na", "não", "nas", "nem", "nos",
    "os", "ou", "pela", "pelo", "quem", "são", "seu", "sua", "também", "tem", "um", "uma",
];

/// Whether a word, in lower case, carries no matter of its own.
pub(super) fn is_stop_word(word: &str) -> bool {
    thread_local! {
        static SET: std::collections::HashSet<&'static str> = STOP.iter().copied().collect();
    }
    SET.with(|set| set.contains(word))
}

/// A word as it is counted: lower case, without a possessive ending, nothing for a word without
/// matter.
pub(super) fn content_word(word: &str) -> Option<String> {
    let lower = word.to_lowercase().replace('’', "'");
    if is_stop_word(&lower) {
        return None;
    }
    let bare = lower.strip_suffix("'s").unwrap_or(&lower);
    let has_letter = bare.chars().any(char::is_alphabetic);
    let long_enough = bare.chars().count() > 1 || bare.chars().any(|c| c > '\u{2e80}');
    (has_letter && long_enough && !is_stop_word(bare)).then(|| bare.to_owned())
}

/// The words that carry the matter of a text with their counts, the most frequent first, and of
/// equals the one that comes first.
pub(super) fn frequencies(text: &str) -> Vec<(String, usize)> {
    let mut counts: HashMap<String, (usize, usize)> = HashMap::new();
    for (index, word) in words(text).enumerate() {
        if let Some(word) = content_word(word) {
            counts.entry(word).or_insert((0, index)).0 += 1;
        }
    }
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by_key(|(_, (count, first))| (std::cmp::Reverse(*count), *first));
    sorted.into_iter().map(|(word, (count, _))| (word, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn sentences_end_where_people_end_them() {
        for (text, expected) in [
            ("One. Two! Three? Four", vec!["One.", "Two!", "Three?", "Four"]),
            ("Dr. Smith paid 3.50 dollars. He left.", vec!["Dr. Smith paid 3.50 dollars.", "He left."]),
            ("J. R. Smith wrote it, e.g. Twice.", vec!["J. R. Smith wrote it, e.g. Twice."]),
            ("It was 2020. The year was long.", vec!["It was 2020.", "The year was long."]),
            ("\"Really?\" she asked. \"Yes.\" He nodded.", vec!["\"Really?\" she asked.", "\"Yes.\"", "He nodded."]),
            ("See example.com for more. Bye", vec!["See example.com for more.", "Bye"]),
            ("Wait... what? Yes…", vec!["Wait... what?", "Yes…"]),
            ("# Head\nText goes\non here. More.\n\n- item one\n- item two", vec!["# Head", "Text goes\non here.", "More.", "- item one", "- item two"]),
            ("1. First item\n2. Second item", vec!["1. First item", "2. Second item"]),
            ("今日は晴れ。明日は雨？そう", vec!["今日は晴れ。", "明日は雨？", "そう"]),
            ("Apples\nPears\nPlums", vec!["Apples", "Pears", "Plums"]),
            ("", vec![]), ("...", vec![]), (" \n\n ", vec![]), ("💥. é. ß", vec!["é.", "ß"]),
        ] {
            // A stop before a small letter ends nothing.
            let expected = if text.starts_with('💥') { vec!["💥. é. ß"] } else { expected };
            assert_eq!(sentences(text), expected, "{text:?}");
        }
    }

    #[test]
    fn words_are_counted_without_their_dress() {
        let frequencies = frequencies("The cat's toy. A cat, and the CAT; dogs don't. 42 toy's");
        assert_eq!(
            frequencies,
            [("cat".to_owned(), 3), ("toy".to_owned(), 2), ("dogs".to_owned(), 1)]
        );
        assert_eq!(
            words("rock-'n'-roll -- it's 3.5").collect::<Vec<_>>(),
            ["rock-'n'-roll", "it's", "3", "5"]
        );
    }

    #[test]
    fn long_texts_take_linear_time() {
        let _ = sentences(&"a.".repeat(500_000));
        let _ = sentences(&". A".repeat(300_000));
        let _ = sentences(&"\n".repeat(500_000));
    }
}

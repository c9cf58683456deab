//! In which language a document is written, as far as its smallest words tell.

use super::cut::Cut;
use crate::tools::words::words;

/// How many words are looked at.
const WORDS_MAX: usize = 5_000;
/// Of how many words one must be a small one of a language at least.
const ONE_OF: usize = 12;

/// Small words of each language, under the name that PostgreSQL has for it. A word may be one of several.
#[rustfmt::skip]
const LANGUAGES: [(&str, &[&str]); 15] = [
    ("english", &["the", "of", "and", "to", "in", "is", "that", "for", "it", "with", "as", "be", "are", "this", "on", "not", "by", "from", "at", "you", "a"]),
    ("german", &["der", "die", "das", "und", "ist", "nicht", "mit", "den", "von", "zu", "ein", "eine", "auf", "für", "im", "dem", "sich", "werden", "wird", "sind"]),
    ("french", &["le", "la", "les", "des", "est", "et", "une", "dans", "que", "pour", "qui", "pas", "sur", "au", "du", "par", "avec", "vous", "ce", "sont"]),
    ("spanish", &["el", "la", "los", "las", "que", "de", "y", "en", "un", "una", "por", "con", "para", "es", "del", "se", "su", "al", "como", "más"]),
    ("italian", &["il", "la", "di", "che", "e", "è", "un", "una", "per", "non", "sono", "con", "del", "della", "dei", "gli", "nel", "si", "alla", "anche"]),
    ("portuguese", &["o", "a", "os", "as", "que", "de", "e", "do", "da", "em", "um", "uma", "para", "com", "não", "é", "dos", "das", "na", "mais"]),
    ("dutch", &["de", "het", "een", "van", "en", "is", "dat", "niet", "op", "te", "zijn", "voor", "met", "die", "aan", "er", "worden", "ook", "bij", "wordt"]),
    ("swedish", &["och", "att", "det", "som", "är", "en", "på", "för", "av", "med", "den", "till", "inte", "ett", "om", "har", "de", "kan", "vi", "eller"]),
    ("danish", &["og", "at", "det", "er", "en", "på", "til", "af", "for", "med", "den", "ikke", "som", "et", "der", "de", "har", "kan", "fra", "eller"]),
    ("norwegian", &["og", "å", "det", "er", "en", "på", "til", "av", "for", "med", "den", "ikke", "som", "et", "har", "de", "kan", "fra", "eller", "ikkje"]),
    ("finnish", &["ja", "on", "ei", "että", "se", "ole", "hän", "mutta", "tai", "kun", "joka", "ovat", "myös", "sen", "kanssa", "niin", "voi", "jos", "oli", "tämä"]),
    ("hungarian", &["és", "az", "a", "hogy", "nem", "egy", "van", "is", "ez", "meg", "csak", "vagy", "kell", "volt", "de", "ha", "már", "mint", "lehet", "azt"]),
    ("romanian", &["și", "în", "de", "la", "cu", "nu", "este", "pe", "care", "un", "o", "din", "să", "mai", "sau", "pentru", "sunt", "se", "cea", "prin"]),
    ("russian", &["и", "в", "не", "на", "что", "с", "по", "это", "как", "для", "от", "или", "но", "из", "к", "то", "при", "за", "его", "если"]),
    ("turkish", &["ve", "bir", "bu", "için", "ile", "de", "da", "olarak", "olan", "gibi", "daha", "çok", "değil", "veya", "her", "en", "ne", "kadar", "sonra", "ise"]),
];

/// The language of a document, as PostgreSQL calls it. What tells nothing is taken for English where its
/// letters are Latin, and for no language elsewhere.
#[must_use]
pub fn language(title: &str, cuts: &[Cut]) -> &'static str {
    let texts = || std::iter::once(title).chain(cuts.iter().map(|cut| cut.text.as_str()));
    let mut counts = [0_usize; LANGUAGES.len()];
    let mut total = 0;
    for word in texts().flat_map(words).take(WORDS_MAX) {
        let word = word.to_lowercase();
        total += 1;
        for (count, (_, small)) in counts.iter_mut().zip(&LANGUAGES) {
            *count += usize::from(small.contains(&word.as_str()));
        }
    }
    // Of several with as many words the first.
    let counted = counts.iter().zip(&LANGUAGES).rev();
    if let Some((count, &(name, _))) = counted.max_by_key(|(count, _)| **count)
        && *count >= 2
        && *count * ONE_OF >= total
    {
        return name;
    }
    let letters = texts().flat_map(str::chars).filter(|c| c.is_alphabetic()).take(WORDS_MAX);
    let (latin, others): (Vec<_>, Vec<_>) = letters.partition(|c| *c < '\u{250}');
    if others.len() > latin.len() { "simple" } else { "english" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_words_tell_the_language() {
        for (text, expected) in [
            ("Employees get 30 days of paid leave, and it is asked for in the portal.", "english"),
            ("Die Kündigungsfrist beträgt vier Wochen und wird nicht verkürzt.", "german"),
            ("Le contrat est signé par les deux parties et une copie reste au siège.", "french"),
            ("El contrato se firma por las dos partes y una copia queda en la sede.", "spanish"),
            ("Il contratto è firmato dalle parti e una copia resta nella sede.", "italian"),
            ("O contrato é assinado por ambas as partes e uma cópia fica na sede.", "portuguese"),
            ("Het contract wordt door de partijen getekend en een kopie is hier.", "dutch"),
            ("Avtalet är klart och det som inte står i det gäller för alla.", "swedish"),
            ("Aftalen er underskrevet af parterne, og den er ikke til at ændre.", "danish"),
            ("Avtalen er signert av partene, og det er ikke lov å endre den.", "norwegian"),
            ("Договор подписан и не может быть изменён, если это не указано в нём.", "russian"),
            ("従業員は年に三十日の有給休暇を取得できます。", "simple"),
            // What tells nothing.
            ("city: Bergen; people: 285000\ncity: Oslo; people: 700000", "english"),
            ("Los Angeles 3820914, Chicago 2664452, Houston 2314157, Phoenix 1650070", "english"),
            ("A letter costs a penny a day", "english"),
            ("1 2 3", "english"),
            ("", "english"),
        ] {
            let cuts = [Cut { heading: String::new(), text: text.to_owned() }];
            assert_eq!(language("", &cuts), expected, "{text}");
        }
    }
}

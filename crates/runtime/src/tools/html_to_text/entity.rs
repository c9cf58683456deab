//! Character references.

/// The named references in common use. The names of Latin letters are formed by [`accented`].
#[rustfmt::skip]
const NAMED: [(&str, &str); 84] = [
    ("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'"), ("nbsp", " "), ("ensp", " "), ("emsp", " "), ("thinsp", " "),
    ("shy", ""), ("zwnj", ""), ("zwj", ""), ("lrm", ""), ("rlm", ""), ("ndash", "–"), ("mdash", "—"), ("lsquo", "‘"), ("rsquo", "’"),
    ("sbquo", "‚"), ("ldquo", "“"), ("rdquo", "”"), ("bdquo", "„"), ("laquo", "«"), ("raquo", "»"), ("lsaquo", "‹"), ("rsaquo", "›"),
    ("hellip", "…"), ("bull", "•"), ("middot", "·"), ("copy", "©"), ("reg", "®"), ("trade", "™"), ("deg", "°"), ("plusmn", "±"),
    ("times", "×"), ("divide", "÷"), ("minus", "−"), ("frac12", "½"), ("frac14", "¼"), ("frac34", "¾"), ("sup1", "¹"), ("sup2", "²"),
    ("sup3", "³"), ("micro", "µ"), ("para", "¶"), ("sect", "§"), ("dagger", "†"), ("Dagger", "‡"), ("permil", "‰"), ("prime", "′"),
    ("Prime", "″"), ("euro", "€"), ("pound", "£"), ("yen", "¥"), ("cent", "¢"), ("curren", "¤"), ("iexcl", "¡"), ("iquest", "¿"),
    ("szlig", "ß"), ("AElig", "Æ"), ("aelig", "æ"), ("OElig", "Œ"), ("oelig", "œ"), ("Oslash", "Ø"), ("oslash", "ø"), ("ETH", "Ð"),
    ("eth", "ð"), ("THORN", "Þ"), ("thorn", "þ"), ("larr", "←"), ("uarr", "↑"), ("rarr", "→"), ("darr", "↓"), ("harr", "↔"),
    ("infin", "∞"), ("ne", "≠"), ("le", "≤"), ("ge", "≥"), ("asymp", "≈"), ("sum", "∑"), ("radic", "√"), ("check", "✓"),
    ("ordf", "ª"), ("ordm", "º"),
];
#[rustfmt::skip]
const GREEK: [(&str, char, char); 24] = [
    ("alpha", 'Α', 'α'), ("beta", 'Β', 'β'), ("gamma", 'Γ', 'γ'), ("delta", 'Δ', 'δ'), ("epsilon", 'Ε', 'ε'), ("zeta", 'Ζ', 'ζ'),
    ("eta", 'Η', 'η'), ("theta", 'Θ', 'θ'), ("iota", 'Ι', 'ι'), ("kappa", 'Κ', 'κ'), ("lambda", 'Λ', 'λ'), ("mu", 'Μ', 'μ'),
    ("nu", 'Ν', 'ν'), ("xi", 'Ξ', 'ξ'), ("omicron", 'Ο', 'ο'), ("pi", 'Π', 'π'), ("rho", 'Ρ', 'ρ'), ("sigma", 'Σ', 'σ'),
    ("tau", 'Τ', 'τ'), ("upsilon", 'Υ', 'υ'), ("phi", 'Φ', 'φ'), ("chi", 'Χ', 'χ'), ("psi", 'Ψ', 'ψ'), ("omega", 'Ω', 'ω'),
];
/// What Windows-1252 has where Unicode has control characters; pages mean these.
#[rustfmt::skip]
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];
/// Letters with accents, by the accent's name, as `letters` and `accented` in step.
const ACCENTS: [(&str, &str, &str); 8] = [
    ("acute", "AEIOUYaeiouyCcNnSsZz", "ÁÉÍÓÚÝáéíóúýĆćŃńŚśŹź"),
    ("grave", "AEIOUaeiou", "ÀÈÌÒÙàèìòù"),
    ("circ", "AEIOUaeiou", "ÂÊÎÔÛâêîôû"),
    ("uml", "AEIOUYaeiouy", "ÄËÏÖÜŸäëïöüÿ"),
    ("tilde", "ANOano", "ÃÑÕãñõ"),
    ("ring", "AaUu", "ÅåŮů"),
    ("cedil", "CcSs", "ÇçŞş"),
    ("caron", "CcDdEeNnRrSsTtZz", "ČčĎďĚěŇňŘřŠšŤťŽž"),
];

/// The text with its character references read. What is none stays as it is.
pub(super) fn decode(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((length, decoded)) = reference(&rest[1..]) {
            text.push_str(&decoded);
            rest = &rest[1 + length..];
        } else {
            text.push('&');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    text
}

/// The reference after an ampersand: its length and its text.
fn reference(text: &str) -> Option<(usize, String)> {
    let bytes = text.as_bytes();
    if bytes.first() == Some(&b'#') {
        let hexadecimal = matches!(bytes.get(1), Some(b'x' | b'X'));
        let (from, radix) = if hexadecimal { (2, 16) } else { (1, 10) };
        let length = bytes[from.min(bytes.len())..]
            .iter()
            .take(9)
            .take_while(|b| char::from(**b).is_digit(radix))
            .count();
        let code = u32::from_str_radix(text.get(from..from + length)?, radix).ok()?;
        let character = match code {
            0x80..=0x9f => WINDOWS[code as usize - 0x80],
            0 => '\u{fffd}',
            code => char::from_u32(code).unwrap_or('\u{fffd}'),
        };
        let end = from + length;
        return Some((end + usize::from(bytes.get(end) == Some(&b';')), character.to_string()));
    }
    let length = bytes.iter().take(12).take_while(|b| b.is_ascii_alphanumeric()).count();
    let name = &text[..length];
    let closed = bytes.get(length) == Some(&b';');
    // Without its semicolon only the oldest names count.
    if !closed && !matches!(name, "amp" | "lt" | "gt" | "quot" | "nbsp" | "copy" | "reg") {
        return None;
    }
    let decoded = NAMED
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| (*text).to_owned())
        .or_else(|| accented(name).map(String::from))?;
    Some((length + usize::from(closed), decoded))
}

fn accented(name: &str) -> Option<char> {
    let first = name.chars().next()?;
    let lower = name.to_ascii_lowercase();
    if let Some((_, upper, small)) = GREEK.iter().find(|(known, ..)| *known == lower) {
        return Some(if first.is_ascii_uppercase() { *upper } else { *small });
    }
    let accent = name.get(1..)?;
    let (_, letters, accented) = ACCENTS.iter().find(|(known, ..)| *known == accent)?;
    accented.chars().nth(letters.chars().position(|letter| letter == first)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn references_are_read() {
        for (raw, text) in [
            ("a &amp; b", "a & b"), ("&lt;p&gt;", "<p>"), ("caf&eacute;", "café"), ("&Auml;&ouml;&szlig;", "Äöß"), ("&#233;&#xe9;", "éé"),
            ("&#8217;", "’"), ("&#146;", "’"), ("&hellip;", "…"), ("&nbsp;", " "), ("AT&T", "AT&T"), ("a&b=c", "a&b=c"), ("&amp", "&"),
            ("&unknown;", "&unknown;"), ("&#0;", "\u{fffd}"), ("&#x110000;", "\u{fffd}"), ("&#;", "&#;"), ("&", "&"), ("&Omega;", "Ω"),
            ("&copy 2026", "© 2026"), ("&é;", "&é;"), ("&#99999999999;", "\u{fffd}99;"),
        ] {
            assert_eq!(decode(raw), text, "{raw}");
        }
    }
}

//! Several texts in one field: each begins on a line of its own, and a line that is indented belongs to the text
//! above it.

use resonant_domain::variable::Values;

#[cfg(feature = "ssr")]
pub(super) use read::read;
#[cfg(feature = "ssr")]
pub(crate) use read::read_values;

/// How the further lines of a text are indented.
const INDENT: &str = "  ";

/// Writes a text below those that stand there.
pub(super) fn add(written: &mut String, text: &str) {
    if !written.is_empty() {
        written.push('\n');
    }
    for (index, line) in text.trim().lines().enumerate() {
        if index > 0 {
            written.push('\n');
            written.push_str(INDENT);
        }
        written.push_str(line);
    }
}

/// Writes `name = value` for each of the values, as `read_values` reads it.
pub(crate) fn write_values(values: &Values) -> String {
    let mut written = String::new();
    for (name, value) in values {
        add(&mut written, &format!("{name} = {value}"));
    }
    written
}

#[cfg(feature = "ssr")]
mod read {
    use resonant_domain::FieldFault;
    use resonant_domain::variable::Values;

    use super::INDENT;
    use crate::language::key;

    /// The texts that a field holds. Blank lines part them; one within a text belongs to it.
    pub(in crate::features::studio) fn read(written: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        let mut blank = 0;
        for line in written.lines() {
            if line.trim().is_empty() {
                blank += 1;
                continue;
            }
            if let (Some(rest), Some(text)) = (indented(line), texts.last_mut()) {
                text.extend(std::iter::repeat_n('\n', blank + 1));
                text.push_str(rest);
            } else {
                texts.push(line.trim_start().to_owned());
            }
            blank = 0;
        }
        texts.into_iter().map(|text| text.trim_end().to_owned()).collect()
    }

    /// What an indented line says. What it is indented by beyond that is its own.
    fn indented(line: &str) -> Option<&str> {
        line.strip_prefix(INDENT).or_else(|| line.strip_prefix([' ', '\t']))
    }

    /// Reads `name = value` from each of the texts that a field holds.
    pub(crate) fn read_values(faults: &mut Vec<FieldFault>, field: &str, written: &str) -> Values {
        let mut values = Values::new();
        for text in read(written) {
            let parts = text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            let Some((name, value)) = parts.filter(|(name, _)| !name.is_empty()) else {
                let reason = key("must have a name, = and a value on each line");
                faults.push(FieldFault::new(field, reason));
                return values;
            };
            if values.insert(name.to_owned(), value.to_owned()).is_some() {
                faults.push(FieldFault::new(field, format!("must name {name} once")));
            }
        }
        values
    }

    #[cfg(test)]
    mod tests {
        use super::super::add;
        use super::*;

        #[test]
        fn texts_of_several_lines_survive_the_field() {
            let texts = ["one", "two\n\n\n  indented\nlast", "C:\\new", "three\n\ttab"];
            let mut written = String::new();
            for text in texts {
                add(&mut written, text);
            }
            assert_eq!(read(&written), texts);
            // As a form sends it.
            assert_eq!(read(&written.replace('\n', "\r\n")), texts);
        }

        #[test]
        fn a_line_that_is_not_indented_begins_a_text() {
            assert_eq!(read(" one\n\n two\nthree\n\tmore\n   \n"), ["one\n\ntwo", "three\nmore"]);
            assert_eq!(read("one \n\ntwo"), ["one", "two"]);
            assert_eq!(read(" \r\n"), Vec::<String>::new());
        }

        #[test]
        fn values_are_read_text_by_text() {
            let read = |written: &str| {
                let mut faults = Vec::new();
                (read_values(&mut faults, "variables", written), faults.len())
            };
            let (values, faults) =
                read("city = Oslo\r\n\ntone=kind = of\naddress = 1 Way\n  = Oslo");
            let values: Vec<_> = values.into_iter().collect();
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let address = pair("address", "1 Way\n= Oslo");
            assert_eq!(values, [address, pair("city", "Oslo"), pair("tone", "kind = of")]);
            assert_eq!(faults, 0);
            for broken in ["city", "= Oslo", "city = Oslo\ncity = Bergen"] {
                assert_eq!(read(broken).1, 1, "{broken}");
            }
        }
    }
}

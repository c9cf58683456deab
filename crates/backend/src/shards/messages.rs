//! What PostgreSQL tells of the rows that change on a database (`pgoutput`, version 1 of its messages), read for
//! their primary keys alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::bucket_changes::Column;
use crate::{Error, Result};

/// The columns of the tables' primary keys.
pub(super) type Keys = BTreeMap<String, Vec<Column>>;

/// Rows, by their tables and primary keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rows(BTreeMap<String, BTreeSet<Vec<String>>>);

impl Rows {
    pub(super) fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = (&String, &BTreeSet<Vec<String>>)> {
        self.0.iter()
    }

    fn insert(&mut self, table: &str, key: Vec<String>) {
        self.0.entry(table.to_owned()).or_default().insert(key);
    }
}

/// Whoever reads the messages of one database, with what they have told of its tables.
#[derive(Debug, Default)]
pub(super) struct Reader {
    relations: BTreeMap<u32, Relation>,
}

/// A table, by the number that messages give it.
#[derive(Debug)]
struct Relation {
    table: String,
    /// Where the columns of its primary key are among all.
    key: Vec<usize>,
}

impl Reader {
    /// Notes which rows a message is about.
    pub(super) fn read(&mut self, message: &[u8], keys: &Keys, rows: &mut Rows) -> Result<()> {
        let mut message = Message(message);
        let is_read = match message.byte() {
            Some(b'R') => self.read_relation(message, keys),
            Some(b'I' | b'U' | b'D') => self.read_change(message, rows),
            // Where transactions begin and end, and what of tables changes as a whole.
            _ => Some(()),
        };
        is_read.ok_or_else(|| Error::internal("a message of pgoutput that is not understood"))
    }

    fn read_relation(&mut self, mut message: Message<'_>, keys: &Keys) -> Option<()> {
        let number = message.number()?;
        let (_schema, table) = (message.text()?, message.text()?);
        // A partition is told of beside the whole, which is what rows are told of.
        let Some(key) = keys.get(table) else { return Some(()) };
        let _identity = message.byte()?;
        let mut columns = Vec::new();
        for _ in 0..message.count()? {
            let _flags = message.byte()?;
            columns.push(message.text()?);
            let _kind = (message.number()?, message.number()?);
        }
        let place = |column: &Column| columns.iter().position(|name| *name == column.name);
        let key = key.iter().map(place).collect::<Option<_>>()?;
        self.relations.insert(number, Relation { table: table.to_owned(), key });
        Some(())
    }

    fn read_change(&self, mut message: Message<'_>, rows: &mut Rows) -> Option<()> {
        let relation = self.relations.get(&message.number()?)?;
        // A row as it was, as it is, or both where its key has changed.
        while let Some(_which) = message.byte() {
            let columns = message.columns()?;
            let part = |at: &usize| columns.get(*at).copied().flatten().map(str::to_owned);
            let key = relation.key.iter().map(part).collect::<Option<_>>()?;
            rows.insert(&relation.table, key);
        }
        Some(())
    }
}

/// What of a message is not read yet. Nothing comes of one that ends too early.
struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    fn count(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.bytes(2)?.try_into().ok()?))
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.bytes(4)?.try_into().ok()?))
    }

    /// A text that ends with a zero.
    fn text(&mut self) -> Option<&'a str> {
        let length = self.0.iter().position(|byte| *byte == 0)?;
        let text = str::from_utf8(self.bytes(length)?).ok()?;
        self.byte()?;
        Some(text)
    }

    /// The columns of a row. Those that are null, or too long to be told again, are nothing: no primary key has
    /// one.
    fn columns(&mut self) -> Option<Vec<Option<&'a str>>> {
        let count = self.count()?;
        let column = |_| match self.byte()? {
            b't' => {
                let length = usize::try_from(self.number()?).ok()?;
                Some(Some(str::from_utf8(self.bytes(length)?).ok()?))
            }
            b'n' | b'u' => Some(None),
            _ => None,
        };
        (0..count).map(column).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let column = |name: &str| Column { name: name.to_owned(), kind: "uuid".to_owned() };
        Keys::from([("notes".to_owned(), vec![column("owner_id"), column("note_id")])])
    }

    fn relation(number: u32, table: &str) -> Vec<u8> {
        let mut message = [&b"R"[..], &number.to_be_bytes(), b"public\0"].concat();
        message.extend([table.as_bytes(), b"\0d", &3_u16.to_be_bytes()].concat());
        for column in ["note_id", "words", "owner_id"] {
            message.extend([&b"\x01"[..], column.as_bytes(), b"\0", &[0; 8]].concat());
        }
        message
    }

    fn row(which: u8, columns: [Option<&str>; 3]) -> Vec<u8> {
        let mut row = vec![which, 0, 3];
        for column in columns {
            let Some(text) = column else {
                row.push(b'n');
                continue;
            };
            let length = u32::try_from(text.len()).unwrap();
            row.extend([&b"t"[..], &length.to_be_bytes(), text.as_bytes()].concat());
        }
        row
    }

    fn change(kind: u8, number: u32, rows: &[Vec<u8>]) -> Vec<u8> {
        [&[kind][..], &number.to_be_bytes(), &rows.concat()].concat()
    }

    #[test]
    fn each_change_tells_the_keys_that_it_is_about() {
        let (keys, mut reader, mut rows) = (keys(), Reader::default(), Rows::default());
        let one = row(b'N', [Some("1"), Some("new"), Some("o")]);
        let two = row(b'N', [Some("2"), None, Some("o")]);
        let (was, is) =
            (row(b'K', [Some("3"), None, Some("o")]), row(b'N', [Some("4"), None, Some("o")]));
        let gone = row(b'K', [Some("5"), None, Some("p")]);
        let messages = [
            b"B and when".to_vec(),
            relation(7, "notes"),
            relation(8, "notes_of_november"),
            change(b'I', 7, &[one]),
            change(b'U', 7, &[two]),
            change(b'U', 7, &[was, is]),
            change(b'D', 7, &[gone]),
            b"C and where".to_vec(),
        ];
        for message in messages {
            reader.read(&message, &keys, &mut rows).unwrap();
        }
        let found: Vec<_> =
            rows.tables().flat_map(|(_, keys)| keys).map(|key| key.join(" ")).collect();
        assert_eq!(found, ["o 1", "o 2", "o 3", "o 4", "p 5"]);
        assert_eq!(rows.count(), 5);
    }

    #[test]
    fn what_is_not_understood_is_no_change_that_could_be_left_out() {
        let (keys, mut reader, mut rows) = (keys(), Reader::default(), Rows::default());
        reader.read(&relation(7, "notes"), &keys, &mut rows).unwrap();
        let whole = change(b'I', 7, &[row(b'N', [Some("1"), None, Some("o")])]);
        let of_nobody = change(b'I', 9, &[row(b'N', [Some("1"), None, Some("o")])]);
        let without_key = change(b'I', 7, &[row(b'N', [None, Some("1"), Some("o")])]);
        for message in [&whole[..whole.len() - 1], &of_nobody, &without_key] {
            let read = reader.read(message, &keys, &mut rows);
            assert!(matches!(read, Err(Error::Internal(_))), "{message:?}");
        }
        assert_eq!(rows, Rows::default());
    }
}

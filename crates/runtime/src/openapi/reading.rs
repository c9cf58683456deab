//! From a document's text to its values, JSON or YAML. An alias of YAML stands for all that it names, as
//! often as it is named: what comes of that is counted while it is read.

use std::cell::Cell;
use std::fmt;

use resonant_domain::openapi::DOCUMENT_MAX_BYTES;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How long a document may be once its aliases are put in, in bytes as JSON takes them.
const WHOLE_MAX_BYTES: usize = 2 * DOCUMENT_MAX_BYTES;

/// JSON where the text is JSON, YAML otherwise.
///
/// # Errors
/// Why it is neither, as a sentence part for the field that holds it.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let told = |error: &dyn fmt::Display| format!("must be JSON or YAML: {error}");
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| told(&error));
    }
    let left = Cell::new(WHOLE_MAX_BYTES);
    let document = serde_norway::Deserializer::from_str(text);
    Counted(&left).deserialize(document).map_err(|error| told(&error))
}

/// Reads a value, as long as so many bytes are left for it.
#[derive(Clone, Copy)]
struct Counted<'a>(&'a Cell<usize>);

impl Counted<'_> {
    /// Counts a value of this length, and what stands beside it: quotes, a comma.
    fn count<E: Error>(self, bytes: usize) -> Result<(), E> {
        match self.0.get().checked_sub(bytes + 2) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err(E::custom("its aliases repeat too much")),
        }
    }

    fn counted<E: Error>(self, value: impl Into<Value>) -> Result<Value, E> {
        self.count::<E>(1)?;
        Ok(value.into())
    }
}

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has, too")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.counted(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.counted(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.counted(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.counted(value)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.counted(Value::Null)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.count::<E>(value.len())?;
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        self.count::<A::Error>(0)?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.count::<A::Error>(0)?;
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            self.count::<A::Error>(name.len())?;
            let value = map.next_value_seed(self)?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

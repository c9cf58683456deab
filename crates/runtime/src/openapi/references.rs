//! `$ref`: pointers within the document. Others are not followed: a document must not make this
//! installation read files or addresses.

use serde_json::{Map, Value};

/// How deep references are put in before the rest is left open.
const DEPTH_MAX: usize = 12;
/// How often a schema is put in within itself. A tree has as many branches again at each level.
const WITHIN_MAX: usize = 2;
/// How many values one schema may have once its references are put in.
const VALUES_MAX: usize = 2_000;
/// How long its texts and names may be then, in KiB: what is written once may be referred to often.
const TEXTS_MAX_KIB: usize = 512;

pub(super) struct References<'a> {
    document: &'a Value,
}

/// A schema while its references are put in.
#[derive(Default)]
struct Filling<'a> {
    values: usize,
    /// The length of the texts and names, in bytes.
    length: usize,
    /// The references that are being followed.
    above: Vec<&'a str>,
}

impl Filling<'_> {
    fn add(&mut self, text: &str) -> Result<(), String> {
        self.length += text.len();
        if self.length > TEXTS_MAX_KIB * 1024 {
            return Err(format!("its schema holds more than {TEXTS_MAX_KIB} KiB of text"));
        }
        Ok(())
    }
}

impl<'a> References<'a> {
    pub(super) const fn new(document: &'a Value) -> Self {
        Self { document }
    }

    /// What a value that may be a reference stands for; `None` when it leads nowhere or outside.
    pub(super) fn follow(&self, mut value: &'a Value) -> Option<&'a Value> {
        for _ in 0..DEPTH_MAX {
            match value.get("$ref") {
                None => return Some(value),
                Some(target) => value = self.find(target.as_str()?)?,
            }
        }
        None
    }

    /// A schema with its references put in. A schema that holds itself ends as “anything”.
    ///
    /// # Errors
    /// A reference that leads nowhere or outside, or a schema that grows too large.
    pub(super) fn put_in(&self, schema: &Value) -> Result<Value, String> {
        self.put_in_at(schema, &mut Filling::default())
    }

    fn put_in_at<'s>(
        &'s self,
        value: &'s Value,
        filling: &mut Filling<'s>,
    ) -> Result<Value, String> {
        filling.values += 1;
        if filling.values > VALUES_MAX {
            return Err(format!("its schema has more than {VALUES_MAX} parts"));
        }
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref") {
                    let target = target.as_str().unwrap_or_default();
                    let found = self.find(target);
                    let found = found.ok_or_else(|| format!("it refers to {target:?}"))?;
                    let within = filling.above.iter().filter(|above| **above == target).count();
                    if within >= WITHIN_MAX || filling.above.len() >= DEPTH_MAX {
                        return Ok(Value::Object(Map::new()));
                    }
                    filling.above.push(target);
                    let filled = self.put_in_at(found, filling);
                    filling.above.pop();
                    return filled;
                }
                let mut filled = Map::new();
                for (name, value) in fields {
                    filling.add(name)?;
                    filled.insert(name.clone(), self.put_in_at(value, filling)?);
                }
                Ok(Value::Object(filled))
            }
            Value::Array(items) => items.iter().map(|item| self.put_in_at(item, filling)).collect(),
            Value::String(text) => {
                filling.add(text)?;
                Ok(value.clone())
            }
            other => Ok(other.clone()),
        }
    }

    /// What stands where a reference points to, written as it is or as a part of an address (RFC 6901, 6).
    fn find(&self, target: &str) -> Option<&'a Value> {
        let pointer = target.strip_prefix('#')?;
        let found = self.document.pointer(pointer);
        found.or_else(|| self.document.pointer(&decoded(pointer)?))
    }
}

/// A text without its percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

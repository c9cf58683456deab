//! `$ref`: pointers within the document. Others are not followed: a document must not make this
//! installation read files or addresses.

use serde_json::{Map, Value};

/// How deep references are put in before the rest is left open.
const DEPTH_MAX: usize = 12;
/// How many values one schema may have once its references are put in.
const VALUES_MAX: usize = 2_000;

pub(super) struct References<'a> {
    document: &'a Value,
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
                Some(target) => {
                    value = self.document.pointer(target.as_str()?.strip_prefix('#')?)?;
                }
            }
        }
        None
    }

    /// A schema with its references put in. A schema that holds itself ends as “anything”.
    ///
    /// # Errors
    /// A reference that leads nowhere or outside, or a schema that grows too large.
    pub(super) fn put_in(&self, schema: &Value) -> Result<Value, String> {
        let mut count = 0;
        self.put_in_at(schema, 0, &mut count)
    }

    fn put_in_at(&self, value: &Value, depth: usize, count: &mut usize) -> Result<Value, String> {
        *count += 1;
        if *count > VALUES_MAX {
            return Err(format!("its schema has more than {VALUES_MAX} parts"));
        }
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref") {
                    let target = target.as_str().unwrap_or_default();
                    let found = target.strip_prefix('#').and_then(|at| self.document.pointer(at));
                    let found = found.ok_or_else(|| format!("it refers to {target:?}"))?;
                    if depth >= DEPTH_MAX {
                        return Ok(Value::Object(Map::new()));
                    }
                    return self.put_in_at(found, depth + 1, count);
                }
                let mut filled = Map::new();
                for (name, value) in fields {
                    filled.insert(name.clone(), self.put_in_at(value, depth, count)?);
                }
                Ok(Value::Object(filled))
            }
            Value::Array(items) => {
                items.iter().map(|item| self.put_in_at(item, depth, count)).collect()
            }
            other => Ok(other.clone()),
        }
    }
}

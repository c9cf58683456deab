//! From JSON to CSV.

use crate::tools::document::Document;
use crate::tools::tool::ToolError;

/// The most columns of a table.
pub(super) const COLUMNS_MAX: usize = 500;

/// A list of objects, of lists or of values as CSV.
pub(super) fn to_csv(value: &Document) -> Result<String, ToolError> {
    let one;
    let list = match value {
        Document::Array(list) => list,
        object @ Document::Object(_) => {
            one = vec![object.clone()];
            &one
        }
        other => {
            return Err(ToolError::Failed(format!("{} cannot become a table", super::kind(other))));
        }
    };
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let mut write = |cells: Vec<String>| {
        writer
            .write_record(if cells.is_empty() { vec![String::new()] } else { cells })
            .map_err(|error| ToolError::Failed(error.to_string()))
    };
    let columns = Document::columns(list, COLUMNS_MAX);
    if columns.len() > COLUMNS_MAX {
        return Err(ToolError::Failed(format!(
            "the table would have more than {COLUMNS_MAX} columns"
        )));
    }
    if !columns.is_empty() {
        write(columns.clone())?;
    }
    for item in list {
        write(match item {
            Document::Object(_) => columns
                .iter()
                .map(|column| item.get(column).map(Document::cell).unwrap_or_default())
                .collect(),
            Document::Array(cells) => cells.iter().map(Document::cell).collect(),
            value => vec![value.cell()],
        })?;
    }
    let bytes = writer.into_inner().map_err(|error| ToolError::Failed(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

//! The rules that turn the form of a tool into a grant.

use std::collections::BTreeMap;

use resonant_domain::FieldFault;
use resonant_domain::agent::ToolGrant;
use resonant_domain::grant::ToolSettings;
use resonant_domain::http_tool::{HttpMethod, HttpTool};
use resonant_domain::mcp_tool::McpTool;
use serde_json::Value;

use super::tool_form::ToolForm;
use crate::language::key;

impl ToolForm {
    /// The tool that the form describes, or every field that cannot be read. What a form does not know
    /// of stays as it was `before`.
    pub fn grant(&self, before: Option<&ToolGrant>) -> Result<ToolGrant, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let settings = match before.map(|grant| &grant.settings) {
            Some(ToolSettings::Mcp(tool)) => ToolSettings::Mcp(self.mcp(&mut faults, tool)),
            Some(ToolSettings::Http(tool)) => {
                ToolSettings::Http(self.http(&mut faults, Some(tool)))
            }
            None => ToolSettings::Http(self.http(&mut faults, None)),
            Some(other) => {
                faults.push(FieldFault::new("name", key("must be that of a tool of HTTP or MCP")));
                other.clone()
            }
        };
        let hosts = self.hosts.split(|c: char| c == ',' || c.is_whitespace());
        let grant = ToolGrant {
            name: self.name.trim().to_owned(),
            settings,
            hosts: hosts.filter(|host| !host.is_empty()).map(str::to_lowercase).collect(),
            needs_approval: self.needs_approval == "true",
            unsafe_to_repeat: before.and_then(|grant| grant.unsafe_to_repeat),
            is_off: before.is_some_and(|grant| grant.is_off),
        };
        if faults.is_empty() { Ok(grant) } else { Err(faults) }
    }

    fn http(&self, faults: &mut Vec<FieldFault>, before: Option<&HttpTool>) -> HttpTool {
        let method = HttpMethod::ALL.into_iter().find(|method| method.as_str() == self.method);
        if method.is_none() {
            let known = HttpMethod::ALL.map(HttpMethod::as_str).join(", ");
            let reason = format!("must be one of {known}");
            faults.push(FieldFault::new("settings.method", reason));
        }
        let body = Some(self.body.trim()).filter(|body| !body.is_empty());
        let query = read_lines(faults, "settings.query", &self.query, '=');
        let mut styles = before.map_or_else(BTreeMap::new, |before| before.styles.clone());
        styles.retain(|name, _| query.contains_key(name));
        HttpTool {
            description: self.description.trim().replace("\r\n", "\n"),
            method: method.unwrap_or_default(),
            url: self.url.trim().to_owned(),
            query,
            styles,
            headers: read_lines(faults, "settings.headers", &self.headers, ':'),
            body: body.map(|body| {
                serde_json::from_str(body).unwrap_or_else(|_| body.replace("\r\n", "\n").into())
            }),
            input_schema: read_schema(faults, &self.input_schema),
            timeout_seconds: read_seconds(faults, &self.timeout_seconds),
            operation: before.and_then(|before| before.operation.clone()),
        }
    }

    fn mcp(&self, faults: &mut Vec<FieldFault>, before: &McpTool) -> McpTool {
        McpTool {
            server: self.url.trim().to_owned(),
            tool: before.tool.clone(),
            description: self.description.trim().replace("\r\n", "\n"),
            input_schema: before.input_schema.clone(),
            headers: read_lines(faults, "settings.headers", &self.headers, ':'),
            timeout_seconds: read_seconds(faults, &self.timeout_seconds),
        }
    }
}

/// Reads `name<between>value` from each line that holds something.
pub(super) fn read_lines(
    faults: &mut Vec<FieldFault>,
    field: &str,
    text: &str,
    between: char,
) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let parts = line.split_once(between).map(|(name, value)| (name.trim(), value.trim()));
        match parts.filter(|(name, _)| !name.is_empty()) {
            None => {
                let reason = if between == ':' {
                    key("must have a name, : and a value on each line")
                } else {
                    key("must have a name, = and a value on each line")
                };
                faults.push(FieldFault::new(field, reason));
                return read;
            }
            Some((name, value)) => {
                if read.insert(name.to_owned(), value.to_owned()).is_some() {
                    faults.push(FieldFault::new(field, format!("must name {name} once")));
                }
            }
        }
    }
    read
}

fn read_schema(faults: &mut Vec<FieldFault>, text: &str) -> Value {
    if text.trim().is_empty() {
        return HttpTool::default_schema();
    }
    serde_json::from_str(text).unwrap_or_else(|error| {
        let reason = format!("must be JSON: {error}");
        faults.push(FieldFault::new("settings.input_schema", reason));
        HttpTool::default_schema()
    })
}

fn read_seconds(faults: &mut Vec<FieldFault>, text: &str) -> u32 {
    let text = text.trim();
    if text.is_empty() {
        return 15;
    }
    text.parse().unwrap_or_else(|_| {
        faults.push(FieldFault::new("settings.timeout_seconds", key("must be a whole number")));
        15
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn weather() -> ToolGrant {
        serde_json::from_value(json!({
            "name": "weather",
            "needs_approval": true,
            "unsafe_to_repeat": true,
            "hosts": ["b.example.org"],
            "settings": {
                "kind": "http",
                "method": "POST",
                "description": "The weather",
                "url": "https://api.example.org/{{city}}",
                "query": { "unit": "c" },
                "headers": { "authorization": "Bearer {{secrets.KEY}}" },
                "body": { "days": "{{days}}" },
                "input_schema": { "type": "object", "properties": { "city": {}, "days": {} } },
                "timeout_seconds": 20,
                "operation": "GET /weather",
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_tool_survives_the_form() {
        let mut text_body = weather();
        if let ToolSettings::Http(tool) = &mut text_body.settings {
            tool.body = Some("a=1&b={{city}}".into());
        }
        for grant in [weather(), text_body] {
            assert_eq!(ToolForm::from(&grant).grant(Some(&grant)), Ok(grant));
        }
        let mcp: ToolGrant = serde_json::from_value(json!({
            "name": "search",
            "settings": {
                "kind": "mcp",
                "server": "https://mcp.example.org/",
                "tool": "search it",
                "description": "Searches",
                "headers": { "x-key": "{{secrets.KEY}}" },
                "input_schema": { "type": "object" },
                "timeout_seconds": 30,
            },
        }))
        .unwrap();
        assert_eq!(ToolForm::from(&mcp).grant(Some(&mcp)), Ok(mcp));
    }

    #[test]
    fn each_field_that_cannot_be_read_is_named() {
        type Break = fn(&mut ToolForm);
        let table: [(&str, Break); 6] = [
            ("settings.method", |f| f.method = "BREW".to_owned()),
            ("settings.headers", |f| f.headers = "no colon".to_owned()),
            ("settings.headers", |f| f.headers = "a: 1\na: 2".to_owned()),
            ("settings.query", |f| f.query = "=1".to_owned()),
            ("settings.input_schema", |f| f.input_schema = "{".to_owned()),
            ("settings.timeout_seconds", |f| f.timeout_seconds = "soon".to_owned()),
        ];
        for (field, breaks) in table {
            let mut form = ToolForm::from(&weather());
            breaks(&mut form);
            let faults = form.grant(None).unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].field, field);
        }
    }
}

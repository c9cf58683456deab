//! From a web page to the text that a person reads on it.
//!
//! Pages come from strangers, so both passes are linear in the length of the page and neither
//! recurses: `token` cuts the page into tags and text, `render` writes the text down.

mod entity;
mod render;
mod token;

use serde_json::{Value, json};
use url::Url;

use super::material::{self, capped, flag};
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};
use render::Part;

/// Turns a web page into plain readable text.
#[derive(Debug, Clone, Copy)]
pub struct HtmlToText;

impl Tool for HtmlToText {
    fn name(&self) -> &'static str {
        "html_to_text"
    }

    fn description(&self) -> &'static str {
        "Turns HTML into plain readable text: the title, then headings as #, lists as -, table rows with | between the \
         cells. Scripts, navigation and hidden parts are left out. With `links` the links follow as a list. Pages read by \
         http_fetch are text already."
    }

    fn parameters(&self) -> Value {
        let properties = json!({
            "links": { "type": "boolean", "description": "Whether to list the links after the text. No when absent." },
        });
        schema::object(&schema::with_text(properties, "the HTML"), &[])
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move { run(arguments, context) })
    }
}

fn run(arguments: &Value, context: &ToolContext) -> Result<String, ToolError> {
    let html = material::text(arguments, context)?;
    let page = read(&html, None);
    let mut text = String::new();
    if !page.title.is_empty() && !page.text.starts_with(&format!("# {}", page.title)) {
        text = format!("# {}\n\n", page.title);
    }
    text.push_str(&page.text);
    if flag(arguments, "links") && !page.links.is_empty() {
        text.push_str("\n\nLinks:");
        for (label, address) in &page.links {
            text.extend(["\n- ", label, ": ", address]);
        }
    }
    if text.trim().is_empty() {
        return Err(ToolError::Failed("the HTML holds no readable text".into()));
    }
    Ok(capped(text))
}

/// What a page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Its title; empty when it has none.
    pub(super) title: String,
    /// Its text: of the main part, when it says which that is.
    pub(super) text: String,
    /// The links in that text, each address once: label and address.
    pub(super) links: Vec<(String, String)>,
}

/// Reads a page. `base` makes relative links whole.
pub(super) fn read(html: &str, base: Option<&Url>) -> Page {
    const ENOUGH: usize = 250;
    let tokens = token::tokens(html);
    let title = render::title(&tokens);
    let body = render::render(&tokens, Part::WithoutFrame, base);
    let main = render::render(&tokens, Part::Main, base);
    let mut rendered = if main.text.len() >= ENOUGH || main.text.len() * 2 > body.text.len() {
        main
    } else {
        body
    };
    if rendered.text.len() < ENOUGH {
        let whole = render::render(&tokens, Part::Whole, base);
        if whole.text.len() > rendered.text.len() * 3 {
            rendered = whole;
        }
    }
    Page { title, text: rendered.text, links: rendered.links }
}

#[cfg(test)]
#[rustfmt::skip] // The tables of facts are laid out by hand.
mod tests;

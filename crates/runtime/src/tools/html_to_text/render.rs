//! Writes the text of a page down.

use std::collections::HashSet;

use url::Url;

use super::token::{Attributes, Token};

/// Which part of a page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What the page itself calls its main part or its articles.
    Main,
    /// All but navigation, footers and asides.
    WithoutFrame,
    /// Everything that can be read.
    Whole,
}

/// The text of a part and its links.
pub(super) struct Rendered {
    pub(super) text: String,
    pub(super) links: Vec<(String, String)>,
}

const LINKS_MAX: usize = 300;
/// Nothing in these is read, in any part.
const SKIPPED: [&str; 13] = [
    "script", "style", "template", "svg", "math", "iframe", "object", "canvas", "select",
    "noscript", "audio", "video", "datalist",
];
const FRAME: [&str; 3] = ["nav", "footer", "aside"];
/// Elements that have no end tag, or may leave it out: hiding them cannot be followed to an end.
const OPEN_ENDED: [&str; 23] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr", "p", "li", "td", "th", "tr", "dt", "dd", "option", "html", "body",
];

/// The title of a page, or else its first heading.
pub(super) fn title(tokens: &[Token]) -> String {
    for wanted in ["title", "h1"] {
        let mut inside = false;
        let mut text = String::new();
        let mut in_svg = 0_usize;
        for token in tokens {
            match token {
                Token::Start(name, _) if name == "svg" => in_svg += 1,
                Token::End(name) if name == "svg" => in_svg = in_svg.saturating_sub(1),
                Token::Start(name, _) if name == wanted && in_svg == 0 => inside = true,
                Token::End(name) if name == wanted && inside => break,
                Token::Text(piece) if inside => text.push_str(piece),
                _ => {}
            }
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            return resonant_domain::text::shorten(&text, 300);
        }
    }
    String::new()
}

/// Renders a part of a page.
pub(super) fn render(tokens: &[Token], part: Part, base: Option<&Url>) -> Rendered {
    let mut writer = Writer {
        part,
        base,
        out: String::new(),
        breaks: 0,
        space: false,
        skip: None,
        in_head: false,
        main: 0,
        frame: 0,
        preformatted: 0,
        lists: Vec::new(),
        cells: Vec::new(),
        link: None,
        links: Vec::new(),
        seen: HashSet::new(),
    };
    for token in tokens {
        match token {
            Token::Start(name, attributes) => writer.start(name, attributes),
            Token::End(name) => writer.end(name),
            Token::Text(text) => writer.text(text),
        }
    }
    Rendered { text: writer.out.trim().to_owned(), links: writer.links }
}

struct Writer<'a> {
    part: Part,
    base: Option<&'a Url>,
    out: String,
    /// Line breaks to write before the next text.
    breaks: u8,
    space: bool,
    /// The element that is skipped, and how many of its name are open.
    skip: Option<(String, usize)>,
    in_head: bool,
    main: usize,
    frame: usize,
    preformatted: usize,
    /// The open lists: the next number of an ordered one.
    lists: Vec<Option<usize>>,
    /// For each open table row: whether it has a cell.
    cells: Vec<bool>,
    /// Where the open link's label begins, and its address.
    link: Option<(usize, String)>,
    links: Vec<(String, String)>,
    seen: HashSet<String>,
}

impl Writer<'_> {
    fn is_wanted(&self) -> bool {
        !self.in_head
            && match self.part {
                Part::Main => self.main > 0 && self.frame == 0,
                Part::WithoutFrame => self.frame == 0,
                Part::Whole => true,
            }
    }

    fn start(&mut self, name: &str, attributes: &Attributes) {
        if let Some((skipped, depth)) = &mut self.skip {
            *depth += usize::from(skipped == name);
            return;
        }
        let is_hidden = attributes.hidden && !OPEN_ENDED.contains(&name);
        if SKIPPED.contains(&name) || is_hidden || name == "title" || name == "textarea" {
            self.skip = Some((name.to_owned(), 1));
            return;
        }
        let role = attributes.role.as_deref().unwrap_or_default();
        match name {
            "head" => self.in_head = true,
            "body" => self.in_head = false,
            _ if name == "main" || name == "article" => self.main += 1,
            _ if FRAME.contains(&name) => self.frame += 1,
            // Without its end tag known, a role opens the part for good.
            _ if role == "main" => self.main += 1,
            _ => {}
        }
        self.block(name);
        match name {
            "ul" | "menu" => self.lists.push(None),
            "ol" => self.lists.push(Some(1)),
            "li" => self.item(),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let level = usize::from(name.as_bytes()[1] - b'0');
                self.mark(&format!("{} ", "#".repeat(level)));
            }
            "tr" => self.cells.push(false),
            "td" | "th" => {
                if let Some(has_cell) = self.cells.last_mut()
                    && std::mem::replace(has_cell, true)
                    && self.is_wanted()
                {
                    // The cells of a row share a line, whatever blocks are in them.
                    self.breaks = 0;
                    self.space = false;
                    self.out.push_str(" | ");
                }
            }
            "pre" => self.preformatted += 1,
            "br" => self.breaks = self.breaks.max(1),
            "a" if self.is_wanted() => {
                let address = attributes.href.as_deref().and_then(|href| self.address(href));
                self.link = address.map(|address| (self.out.len(), address));
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((skipped, depth)) = &mut self.skip {
            if skipped == name {
                *depth -= 1;
                if *depth == 0 {
                    self.skip = None;
                }
            }
            return;
        }
        match name {
            "head" => self.in_head = false,
            "ul" | "ol" | "menu" => drop(self.lists.pop()),
            "tr" => drop(self.cells.pop()),
            "pre" => self.preformatted = self.preformatted.saturating_sub(1),
            "a" => self.end_link(),
            _ => {}
        }
        self.block(name);
        if name == "main" || name == "article" {
            self.main = self.main.saturating_sub(1);
        } else if FRAME.contains(&name) {
            self.frame = self.frame.saturating_sub(1);
        }
    }

    /// Puts a block on lines of its own.
    fn block(&mut self, name: &str) {
        let breaks = match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "blockquote" | "pre"
            | "figure" | "hr" | "dl" | "article" => 2,
            "ul" | "ol" | "menu" => {
                if self.lists.is_empty() {
                    2
                } else {
                    1
                }
            }
            "div" | "section" | "li" | "tr" | "dt" | "dd" | "header" | "footer" | "main"
            | "nav" | "aside" | "address" | "form" | "fieldset" | "details" | "summary"
            | "figcaption" | "caption" | "option" | "legend" | "center" | "body" => 1,
            _ => return,
        };
        // Within a row of a table a block is part of its cell.
        if self.cells.last() == Some(&true) && !matches!(name, "tr" | "table" | "ul" | "ol" | "li")
        {
            self.space = true;
            return;
        }
        self.breaks = self.breaks.max(breaks);
    }

    fn item(&mut self) {
        let depth = self.lists.len().saturating_sub(1).min(8);
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "- ".to_owned(),
        };
        self.mark(&format!("{}{mark}", "  ".repeat(depth)));
    }

    /// Begins a line with a mark.
    fn mark(&mut self, mark: &str) {
        if self.is_wanted() {
            self.flush();
            self.out.push_str(mark);
            self.space = false;
        }
    }

    /// Writes the breaks that are due.
    fn flush(&mut self) {
        if self.breaks > 0 {
            // An item or a heading that stayed empty leaves no mark behind.
            let line = self.out.rfind('\n').map_or(0, |at| at + 1);
            let is_mark = matches!(
                self.out[line..].trim(),
                "-" | "#" | "##" | "###" | "####" | "#####" | "######"
            );
            if is_mark {
                self.out.truncate(line);
            }
            let kept = self.out.trim_end_matches([' ', '\n']).len();
            self.out.truncate(kept);
            if !self.out.is_empty() {
                self.out.push_str(if self.breaks > 1 { "\n\n" } else { "\n" });
            }
            self.breaks = 0;
            self.space = false;
        }
    }

    fn text(&mut self, text: &str) {
        if self.skip.is_some() || !self.is_wanted() {
            return;
        }
        if self.preformatted > 0 {
            self.flush();
            self.out.push_str(text);
            return;
        }
        for piece in text.split_inclusive(char::is_whitespace) {
            let word = piece.trim_end();
            if !word.is_empty() {
                self.flush();
                if self.space && !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
                    self.out.push(' ');
                }
                self.space = false;
                self.out.extend(
                    word.chars()
                        .filter(|c| !matches!(c, '\u{200b}' | '\u{feff}' | '\u{ad}' | '\0')),
                );
            }
            self.space |= word.len() < piece.len();
        }
    }

    /// The whole address of a link that can be followed.
    fn address(&self, href: &str) -> Option<String> {
        if href.is_empty() || href.starts_with('#') || href.len() > 2000 {
            return None;
        }
        match (Url::parse(href), self.base) {
            (Ok(url), _) => {
                matches!(url.scheme(), "http" | "https" | "mailto" | "tel").then(|| url.to_string())
            }
            (Err(_), Some(base)) => base.join(href).ok().map(|url| url.to_string()),
            (Err(_), None) => Some(href.to_owned()),
        }
    }

    fn end_link(&mut self) {
        let Some((from, address)) = self.link.take() else {
            return;
        };
        // What was written since may have been shortened by a line break.
        let label = self.out.get(from..).unwrap_or_default();
        let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
        let label = label.trim_start_matches(['-', '#', '|', ' ']);
        if label.is_empty() || self.links.len() >= LINKS_MAX || !self.seen.insert(address.clone()) {
            return;
        }
        self.links.push((resonant_domain::text::shorten(label, 120), address));
    }
}

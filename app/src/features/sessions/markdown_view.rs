//! Draws Markdown as elements, never as HTML text.

use leptos::prelude::*;

use super::citations::Citations;
use super::markdown::{Block, Cell, Inline, parse};
use crate::language::tr;
use crate::ui::Code;

/// A text in Markdown that may still grow. Only the part that changed is drawn anew: for a growing
/// text that is its last paragraph.
#[component]
pub fn Markdown(
    /// The text.
    #[prop(into)]
    text: Signal<String>,
    /// What it may cite.
    #[prop(optional)]
    cites: Option<StoredValue<Citations>>,
) -> impl IntoView {
    let cites = cites.unwrap_or_else(|| StoredValue::new(Citations::NONE));
    let blocks = Memo::new(move |_| text.with(|text| parse(text)));
    let count = Memo::new(move |_| blocks.with(Vec::len));
    view! {
        <div class="prose">
            <For
                each=move || 0..count.get()
                key=|at| *at
                children=move |at| {
                    let block = Memo::new(move |_| blocks.with(|blocks| blocks.get(at).cloned()));
                    move || {
                        block
                            .get()
                            .map(|block| cites.with_value(|cites| block_view(block, cites)))
                    }
                }
            />
        </div>
    }
}

/// A text as HTML that holds nothing but the elements drawn here, for pages whose chunk does without
/// the reader of Markdown.
#[cfg(feature = "ssr")]
pub fn markdown_html(text: &str) -> String {
    let view = |block| block_view(block, &Citations::NONE);
    parse(text).into_iter().map(view).collect_view().to_html()
}

fn block_view(block: Block, cites: &Citations) -> AnyView {
    match block {
        // The page has its own headings of level 1 to 3 above.
        Block::Heading(level, content) => {
            let content = inline_views(content, cites);
            match level {
                1 => view! { <h4 class="prose__title">{content}</h4> }.into_any(),
                2 => view! { <h5>{content}</h5> }.into_any(),
                _ => view! { <h6>{content}</h6> }.into_any(),
            }
        }
        Block::Paragraph(content) => view! { <p>{inline_views(content, cites)}</p> }.into_any(),
        Block::List(None, items) => view! { <ul>{item_views(items, cites)}</ul> }.into_any(),
        Block::List(Some(start), items) => {
            view! { <ol start=start.to_string()>{item_views(items, cites)}</ol> }.into_any()
        }
        Block::Table(head, rows) => table_view(head, rows, cites),
        Block::Quote(inner) => {
            let inner = inner.into_iter().map(|block| block_view(block, cites)).collect_view();
            view! { <blockquote>{inner}</blockquote> }.into_any()
        }
        Block::Code(language, text) => view! { <Code text=text language=language /> }.into_any(),
        Block::Rule => view! { <hr /> }.into_any(),
    }
}

fn item_views(items: Vec<Vec<Block>>, cites: &Citations) -> Vec<AnyView> {
    let item = |blocks: Vec<Block>| {
        let content = blocks
            .into_iter()
            .map(|block| match block {
                // Tight, as lists read best.
                Block::Paragraph(content) => {
                    let content = inline_views(content, cites);
                    view! { <span class="prose__item">{content}</span> }.into_any()
                }
                other => block_view(other, cites),
            })
            .collect_view();
        view! { <li>{content}</li> }.into_any()
    };
    items.into_iter().map(item).collect()
}

fn table_view(head: Vec<Cell>, rows: Vec<Vec<Cell>>, cites: &Citations) -> AnyView {
    let heads = head
        .into_iter()
        .map(|cell| {
            let content = inline_views(cell.content, cites);
            view! {
                <th scope="col" class:is-right=cell.is_right>
                    {content}
                </th>
            }
        })
        .collect_view();
    let rows = rows
        .into_iter()
        .map(|row| {
            let cells = row
                .into_iter()
                .map(|cell| {
                    let content = inline_views(cell.content, cites);
                    view! { <td class:is-right=cell.is_right>{content}</td> }
                })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="prose__table" tabindex="0" role="group" aria-label=tr("Table")>
            <table>
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn inline_views(inlines: Vec<Inline>, cites: &Citations) -> Vec<AnyView> {
    inlines.into_iter().map(|inline| inline_view(inline, cites)).collect()
}

fn inline_view(inline: Inline, cites: &Citations) -> AnyView {
    match inline {
        Inline::Text(text) if cites.are_none() => text.into_any(),
        Inline::Text(text) => cited_view(&text, cites),
        Inline::Code(text) => view! { <code>{text}</code> }.into_any(),
        Inline::Strong(inner) => view! { <strong>{inline_views(inner, cites)}</strong> }.into_any(),
        Inline::Emphasis(inner) => view! { <em>{inline_views(inner, cites)}</em> }.into_any(),
        Inline::Struck(inner) => view! { <s>{inline_views(inner, cites)}</s> }.into_any(),
        Inline::Link(url, inner) => {
            // No link within another.
            let inner = inline_views(inner, &Citations::NONE);
            view! {
                <a href=url target="_blank" rel="noopener noreferrer nofollow">
                    {inner}
                </a>
            }
            .into_any()
        }
        Inline::Break => view! { <br /> }.into_any(),
    }
}

/// A text whose citations lead to their passages.
fn cited_view(text: &str, cites: &Citations) -> AnyView {
    let pieces = cites.split(text).into_iter().map(|(piece, path)| match path {
        Some(path) => {
            let (path, piece) = (path.to_owned(), piece.to_owned());
            view! { <a href=path>{piece}</a> }.into_any()
        }
        None => piece.to_owned().into_any(),
    });
    pieces.collect_view().into_any()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn a_citation_is_a_link_and_no_link_stands_within_another() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let told = format!(
            r#"{{"passages":[{{"citation":"Handbook, passage 1","document_id":"{id}","position":1}}]}}"#
        );
        let cites = Citations::of(id.parse().unwrap(), std::iter::once(told.as_str()));
        let html = Owner::new().with(|| {
            let text = "> 30 days\n>\n> — Handbook, passage 1\n\n| a |\n|---|\n| **Handbook, passage 1** |\n\n\
                        [Handbook, passage 1](https://example.org) and `Handbook, passage 1`";
            let cites = StoredValue::new(cites);
            view! { <Markdown text=text.to_owned() cites=cites /> }.to_html()
        });
        let path = format!("href=\"/studio/agents/{id}/knowledge/{id}?passage=1#passage-1\"");
        assert_eq!(html.matches(&path).count(), 2, "{html}");
        assert_eq!(html.matches("<a ").count(), 3, "{html}");
        assert!(!markdown_html("Handbook, passage 1").contains("<a "));
    }

    #[test]
    fn nothing_a_model_writes_becomes_html() {
        let owner = Owner::new();
        let html = owner.with(|| {
            let text = "<script>alert(1)</script> [x](javascript:alert(1)) **b** \
                        [ok](https://example.org/?a=\"><img>)\n\n```\n</code></pre><script>\n```";
            [view! { <Markdown text=text.to_owned() /> }.to_html(), markdown_html(text)]
        });
        for html in html {
            assert!(!html.contains("<script"), "{html}");
            assert!(!html.contains("<img"), "{html}");
            assert!(!html.contains("href=\"javascript"), "{html}");
            assert!(html.contains("<strong>b"), "{html}");
        }
    }
}

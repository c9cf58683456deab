//! Draws Markdown as elements, never as HTML text.

use leptos::prelude::*;

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
) -> impl IntoView {
    let blocks = Memo::new(move |_| text.with(|text| parse(text)));
    let count = Memo::new(move |_| blocks.with(Vec::len));
    view! {
        <div class="prose">
            <For
                each=move || 0..count.get()
                key=|at| *at
                children=move |at| {
                    let block = Memo::new(move |_| blocks.with(|blocks| blocks.get(at).cloned()));
                    move || block.get().map(block_view)
                }
            />
        </div>
    }
}

/// A text as HTML that holds nothing but the elements drawn here, for pages whose chunk does without
/// the reader of Markdown.
#[cfg(feature = "ssr")]
pub fn markdown_html(text: &str) -> String {
    parse(text).into_iter().map(block_view).collect_view().to_html()
}

fn block_view(block: Block) -> AnyView {
    match block {
        // The page has its own headings of level 1 to 3 above.
        Block::Heading(level, content) => {
            let content = inline_views(content);
            match level {
                1 => view! { <h4 class="prose__title">{content}</h4> }.into_any(),
                2 => view! { <h5>{content}</h5> }.into_any(),
                _ => view! { <h6>{content}</h6> }.into_any(),
            }
        }
        Block::Paragraph(content) => view! { <p>{inline_views(content)}</p> }.into_any(),
        Block::List(None, items) => view! { <ul>{item_views(items)}</ul> }.into_any(),
        Block::List(Some(start), items) => {
            view! { <ol start=start.to_string()>{item_views(items)}</ol> }.into_any()
        }
        Block::Table(head, rows) => table_view(head, rows),
        Block::Quote(inner) => {
            view! { <blockquote>{inner.into_iter().map(block_view).collect_view()}</blockquote> }
                .into_any()
        }
        Block::Code(language, text) => view! { <Code text=text language=language /> }.into_any(),
        Block::Rule => view! { <hr /> }.into_any(),
    }
}

fn item_views(items: Vec<Vec<Block>>) -> Vec<AnyView> {
    let item = |blocks: Vec<Block>| {
        let content = blocks
            .into_iter()
            .map(|block| match block {
                // Tight, as lists read best.
                Block::Paragraph(content) => {
                    view! { <span class="prose__item">{inline_views(content)}</span> }.into_any()
                }
                other => block_view(other),
            })
            .collect_view();
        view! { <li>{content}</li> }.into_any()
    };
    items.into_iter().map(item).collect()
}

fn table_view(head: Vec<Cell>, rows: Vec<Vec<Cell>>) -> AnyView {
    let heads = head
        .into_iter()
        .map(|cell| {
            view! {
                <th scope="col" class:is-right=cell.is_right>
                    {inline_views(cell.content)}
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
                    view! { <td class:is-right=cell.is_right>{inline_views(cell.content)}</td> }
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

fn inline_views(inlines: Vec<Inline>) -> Vec<AnyView> {
    inlines.into_iter().map(inline_view).collect()
}

fn inline_view(inline: Inline) -> AnyView {
    match inline {
        Inline::Text(text) => text.into_any(),
        Inline::Code(text) => view! { <code>{text}</code> }.into_any(),
        Inline::Strong(inner) => view! { <strong>{inline_views(inner)}</strong> }.into_any(),
        Inline::Emphasis(inner) => view! { <em>{inline_views(inner)}</em> }.into_any(),
        Inline::Struck(inner) => view! { <s>{inline_views(inner)}</s> }.into_any(),
        Inline::Link(url, inner) => view! {
            <a href=url target="_blank" rel="noopener noreferrer nofollow">
                {inline_views(inner)}
            </a>
        }
        .into_any(),
        Inline::Break => view! { <br /> }.into_any(),
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

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

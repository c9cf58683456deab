use super::*;

fn text(text: &str) -> Inline {
    Inline::Text(text.to_owned())
}

fn paragraph(content: Vec<Inline>) -> Block {
    Block::Paragraph(content)
}

#[test]
fn marks_within_a_line() {
    let strong = |inner: &str| Inline::Strong(vec![text(inner)]);
    let emphasis = |inner: &str| Inline::Emphasis(vec![text(inner)]);
    let table: Vec<(&str, Vec<Inline>)> = vec![
        ("a **b** c", vec![text("a "), strong("b"), text(" c")]),
        ("*a* _b_", vec![emphasis("a"), text(" "), emphasis("b")]),
        ("***a***", vec![Inline::Strong(vec![emphasis("a")])]),
        ("**a *b***", vec![Inline::Strong(vec![text("a "), emphasis("b")])]),
        ("~~old~~", vec![Inline::Struck(vec![text("old")])]),
        ("2 * 3 * 4", vec![text("2 * 3 * 4")]),
        ("snake_case_name", vec![text("snake_case_name")]),
        ("`a*b*`", vec![Inline::Code("a*b*".to_owned())]),
        ("``a`b``", vec![Inline::Code("a`b".to_owned())]),
        ("a ` b", vec![text("a ` b")]),
        (r"\*a\*", vec![text("*a*")]),
        ("a  \nb", vec![text("a"), Inline::Break, text("b")]),
        ("**open", vec![text("**open")]),
    ];
    for (source, inlines) in table {
        assert_eq!(parse(source), [paragraph(inlines)], "{source:?}");
    }
}

#[test]
fn links_lead_to_the_web_and_nowhere_else() {
    let link = |url: &str, label: &str| Inline::Link(url.to_owned(), vec![text(label)]);
    let table: Vec<(&str, Vec<Inline>)> = vec![
        ("[a](https://example.org/b)", vec![link("https://example.org/b", "a")]),
        ("[a](javascript:alert(1))", vec![text("a"), text(")")]),
        ("[a](data:text/html,x)", vec![text("a")]),
        ("[a](/sign-out)", vec![text("a")]),
        ("[a](HTTPS://example.org)", vec![link("HTTPS://example.org", "a")]),
        ("[a](https:javascript)", vec![text("a")]),
        ("![pic](https://example.org/p.png)", vec![link("https://example.org/p.png", "pic")]),
        ("<https://example.org>", vec![link("https://example.org", "https://example.org")]),
        ("<script>", vec![text("<script>")]),
        (
            "see https://example.org/a_b_c.",
            vec![
                text("see "),
                link("https://example.org/a_b_c", "https://example.org/a_b_c"),
                text("."),
            ],
        ),
        ("[1] no link", vec![text("[1] no link")]),
    ];
    for (source, inlines) in table {
        assert_eq!(parse(source), [paragraph(inlines)], "{source:?}");
    }
}

#[test]
fn headings_rules_quotes_and_code() {
    let blocks = parse(
        "# One #\n\ntext\nmore\n---\n> said\n> twice\n```rust\nlet a = \"<b>\";\n```\n## Two",
    );
    assert_eq!(
        blocks,
        [
            Block::Heading(1, vec![text("One")]),
            paragraph(vec![text("text\nmore")]),
            Block::Rule,
            Block::Quote(vec![paragraph(vec![text("said\ntwice")])]),
            Block::Code("rust".to_owned(), "let a = \"<b>\";".to_owned()),
            Block::Heading(2, vec![text("Two")]),
        ]
    );
}

#[test]
fn code_that_is_still_being_written_is_code() {
    assert_eq!(parse("```\nhalf"), [Block::Code(String::new(), "half".to_owned())]);
}

#[test]
fn lists_nest_and_number() {
    let item = |label: &str| vec![paragraph(vec![text(label)])];
    assert_eq!(parse("- a\n- b"), [Block::List(None, vec![item("a"), item("b")])]);
    assert_eq!(parse("3. a\n\n4. b"), [Block::List(Some(3), vec![item("a"), item("b")])]);
    assert_eq!(
        parse("1. a\n   - b\n   - c\n2. d"),
        [Block::List(
            Some(1),
            vec![
                vec![paragraph(vec![text("a")]), Block::List(None, vec![item("b"), item("c")]),],
                item("d"),
            ]
        )]
    );
    assert_eq!(
        parse("- a\n  goes on\n\nafter"),
        [Block::List(None, vec![item("a\ngoes on")]), paragraph(vec![text("after")]),]
    );
    assert_eq!(parse("1984. Great"), [Block::List(Some(1984), vec![item("Great")])]);
    assert_eq!(parse("in\n1984. Great"), [paragraph(vec![text("in\n1984. Great")])]);
}

#[test]
fn tables_are_as_wide_as_their_head() {
    let cell = |content: &str, is_right| Cell {
        content: if content.is_empty() { Vec::new() } else { vec![text(content)] },
        is_right,
    };
    assert_eq!(
        parse("| a | b |\n|---|--:|\n| 1 | 2 | 3 |\n| x \\| y |\n\nafter"),
        [
            Block::Table(
                vec![cell("a", false), cell("b", true)],
                vec![
                    vec![cell("1", false), cell("2", true)],
                    vec![cell("x | y", false), cell("", true)],
                ],
            ),
            paragraph(vec![text("after")]),
        ]
    );
    assert_eq!(parse("a | b\nno table"), [paragraph(vec![text("a | b\nno table")])]);
}

#[test]
fn hostile_texts_end_in_good_time() {
    for source in [
        ">".repeat(50_000),
        "- ".repeat(50_000),
        "*".repeat(16_000),
        "*a ".repeat(5_000),
        "[".repeat(16_000),
        "![".repeat(8_000),
        "`a``".repeat(4_000),
        "h".repeat(16_000),
        "| ".repeat(8_000),
        format!("{}x", "> - ".repeat(20_000)),
        "é*ü_ß`".repeat(2_000),
        "1. a\n".repeat(5_000),
        "- a\n\n\n".repeat(5_000),
    ] {
        assert!(!parse(&source).is_empty());
    }
}

#[test]
fn every_beginning_of_a_text_reads() {
    let source = "# T\n\n1. **a** `b`\n   - [c](https://example.org)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nx\n```\n> q *e* ~~s~~ <https://x.org> ü";
    for end in (0..=source.len()).filter(|end| source.is_char_boundary(*end)) {
        parse(&source[..end]);
    }
}

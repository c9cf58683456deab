use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{read, run};
use crate::tools::ToolContext;

fn text(html: &str) -> String {
    read(html, None).text
}

fn call(arguments: &Value) -> String {
    let sources = HashMap::from([("page".to_owned(), r#"{"url":"https://a.example/","status":200,"text":"<p>Inner</p>"}"#.to_owned())]);
    let context = ToolContext { now: "2026-11-23T15:30:19Z".parse().unwrap(), sources: Arc::new(sources), ..ToolContext::default() };
    run(arguments, &context).unwrap_or_else(|error| format!("! {error}"))
}

#[test]
fn a_page_becomes_what_a_person_reads() {
    for (html, expected) in [
        ("Hello", "Hello"),
        ("<p>One</p><p>Two &amp; three</p>", "One\n\nTwo & three"),
        ("<h1>Title</h1>text<h2>Sub</h2>more", "# Title\n\ntext\n\n## Sub\n\nmore"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>end", "- a\n- b\n  - c\n\nend"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<table><tr><th>A<th>B</tr><tr><td>1</td><td><p>2</p></td></tr></table>", "A | B\n1 | 2"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<b>bo</b>ld and <i>it</i>", "bold and it"),
        ("  lots \n\t of   <span> space </span>", "lots of space"),
        ("<pre>  keep\n    this</pre>after", "keep\n    this\n\nafter"),
        ("<script>var a = '<p>no</p>';</script>yes<style>p{}</style>", "yes"),
        ("<!-- no --><![CDATA[yes]]><!doctype html><?php no ?>", "yes"),
        ("a < b and 1 << 2", "a < b and 1 << 2"),
        ("<p hidden>shown, it has no sure end</p><div hidden>no</div><div style='display: none'>no</div><span aria-hidden=true>no</span>", "shown, it has no sure end"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<ul><li></li><li>x</li></ul>", "- x"),
        ("<svg><title>no</title><text>no</text></svg>yes", "yes"),
        ("x<textarea>no</textarea><select><option>no</select>y", "xy"),
        ("unclosed <a href='x", "unclosed"),
        ("&#60;not a tag&#62;", "<not a tag>"),
        ("", ""),
    ] {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn the_main_part_is_taken_without_its_frame() {
    let long = "All that is worth reading. ".repeat(20);
    let html = format!(
        "<html><head><title> A &amp; B </title><meta charset=utf-8></head><body><nav><a href=/>Home</a></nav>\
         <div>teaser</div><main><h1>News</h1><p>{long}</p><aside>ad</aside></main><footer>imprint</footer></body></html>"
    );
    let page = read(&html, None);
    assert_eq!(page.title, "A & B");
    assert!(page.text.starts_with("# News\n\nAll that"), "{}", page.text);
    for unwanted in ["Home", "teaser", "ad\n", "imprint"] {
        assert!(!page.text.contains(unwanted), "{unwanted}");
    }
    // Where there is nothing but a frame, the frame is read.
    assert_eq!(text("<nav>Home About</nav>"), "Home About");
    assert_eq!(read("<h1>Only <b>this</b></h1>", None).title, "Only this");
}

#[test]
fn links_are_listed_once_and_whole() {
    let base = "https://example.org/a/b".parse().unwrap();
    let html = "<a href='c?x=1&amp;y=2'>See <b>c</b></a> <a href=/d>d</a> <a href='/d'>again</a> <a href='#top'>top</a> \
                <a href='javascript:alert(1)'>no</a> <a href='mailto:a@b.example'>write</a> <a href='/e'><img></a>";
    let links = read(html, Some(&base)).links;
    let expected = [("See c", "https://example.org/a/c?x=1&y=2"), ("d", "https://example.org/d"), ("write", "mailto:a@b.example")];
    assert_eq!(links, expected.map(|(label, address)| (label.to_owned(), address.to_owned())));
}

#[test]
fn the_tool_takes_text_or_a_source() {
    for (arguments, expected) in [
        (json!({ "text": "<title>T</title><p>x</p>" }), "# T\n\nx"),
        (json!({ "text": "<title>T</title><h1>T</h1>x" }), "# T\n\nx"),
        (json!({ "source": "page" }), "Inner"),
        (json!({ "text": "<a href='https://a.example/'>A</a>", "links": true }), "A\n\nLinks:\n- A: https://a.example/"),
        (json!({ "text": "<script>x</script>" }), "! the HTML holds no readable text"),
        (json!({ "source": "other" }), "! `source` must be one of: page"),
        (json!({}), "! give the text in `text`, or name it in `source`"),
    ] {
        assert_eq!(call(&arguments), expected, "{arguments}");
    }
}

#[test]
fn hostile_pages_take_linear_time_and_never_panic() {
    let deep = "<div>".repeat(100_000);
    let attributes = format!("<a {}>x</a>", "b ".repeat(200_000));
    let quotes = "<a href=\"".repeat(50_000);
    let scripts = "<title>".repeat(50_000);
    let noscript = "<noscript>".repeat(50_000);
    let ends = "</".repeat(200_000);
    let lists = "<ul><li>".repeat(20_000);
    let cells = "<tr><td>".repeat(50_000);
    let ampersands = "&".repeat(500_000);
    for html in [&deep, &attributes, &quotes, &scripts, &noscript, &ends, &lists, &cells, &ampersands] {
        let _ = read(html, None);
    }
    for html in ["<", "</", "<a", "<a ", "<a b", "<a b=", "<a b='", "<!", "<!--", "<é>", "<a é=ü>", "</é>", "\0", "<title", "<pre>💥", "<a/b/c>", "<br/"] {
        let _ = read(html, None);
    }
    let long = call(&json!({ "text": "word ".repeat(100_000) }));
    assert!(long.len() < 65_536 && long.contains("[cut here"));
}

use std::sync::Arc;

use resonant_domain::knowledge::{CitedPassage, DocumentFormat, FoundPassage, passage_path};
use serde_json::{Value, json};

use super::*;
use crate::tools::{Backing, BackingFuture, Whose};

mod pdf;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const HANDBOOK: &str = "# Handbook\n\nWelcome to the company.\n\n## Leave\n\nEmployees get 30 days of paid leave a year. \
    Leave that is left over may be taken until March.\n\n### Sick leave\n\nCall your manager before nine. A note of a doctor is \
    needed from the third day on.\n\n## Travel\n\n```\n# not a heading\n```\n\nSecond class trains are booked by the office.\n";

fn headings(cuts: &[Cut]) -> Vec<&str> {
    cuts.iter().map(|cut| cut.heading.as_str()).collect()
}

#[test]
fn a_passage_lies_below_its_headings() {
    let cuts = cut(DocumentFormat::Markdown, HANDBOOK).unwrap();
    let expected =
        ["Handbook", "Handbook › Leave", "Handbook › Leave › Sick leave", "Handbook › Travel"];
    assert_eq!(headings(&cuts), expected);
    assert!(cuts[1].text.starts_with("Employees get 30 days"), "{cuts:?}");
    assert!(cuts[3].text.contains("not a heading"), "{cuts:?}");
}

#[test]
fn passages_are_of_whole_sentences_and_overlap() {
    let sentence =
        |n: usize| format!("Sentence number {n} says that the lamp of room {n} is green.");
    let text: Vec<_> = (1..=60).map(sentence).collect();
    let cuts = cut(DocumentFormat::Text, &text.join(" ")).unwrap();
    assert!(cuts.len() > 2, "{cuts:?}");
    for pair in cuts.windows(2) {
        assert!(pair[0].text.chars().count() <= 1_000);
        assert!(pair[0].text.starts_with("Sentence number") && pair[0].text.ends_with("green."));
        let first = pair[1].text.split_inclusive('.').next().unwrap();
        assert!(pair[0].text.contains(first), "{pair:?} overlap");
    }
    for n in 1..=60 {
        assert!(cuts.iter().any(|cut| cut.text.contains(&sentence(n))), "{n}");
    }
}

#[test]
fn a_page_and_a_table_are_read() {
    let page = "<title>Prices</title><nav>Home</nav><main><h2>Post</h2><p>A letter costs 0.95.</p><script>x</script></main>";
    let cuts = cut(DocumentFormat::Html, page).unwrap();
    let letter = cuts.iter().find(|cut| cut.text.contains("0.95")).unwrap();
    assert!(letter.heading.contains("Post") && !letter.text.contains("script"), "{cuts:?}");
    let cuts = cut(DocumentFormat::Csv, "city,people\nBergen,285000\nOslo,700000\n").unwrap();
    assert_eq!(headings(&cuts), ["rows 1 to 2"]);
    assert_eq!(cuts[0].text, "city: Bergen; people: 285000\ncity: Oslo; people: 700000");
}

#[test]
fn hostile_documents_are_bounded() {
    for format in DocumentFormat::ALL {
        for text in ["", " ", "#", "\n\n\n", "...", "💥"] {
            let _ = cut(format, text);
        }
        let _ = cut(format, &"x".repeat(500_000));
        let _ = cut(format, &"# a\n".repeat(100_000));
        let _ = cut(format, &"é,".repeat(400));
        let _ = cut(format, &"a. B".repeat(100_000));
    }
    assert!(cut(DocumentFormat::Text, " \n").is_err());
    let long = "A sentence of a very long document. ".repeat(100_000);
    assert!(cut(DocumentFormat::Text, &long).unwrap_err().to_string().contains("passages"));
    // A long name before each of many cells.
    let wide = format!("{}\n{}", vec!["n".repeat(900); 100].join(","), "1,".repeat(99) + "1\n");
    assert!(cut(DocumentFormat::Csv, &wide.repeat(30)).is_err());
    let cuts = cut(DocumentFormat::Markdown, "# A\n## B\n").unwrap();
    assert_eq!(cuts[0].text, "A\nB");
}

#[test]
fn a_vocabulary_holds_each_word_once() {
    let cuts = cut(DocumentFormat::Markdown, HANDBOOK).unwrap();
    let words = vocabulary("The handbook", &cuts);
    assert!(words.contains(&"employees".to_owned()) && words.contains(&"handbook".to_owned()));
    assert!(words.is_sorted() && !words.contains(&"the".to_owned()), "{words:?}");
}

#[test]
fn the_sentence_that_tells_is_found() {
    let leave = &cut(DocumentFormat::Markdown, HANDBOOK).unwrap()[1].text;
    for (question, told) in [
        (
            "How many days of leave does an employee get?",
            Some("Employees get 30 days of paid leave a year."),
        ),
        (
            "Until when may left over leave be taken?",
            Some("Leave that is left over may be taken until March."),
        ),
        ("Who won the cup?", None),
    ] {
        assert_eq!(telling(leave, question).as_deref(), told, "{question}");
    }
    assert_eq!(asked_words("Tell me about the Leave, and the leave's rules"), ["leave", "rules"]);
}

#[test]
fn a_question_is_looked_for_within_words() {
    for (question, parts) in [
        ("Welche Fristen gelten?", &["welch", "frist", "gelte"][..]),
        ("Is tea free, or are teas freed of a fee?", &["free", "teas", "freed"]),
        ("Frist oder Fristen", &["frist"]),
        // Pairs, without the small words.
        ("有給休暇は何日ですか", &["有給", "給休", "休暇", "暇は", "は何", "何日", "日で"]),
        ("PostgreSQLの設定", &["postgresql", "の設", "設定"]),
        ("いつですか", &["いつ", "つで", "です", "すか"]),
        ("茶", &["茶"]),
        ("?", &[]),
    ] {
        assert_eq!(asked_parts(question), parts, "{question}");
    }
    assert_eq!(asked_parts(&"休暇有給従業員年三十日取得".repeat(40)).len(), 13);
}

struct Library;

impl Backing for Library {
    fn look_up(
        &self,
        whose: Whose,
        query: String,
        most: u32,
    ) -> BackingFuture<'_, Vec<FoundPassage>> {
        let text = format!("{query} {most} {}", whose.agent);
        let found = FoundPassage {
            document_id: ID.parse().unwrap(),
            document: "Handbook".to_owned(),
            heading: "Leave".to_owned(),
            position: 2,
            url: passage_path(whose.agent, ID.parse().unwrap(), 2),
            relevance: 90,
            text,
        };
        Box::pin(async move { Ok(if query == "nothing" { vec![] } else { vec![found] }) })
    }
}

#[tokio::test]
async fn a_result_is_marked_as_quoted_and_has_citations() {
    let whose = Whose::own(ID.parse().unwrap(), ID.parse().unwrap());
    let tool = Knowledge::of(Shelf { backing: Arc::new(Library), whose });
    let context = ToolContext::default();
    let call = async |arguments: Value| -> Value {
        tool.call(&arguments, &context).await.unwrap().parse().unwrap()
    };
    let told = call(json!({ "query": "leave", "most": 3 })).await;
    assert_eq!(told["passages"][0]["citation"], "Handbook › Leave, passage 2");
    assert_eq!(told["passages"][0]["text"], format!("leave 3 {ID}"));
    let path = format!("/studio/agents/{ID}/knowledge/{ID}?passage=2#passage-2");
    assert_eq!(told["passages"][0]["url"], path);
    let cited = CitedPassage::all_in(&told.to_string());
    assert_eq!((cited[0].document_id, cited[0].position), (ID.parse().unwrap(), 2));
    assert!(told["note"].as_str().unwrap().contains("not instructions"), "{told}");
    assert_eq!(call(json!({ "query": "nothing" })).await["passages"], json!([]));
    let nobody = Knowledge::of_nobody().call(&json!({ "query": "leave" }), &context).await.unwrap();
    assert!(nobody.contains("\"passages\":[]"), "{nobody}");
}

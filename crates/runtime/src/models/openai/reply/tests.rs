//! Tables of cases.

use super::*;

fn plain(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage { input_tokens, output_tokens, ..Usage::default() }
}

fn calls(chunks: &[&str]) -> Vec<(String, String)> {
    let mut reply = Reply::default();
    for chunk in chunks {
        reply.take(&format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{chunk}]}}}}]}}"#)).unwrap();
    }
    match reply.finish(0, plain).pop() {
        Some(ModelPiece::Finish { calls, reason: FinishReason::ToolCalls, .. }) => {
            calls.into_iter().map(|call| (call.tool, call.arguments.to_string())).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn calls_are_joined_however_servers_number_them() {
    let two = [("a".to_owned(), r#"{"x":1}"#.to_owned()), ("b".to_owned(), "{}".to_owned())];
    for chunks in [
        // By index, in pieces, interleaved.
        &[
            r#"{"index":0,"id":"1","function":{"name":"a","arguments":""}}"#,
            r#"{"index":1,"id":"2","function":{"name":"b","arguments":"{"}}"#,
            r#"{"index":0,"function":{"arguments":"{\"x\""}}"#,
            r#"{"index":1,"function":{"arguments":"}"}}"#,
            r#"{"index":0,"function":{"arguments":":1}"}}"#,
        ] as &[&str],
        // Every call is number 0.
        &[
            r#"{"index":0,"id":"1","function":{"name":"a","arguments":"{\"x\":1}"}}"#,
            r#"{"index":0,"id":"2","function":{"name":"b","arguments":"{}"}}"#,
        ],
        // No numbers, no ids, arguments as an object.
        &[
            r#"{"function":{"name":"a","arguments":{"x":1}}}"#,
            r#"{"function":{"name":"b","arguments":{}}}"#,
        ],
        // The id and the name again with every piece.
        &[
            r#"{"index":0,"id":"1","function":{"name":"a","arguments":"{\"x\""}}"#,
            r#"{"index":0,"id":"1","function":{"name":"a","arguments":":1}"}}"#,
            r#"{"index":1,"id":"2","function":{"name":"b"}}"#,
        ],
    ] {
        assert_eq!(calls(chunks), two, "{chunks:?}");
    }
}

#[test]
fn arguments_that_are_no_json_arrive_as_text() {
    assert_eq!(
        calls(&[r#"{"index":0,"id":"1","function":{"name":"a","arguments":"{x: 1"}}"#]),
        [("a".to_owned(), "\"{x: 1\"".to_owned())]
    );
}

#[test]
fn arguments_without_end_are_refused() {
    let mut reply = Reply::default();
    let piece = "x".repeat(1024 * 1024);
    let call = |index: usize| {
        let function = serde_json::json!({ "name": "a", "arguments": piece });
        let call = serde_json::json!({ "index": index, "function": function });
        serde_json::json!({ "choices": [{ "delta": { "tool_calls": [call] } }] }).to_string()
    };
    for index in [0, 0, 1, 1] {
        reply.take(&call(index)).unwrap();
    }
    assert!(matches!(reply.take(&call(2)), Err(ModelError::Permanent(_))));
}

#[test]
fn a_think_tag_is_thinking_at_every_cut() {
    let text = "<think>two and two</think>\n\nfour <think> stays";
    for cut in 0..=text.len() {
        let mut tag = ThinkTag::default();
        let mut pieces = Vec::new();
        tag.push(&text[..cut], &mut pieces);
        tag.push(&text[cut..], &mut pieces);
        tag.finish(&mut pieces);
        let (mut thinking, mut output) = (String::new(), String::new());
        for piece in pieces {
            match piece {
                ModelPiece::Thinking(text) => thinking.push_str(&text),
                ModelPiece::Output(text) => output.push_str(&text),
                ModelPiece::Finish { .. } => {}
            }
        }
        assert_eq!(thinking, "two and two", "cut at {cut}");
        assert_eq!(output.trim_start(), "four <think> stays", "cut at {cut}");
    }
}

#[test]
fn a_server_may_send_all_that_there_is_so_far_beside_each_piece() {
    let chunk = |delta: &str, message: &str| {
        format!(
            r#"{{"choices":[{{"delta":{{"content":"{delta}"}},"message":{{"content":"{message}"}}}}]}}"#
        )
    };
    let output = |pieces: Vec<ModelPiece>| -> String {
        let texts = pieces.into_iter().filter_map(|piece| match piece {
            ModelPiece::Output(text) => Some(text),
            _ => None,
        });
        texts.collect()
    };
    let mut reply = Reply::of("m");
    let first = reply.take(&chunk("two ", "two ")).unwrap();
    let second = reply.take(&chunk("and two", "two and two")).unwrap();
    assert_eq!(output(first) + output(second).as_str(), "two and two");
    let mut reply = Reply::whole("m");
    assert_eq!(output(reply.take(&chunk("", "two and two")).unwrap()), "two and two");
}

#[test]
fn counts_that_are_none_are_estimated() {
    for usage in ["null", "{}", r#""none""#, r#"{"prompt_tokens":-1,"completion_tokens":1.5}"#] {
        let mut reply = Reply::default();
        let text = r#""choices":[{"delta":{"content":"12345678"},"finish_reason":"stop"}]"#;
        reply.take(&format!(r#"{{{text},"usage":{usage}}}"#)).unwrap();
        let last = reply.finish(40, plain).pop();
        let Some(ModelPiece::Finish { usage: used, .. }) = last else { panic!("{last:?}") };
        assert_eq!(used, plain(10, 2), "{usage}");
    }
}

#[test]
fn what_the_server_does_not_count_is_estimated() {
    let mut reply = Reply::default();
    reply.take(r#"{"choices":[{"delta":{"content":"12345678"},"finish_reason":"stop"}]}"#).unwrap();
    assert_eq!(
        reply.finish(40, plain).pop(),
        Some(ModelPiece::Finish { calls: vec![], usage: plain(10, 2), reason: FinishReason::Stop })
    );
}

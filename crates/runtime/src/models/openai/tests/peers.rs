//! The client against servers that others wrote: a gateway, and llama.cpp's own server with a model that is
//! made on the spot. `./dev test peers` starts both, as `end2end/load/peers` has them.

use super::*;
use crate::tools::ToolSchema;

/// What the servers take for a key.
const GATEWAY_KEY: &str = "sk-peer";
const LLAMA_KEY: &str = "sk-llama";

#[expect(clippy::disallowed_methods, reason = "./dev test peers tells where the servers are")]
fn peer(variable: &str) -> Url {
    let url = std::env::var(variable);
    url.unwrap_or_else(|_unset| panic!("./dev test peers sets {variable}")).parse().unwrap()
}

fn gateway() -> Url {
    peer("RESONANT_OPENAI_PEER")
}

fn llama() -> Url {
    peer("RESONANT_LLAMA_PEER")
}

fn model_named(url: &Url, name: &str, key: &str) -> OpenAi {
    let settings = OpenAiSettings {
        base_url: url.clone(),
        api_key: Some(Secret::new(key)),
        model: name.to_owned(),
        input_price: 1_000_000,
        output_price: 2_000_000,
    };
    OpenAi::new(&settings, Egress::operator().unwrap()).unwrap()
}

fn request_to(name: &str) -> ModelRequest {
    ModelRequest { model: name.to_owned(), ..request() }
}

/// A request to the model of llama.cpp, which goes by the last word.
fn asked(text: &str) -> ModelRequest {
    let messages = vec![Message::User { text: text.to_owned(), context: None }];
    ModelRequest { messages, ..request_to("echo") }
}

/// All of a reply, and in how many pieces its output came.
async fn all_of(model: &OpenAi, request: ModelRequest) -> Result<(Whole, usize), ModelError> {
    let mut stream = model.reply(request);
    let (mut whole, mut count) = (Whole::default(), 0);
    while let Some(piece) = stream.next().await {
        match piece? {
            ModelPiece::Thinking(text) => whole.thinking.push_str(&text),
            ModelPiece::Output(text) => {
                whole.output.push_str(&text);
                count += 1;
            }
            ModelPiece::Finish { calls, usage, reason } => {
                (whole.calls, whole.usage, whole.reason) = (calls, usage, Some(reason));
            }
        }
    }
    Ok((whole, count))
}

#[tokio::test]
#[ignore = "./dev test peers starts the servers"]
async fn a_reply_comes_piece_by_piece_with_what_it_used() {
    let model = model_named(&gateway(), "told", GATEWAY_KEY);
    let (said, count) = all_of(&model, request_to("told")).await.unwrap();
    assert_eq!(said.output, "The answer is 42, and it came piece by piece.");
    assert_eq!(said.thinking, "");
    assert!(count > 5, "it was streamed: {count} pieces");
    assert_eq!(said.reason, Some(FinishReason::Stop));
    let usage = said.usage;
    assert!(usage.input_tokens > 0 && usage.output_tokens > 0, "{usage:?}");
    let tokens = i64::try_from(usage.input_tokens + 2 * usage.output_tokens).unwrap();
    assert_eq!(usage.cost.0, tokens, "a dollar and two for a million tokens");
}

#[tokio::test]
#[ignore = "./dev test peers starts the servers"]
async fn its_refusals_are_told_apart() {
    let url = gateway();
    for (name, key, may_pass) in
        [("busy", GATEWAY_KEY, true), ("nobody", GATEWAY_KEY, false), ("told", "sk-wrong", false)]
    {
        let first = model_named(&url, name, key).reply(request_to(name)).next().await.unwrap();
        let Err(error) = first else { panic!("{name} with {key} answered") };
        assert_eq!(matches!(error, ModelError::Transient { .. }), may_pass, "{error:?}");
    }
}

#[tokio::test]
#[ignore = "./dev test peers starts the servers"]
async fn llama_says_its_words_one_by_one_and_counts_them() {
    let model = model_named(&llama(), "echo", LLAMA_KEY);
    let (said, count) = all_of(&model, asked("Please count")).await.unwrap();
    assert_eq!(said.output.trim(), "one two three four five.");
    assert_eq!((count, said.reason), (5, Some(FinishReason::Stop)));
    // The words, and the sign that ends them.
    assert_eq!(said.usage.output_tokens, 6);
    assert!(said.usage.input_tokens > 20, "{:?}", said.usage);

    let short = ModelRequest { max_output_tokens: 12, ..asked("Please recite") };
    let (said, _) = all_of(&model, short).await.unwrap();
    assert_eq!((said.usage.output_tokens, said.reason), (12, Some(FinishReason::Length)));
}

#[tokio::test]
#[ignore = "./dev test peers starts the servers"]
async fn llama_refuses_a_wrong_key_and_what_is_too_long() {
    let url = llama();
    let wrong = all_of(&model_named(&url, "echo", "sk-wrong"), asked("Please count")).await;
    assert!(matches!(wrong, Err(ModelError::Account(_))), "{wrong:?}");
    let long = asked(&format!("{}count", "abcdefgh".repeat(5_000)));
    let long = all_of(&model_named(&url, "echo", LLAMA_KEY), long).await;
    assert!(matches!(long, Err(ModelError::TooLong(_))), "{long:?}");
}

#[tokio::test]
#[ignore = "./dev test peers starts the servers"]
async fn a_tool_is_called_and_its_answer_told_on() {
    let clock = ToolSchema {
        name: "clock".to_owned(),
        description: "Tells the time".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": { "zone": { "type": "string" } },
            "required": ["zone"],
        }),
    };
    // The gateway passes on to llama.cpp, in its own words.
    for (url, key) in [(llama(), LLAMA_KEY), (gateway(), GATEWAY_KEY)] {
        let model = model_named(&url, "echo", key);
        let mut request = ModelRequest { tools: vec![clock.clone()], ..asked("Please look") };
        let (said, _) = all_of(&model, request.clone()).await.unwrap();
        assert_eq!(said.reason, Some(FinishReason::ToolCalls), "{said:?}");
        assert!(said.usage.output_tokens > 0, "{:?}", said.usage);
        let [call] = &said.calls[..] else { panic!("{said:?}") };
        assert_eq!((call.tool.as_str(), &call.arguments), ("clock", &json!({ "zone": "UTC" })));
        let answer = Message::Tool {
            call_id: call.call_id.clone(),
            tool: call.tool.clone(),
            content: "noon".to_owned(),
            is_error: false,
        };
        request.messages.push(Message::Assistant { text: said.output, calls: said.calls });
        request.messages.push(answer);
        let (said, _) = all_of(&model, request).await.unwrap();
        assert_eq!(said.output.trim(), "It is twelve.");
        assert_eq!(said.reason, Some(FinishReason::Stop));
    }
}

#[tokio::test]
#[ignore = "./dev test peers starts the servers"]
async fn llama_stops_when_nobody_listens_any_more() {
    /// No other test lets a reply be so long. To its end it would take a minute.
    const LONG: u32 = 15_001;

    async fn is_at_work(url: &Url) -> bool {
        let slots = Egress::operator().unwrap().get(url.join("/slots").unwrap());
        let slots = slots.bearer_auth(LLAMA_KEY).send().await.unwrap();
        let slots: Value = slots.error_for_status().unwrap().json().await.unwrap();
        let is_ours = |slot: &Value| slot["params"]["max_tokens"] == LONG;
        slots.as_array().unwrap().iter().any(|slot| slot["is_processing"] == true && is_ours(slot))
    }

    let url = llama();
    let request = ModelRequest { max_output_tokens: LONG, ..asked("Please recite") };
    let mut stream = model_named(&url, "echo", LLAMA_KEY).reply(request);
    let first = stream.next().await.unwrap().unwrap();
    assert!(matches!(first, ModelPiece::Output(_)), "{first:?}");
    assert!(is_at_work(&url).await);
    drop(stream);
    let stopped = async {
        while is_at_work(&url).await {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), stopped).await.expect("it sees that the connection is closed");
}

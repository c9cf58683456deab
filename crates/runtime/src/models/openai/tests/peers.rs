//! The client against a gateway that others wrote. `./dev test peers` starts it, with the models of
//! `end2end/load/peers/gateway`.

use super::*;

#[expect(clippy::disallowed_methods, reason = "./dev test peers tells where the gateway is")]
fn gateway() -> Url {
    let url = std::env::var("RESONANT_OPENAI_PEER");
    url.expect("./dev test peers names the gateway in RESONANT_OPENAI_PEER").parse().unwrap()
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

#[tokio::test]
#[ignore = "./dev test peers starts the gateway"]
async fn a_reply_comes_piece_by_piece_with_what_it_used() {
    let url = gateway();
    let pieces: Vec<_> =
        model_named(&url, "told", "sk-peer").reply(request_to("told")).collect().await;
    let mut said = String::new();
    let mut finished = None;
    let mut count = 0;
    for piece in pieces {
        match piece.unwrap() {
            ModelPiece::Output(text) => {
                said.push_str(&text);
                count += 1;
            }
            ModelPiece::Finish { usage, reason, .. } => finished = Some((usage, reason)),
            other @ ModelPiece::Thinking(_) => panic!("{other:?}"),
        }
    }
    assert_eq!(said, "The answer is 42, and it came piece by piece.");
    assert!(count > 5, "it was streamed: {count} pieces");
    let (usage, reason) = finished.unwrap();
    assert_eq!(reason, FinishReason::Stop);
    assert!(usage.input_tokens > 0 && usage.output_tokens > 0, "{usage:?}");
    let tokens = i64::try_from(usage.input_tokens + 2 * usage.output_tokens).unwrap();
    assert_eq!(usage.cost.0, tokens, "a dollar and two for a million tokens");
}

#[tokio::test]
#[ignore = "./dev test peers starts the gateway"]
async fn its_refusals_are_told_apart() {
    let url = gateway();
    for (name, key, may_pass) in
        [("busy", "sk-peer", true), ("nobody", "sk-peer", false), ("told", "sk-wrong", false)]
    {
        let first = model_named(&url, name, key).reply(request_to(name)).next().await.unwrap();
        let Err(error) = first else { panic!("{name} with {key} answered") };
        assert_eq!(matches!(error, ModelError::Transient { .. }), may_pass, "{error:?}");
    }
}

//! Runs short programs in an interpreter that knows no file, no network, no clock and no other
//! program: Rhai, with every size and the number of steps bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rhai::packages::{Package as _, StandardPackage};
use rhai::{Dynamic, Engine, EvalAltResult, Scope};
use serde_json::{Value, json};

use super::material::{RESULT_MAX_BYTES, floor};
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};

/// The steps that a program may take: well below a second of work.
const OPERATIONS_MAX: u64 = 1_000_000;
/// The longest text, in bytes, all texts within one value taken together.
const TEXT_MAX: usize = 512 * 1024;
/// The most items of one value, those of lists within it included.
const ITEMS_MAX: usize = 5_000;
/// Variables that are alive at once. With the sizes above they bound the memory.
const VARIABLES_MAX: usize = 64;
/// How long a program may run.
const TIME: Duration = Duration::from_secs(5);
/// The longest program, in characters.
const SOURCE_MAX: usize = 20_000;

/// Runs short programs.
#[derive(Debug, Clone, Copy)]
pub struct Code;

impl Tool for Code {
    fn name(&self) -> &'static str {
        "code"
    }

    fn description(&self) -> &'static str {
        "Runs a program in the language Rhai (close to JavaScript and Rust: `let x = 1; for item in list { … } if … { … } \
         fn add(a, b) { a + b }`, lists `[1, 2]`, maps `#{ name: \"x\" }`, text in double quotes, `list.push(x)`, `list.map(|x| x * 2)`, \
         `list.filter(|x| x > 1)`, `list.sort()`, `text.split(\",\")`, `text.len()`, `parse_float(text)`, `to_string(x)`). There is no network, \
         no file, no clock, no import. `input` holds what is given in `input`; `text` holds what `text` or `source` gives. What `print` is \
         given and the value of the last expression come back as JSON: { \"printed\", \"value\" }."
    }

    fn parameters(&self) -> Value {
        schema::object(
            &json!({
                "program": { "type": "string", "minLength": 1, "maxLength": SOURCE_MAX, "description": "The program. Its last expression, without a semicolon, is the answer." },
                "input": { "description": "Any value that the program shall see as `input`." },
                "text": { "type": "string", "description": "A text that the program shall see as `text`." },
                "source": { "type": "string", "description": "Instead of `text`: where it already is. \"context\" for the session's context, or the call id of an earlier tool call for its result." },
            }),
            &["program"],
        )
    }

    fn timeout(&self) -> Duration {
        TIME
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let program = arguments["program"].as_str().unwrap_or_default().to_owned();
            let has_text = arguments.get("text").is_some() || arguments.get("source").is_some();
            let text = if has_text { context.text(arguments)?.to_owned() } else { String::new() };
            if text.len() > TEXT_MAX {
                return Err(ToolError::Invalid(format!(
                    "the text is longer than {TEXT_MAX} bytes"
                )));
            }
            let input = arguments["input"].clone();
            // When nobody waits any more the program ends at its next step.
            let stop = StopOnDrop(Arc::new(AtomicBool::new(false)));
            let stopped = stop.0.clone();
            let work = tokio::task::spawn_blocking(move || run(&program, input, text, stopped));
            let answer = work.await;
            drop(stop);
            answer.map_err(|_| {
                ToolError::Failed("the interpreter failed (a defect of ours)".into())
            })?
        })
    }
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn no_sleep() -> Result<(), Box<EvalAltResult>> {
    Err("there is no function `sleep`".into())
}

/// Nothing but the language and its own values is in here.
fn engine(stopped: Arc<AtomicBool>) -> Engine {
    let mut engine = Engine::new_raw();
    StandardPackage::new().register_into_engine(&mut engine);
    engine
        .set_max_operations(OPERATIONS_MAX)
        .set_max_call_levels(48)
        .set_max_expr_depths(64, 48)
        .set_max_string_size(TEXT_MAX)
        .set_max_array_size(ITEMS_MAX)
        .set_max_map_size(ITEMS_MAX)
        .set_max_variables(VARIABLES_MAX)
        .set_max_functions(64)
        .disable_symbol("eval")
        // The library's own would hold a thread for as long as the program says.
        .register_fn("sleep", |_: rhai::INT| no_sleep())
        .register_fn("sleep", |_: rhai::FLOAT| no_sleep())
        .on_progress(move |_| stopped.load(Ordering::Relaxed).then_some(Dynamic::UNIT));
    engine
}

fn run(
    program: &str,
    input: Value,
    text: String,
    stopped: Arc<AtomicBool>,
) -> Result<String, ToolError> {
    let mut engine = engine(stopped);
    let printed = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
    for is_debug in [false, true] {
        let printed = printed.clone();
        let print = move |line: &str| {
            let mut printed = printed.borrow_mut();
            // What is beyond the longest result would be cut in any case.
            if printed.len() + line.len() < RESULT_MAX_BYTES {
                printed.push_str(line);
                printed.push('\n');
            }
        };
        if is_debug {
            engine.on_debug(move |line, _, _| print(line));
        } else {
            engine.on_print(print);
        }
    }
    let mut scope = Scope::new();
    let input = rhai::serde::to_dynamic(input)
        .map_err(|error| ToolError::Invalid(format!("`input` cannot be given: {error}")))?;
    scope.push("input", input).push("text", text);
    let value =
        engine.eval_with_scope::<Dynamic>(&mut scope, program).map_err(|error| told(&error))?;
    let value: Value =
        rhai::serde::from_dynamic(&value).unwrap_or_else(|_| value.to_string().into());
    let printed = printed.borrow();
    let mut answer = json!({ "value": value }).to_string();
    if !printed.is_empty() {
        answer = json!({ "printed": *printed, "value": value }).to_string();
    }
    if answer.len() > RESULT_MAX_BYTES {
        let cut = floor(&answer, RESULT_MAX_BYTES - 200);
        return Err(ToolError::Failed(format!(
            "the answer is longer than {RESULT_MAX_BYTES} bytes; give less. It begins: {}",
            &answer[..cut.min(2_000)]
        )));
    }
    Ok(answer)
}

fn told(error: &EvalAltResult) -> ToolError {
    match error {
        EvalAltResult::ErrorTooManyOperations(_) => {
            ToolError::Failed(format!("the program takes more than {OPERATIONS_MAX} steps"))
        }
        EvalAltResult::ErrorTerminated(..) => ToolError::Failed("the program was stopped".into()),
        error => ToolError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn call(arguments: &Value) -> String {
        let context = ToolContext::default();
        match Code.call(arguments, &context).await {
            Ok(text) => text,
            Err(error) => format!("! {error}"),
        }
    }

    #[tokio::test]
    async fn a_program_gives_its_last_value_and_what_it_printed() {
        for (arguments, expected) in [
            (json!({ "program": "1 + 2" }), r#"{"value":3}"#),
            (
                json!({ "program": "input.map(|x| x * 2)", "input": [1, 2.5] }),
                r#"{"value":[2,5.0]}"#,
            ),
            (
                json!({ "program": "print(\"a\"); #{ n: input.a }", "input": { "a": null } }),
                r#"{"printed":"a\n","value":{"n":null}}"#,
            ),
            (
                json!({ "program": "let n = 0; for word in text.split(\" \") { n += word.len(); } n", "text": "to be or" }),
                r#"{"value":6}"#,
            ),
            (
                json!({ "program": "fn fact(n) { if n < 2 { 1 } else { n * fact(n - 1) } } fact(10)" }),
                r#"{"value":3628800}"#,
            ),
        ] {
            assert_eq!(call(&arguments).await, expected, "{arguments}");
        }
    }

    #[tokio::test]
    async fn a_program_has_bounds() {
        for (program, part) in [
            ("loop {}", "steps"),
            ("let x = []; loop { x.push(1); }", "array"),
            ("let s = \"x\"; loop { s += s; }", "string"),
            ("let m = #{}; let i = 0; loop { i += 1; m[\"k\" + i] = i; }", ""),
            ("let a = []; a.pad(100_000_000, 0); a", "array"),
            ("let a = [0]; for i in 0..60 { a += a; } a", "array"),
            ("let s = \"\"; s.pad(1_000_000_000, \"x\"); s", "string"),
            ("fn f() { f() } f()", "overflow"),
            ("eval(\"1\")", "eval"),
            ("import \"x\" as y; 1", ""),
            ("open_file(\"/etc/passwd\")", "not found"),
            ("timestamp()", "not found"),
            ("sleep(100)", "sleep"),
            ("1 +", ""),
            ("9223372036854775807 + 1", "verflow"),
            ("let x = \"y\".repeat(1)", ""),
        ] {
            let told = call(&json!({ "program": program })).await;
            assert!(told.starts_with("! ") && told.contains(part), "{program}: {told}");
        }
        let deep = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(call(&json!({ "program": deep })).await.starts_with("! "));
        let many = (0..100).map(|n| format!("let v{n} = {n};")).collect::<Vec<_>>().concat();
        assert!(call(&json!({ "program": many })).await.starts_with("! "));
        let long = call(&json!({ "program": "let s = \"x\"; s.pad(100_000, \"x\"); s" })).await;
        assert!(long.starts_with("! the answer is longer"), "{}", &long[..100]);
    }

    #[tokio::test]
    async fn a_program_that_nobody_waits_for_ends() {
        let context = ToolContext::default();
        let arguments =
            json!({ "program": "let x = 0; while x < 1_000_000_000_000 { x += 1; } x" });
        let stopped = Arc::new(AtomicBool::new(true));
        let told = run("loop {}", Value::Null, String::new(), stopped).unwrap_err();
        assert_eq!(told, ToolError::Failed("the program was stopped".into()));
        // Dropped at its first wait: the thread ends and the runtime can stop.
        let call = Code.call(&arguments, &context);
        drop(tokio::time::timeout(Duration::from_millis(1), call).await);
    }
}

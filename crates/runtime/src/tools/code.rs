//! Runs short programs in an interpreter that knows no file, no network, no clock and no other
//! program: Rhai, with every size, the number of steps and the memory bounded. Values that are shared, and
//! functions that keep some, are not there: no size counts what they hold.

mod bounded;
mod memory;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rhai::packages::{Package as _, StandardPackage};
use rhai::{Dynamic, Engine, EvalAltResult, Scope};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::material::{RESULT_MAX_BYTES, floor};
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};

/// The steps that a program may take: well below a second of work.
const OPERATIONS_MAX: u64 = 1_000_000;
/// The longest text, in bytes, all texts within one value taken together.
const TEXT_MAX: usize = 512 * 1024;
/// The most items of one value, those of lists within it included.
const ITEMS_MAX: usize = 5_000;
/// Variables that are alive at once in one call.
const VARIABLES_MAX: usize = 64;
/// How deep calls may be nested.
const CALLS_MAX: usize = 32;
/// What a thread may need for that many calls, each in the deepest expression, and for walking through
/// the deepest value. It is set aside, not taken.
const STACK_BYTES: usize = 128 * 1024 * 1024;
/// How many programs run at once in this process.
const AT_ONCE: usize = 2;
/// How long a program may run.
const TIME: Duration = Duration::from_secs(5);
/// How long it may wait for others to end before it runs.
const TURN: Duration = Duration::from_secs(25);
/// The longest program, in characters.
const SOURCE_MAX: usize = 20_000;
/// The longest account of a failure, in bytes: a program may throw whatever it has.
const FAILURE_MAX_BYTES: usize = 2_000;

/// Whoever may run one.
static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

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
         `list.filter(|x| x > 1)`, `list.sort()`, `text.split(\",\")`, `text.len()`, `parse_float(text)`, `parse_json(text)`, `to_string(x)`). Functions see their arguments alone: where a value from \
         around them is needed, use a loop. There is no network, no file, no clock, no import. `input` holds what is given in `input`; `text` holds what `text` or `source` gives. What `print` is \
         given and the value of the last expression come back as JSON: { \"printed\", \"value\" }."
    }

    fn parameters(&self) -> Value {
        schema::object(
            &json!({
                "program": { "type": "string", "minLength": 1, "maxLength": SOURCE_MAX, "description": "The program. Its last expression, without a semicolon, is the answer." },
                "input": { "description": "Any value that the program shall see as `input`." },
                "text": { "type": "string", "description": "A text that the program shall see as `text`." },
                "source": { "type": "string", "description": "Instead of `text`: where it already is. \"context\" for the newest material that a person gave, the source that is named before it for another one, or the call id of an earlier tool call for its result." },
            }),
            &["program"],
        )
    }

    fn timeout(&self) -> Duration {
        // Each of the two is told apart before that.
        TURN + TIME + Duration::from_secs(1)
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
            let turn = timeout(TURN, TURNS.acquire()).await.map_err(|_elapsed| busy())?;
            let turn = turn.map_err(|_| failed())?;
            let (tell, answer) = oneshot::channel();
            let thread = std::thread::Builder::new().name("code".into()).stack_size(STACK_BYTES);
            thread
                .spawn(move || {
                    // The turn is over when the thread is, not when nobody waits any more.
                    let _turn = turn;
                    let _ = tell.send(run(&program, input, text, stopped));
                })
                .map_err(|error| ToolError::Failed(format!("there is no thread: {error}")))?;
            let answer = timeout(TIME, answer).await;
            drop(stop);
            answer.map_err(|_elapsed| late())?.map_err(|_| failed())?
        })
    }
}

fn failed() -> ToolError {
    ToolError::Failed("the interpreter failed (a defect of ours)".into())
}

fn busy() -> ToolError {
    ToolError::Failed("it was not run: other programs have to end first; try it again later".into())
}

fn late() -> ToolError {
    ToolError::Failed(format!("gave no answer within {} s", TIME.as_secs()))
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Nothing but the language and its own values is in here.
fn engine(stopped: Arc<AtomicBool>) -> Engine {
    let mut engine = Engine::new_raw();
    StandardPackage::new().register_into_engine(&mut engine);
    bounded::register(&mut engine);
    let memory = memory::Memory::from_now();
    // The interpreter's own count forgets what functions did that its library has called.
    let steps = Cell::new(0_u64);
    engine
        .set_max_call_levels(CALLS_MAX)
        .set_max_expr_depths(64, 48)
        .set_max_string_size(TEXT_MAX)
        .set_max_array_size(ITEMS_MAX)
        .set_max_map_size(ITEMS_MAX)
        .set_max_variables(VARIABLES_MAX)
        .set_max_functions(64)
        .disable_symbol("eval")
        // What a function keeps is counted nowhere.
        .disable_symbol("curry")
        .on_progress(move |_| {
            steps.set(steps.get() + 1);
            if stopped.load(Ordering::Relaxed) {
                return Some("the program was stopped".into());
            }
            if steps.get() > OPERATIONS_MAX {
                return Some(format!("the program takes more than {OPERATIONS_MAX} steps").into());
            }
            memory.is_spent(steps.get()).then(|| "the program needs too much memory".into())
        });
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
    engine
        .ensure_data_size_within_limits(&input)
        .map_err(|error| ToolError::Invalid(format!("`input` cannot be given: {error}")))?;
    scope.push("input", input).push("text", text);
    let value =
        engine.eval_with_scope::<Dynamic>(&mut scope, program).map_err(|error| told(&error))?;
    if !bounded::is_flat(&value, bounded::DEPTH_MAX) {
        return Err(ToolError::Failed("the answer is nested too deeply; give less".into()));
    }
    if bounded::size(&value).bytes > TEXT_MAX {
        return Err(ToolError::Failed("the names in the answer are too long; give less".into()));
    }
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
    let mut text = match error.unwrap_inner() {
        EvalAltResult::ErrorTerminated(reason, _) => reason.to_string(),
        EvalAltResult::ErrorRuntime(thrown, _) if !bounded::is_flat(thrown, bounded::DEPTH_MAX) => {
            "the program threw a value that is nested too deeply".into()
        }
        _ => error.to_string(),
    };
    text.truncate(floor(&text, FAILURE_MAX_BYTES));
    ToolError::Failed(text)
}

#[cfg(test)]
mod tests;

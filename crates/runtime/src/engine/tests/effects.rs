//! A tool that does what it is told.

use super::script::Open;
use super::*;

/// What the scripted tool does: `{"do": …}`.
#[derive(Clone, Default)]
pub(super) struct Effects {
    pub(super) called: Arc<Mutex<Vec<String>>>,
    running: Arc<AtomicUsize>,
    pub(super) most: Arc<AtomicUsize>,
}

impl Tool for Effects {
    fn name(&self) -> &'static str {
        "calculator"
    }

    fn description(&self) -> &'static str {
        "follows orders"
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": { "do": { "type": "string" }, "ms": { "type": "integer" } },
            "required": ["do"],
            "additionalProperties": false,
        })
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let order = arguments["do"].as_str().unwrap_or_default();
            self.called.lock().unwrap().push(order.to_owned());
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(running, Ordering::SeqCst);
            let _running = Open(self.running.clone());
            tokio::time::sleep(Duration::from_millis(arguments["ms"].as_u64().unwrap_or(0))).await;
            match order {
                "fail" => Err(ToolError::Failed("it broke".to_owned())),
                "panic" => panic!("the tool panics"),
                "sources" => {
                    let mut sources: Vec<_> = context.sources.keys().cloned().collect();
                    sources.sort();
                    Ok(sources.join(","))
                }
                order => Ok(format!("did {order}\0")),
            }
        })
    }
}

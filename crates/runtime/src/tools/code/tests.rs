//! What programs can do, and what they cannot.

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
        (json!({ "program": "input.map(|x| x * 2)", "input": [1, 2.5] }), r#"{"value":[2,5.0]}"#),
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
        // What the library makes before anyone looks at its size.
        ("let s = \"\"; s.pad(500_000, \"x\"); let t = s; s.replace(\"x\", t); s", "string"),
        ("let s = \"\"; s.pad(500_000, 'x'); let t = s; s.replace('x', t); s", "string"),
        ("let s = \"\"; s.pad(500_000, \"x\"); let t = s; s.replace(\"\", t); s", "string"),
        ("let s = \"\"; s.pad(500_000, \"x\"); s.replace('x', '…'); s", "string"),
        ("let s = \"\"; s.pad(500_000, \"x\"); s.split(\"\")", "array"),
        ("let s = \"\"; s.pad(500_000, \"x\"); s.split('x')", "array"),
        ("let s = \"\"; s.pad(500_000, \"x \"); s.split()", "array"),
        ("let s = \"\"; s.pad(500_000, \"x\"); s.split('x', 100_000)", "array"),
        ("let s = \"\"; s.pad(500_000, \"x\"); s.split_rev(\"x\")", "array"),
        ("let s = \"\"; s.pad(500_000, \"x\"); s.to_chars()", "array"),
        ("let s = \"\"; s.pad(500_000, \"x\"); let a = [s]; a + [s]", "string"),
        ("let s = \"[\"; s.pad(400_000, \"1,\"); s += \"1]\"; parse_json(s)", "array"),
        ("let a = []; a.pad(5_001, #{}); a", "array"),
        ("let x = []; x.pad(4_095, 0); let a = []; a.pad(4_503_599_627_370_496, x); a", "array"),
        ("blob(1_000_000_000)", "array"),
        // What is kept where no size counts it.
        ("fn f(x) { x } Fn(\"f\").curry(1)", "Expecting name of a property"),
        ("let n = 1; [1].map(|x| x + n)", "Variable"),
        ("let f = 0; f = || f; f.call()", "Variable"),
        // Many values, each within its bounds.
        (
            "let k = \"\"; k.pad(400_000, \"x\"); let m = #{}; let i = 0; loop { i += 1; m[k + i] = i; }",
            "memory",
        ),
        ("let a = []; a.pad(4_900, 0); a.map(|x| { let b = []; b.pad(4_900, 0); b })", "memory"),
        (
            "fn f(n) { let a = []; a.pad(2_400, #{ a: 0 }); let b = a; let c = a; f(n + 1) + a.len() + b.len() + c.len() } f(0)",
            "",
        ),
        // What functions do that the library calls counts as well.
        ("let a = []; a.pad(5_000, 0); loop { a.for_each(|x| { x + 1 }); }", "steps"),
        // Values that are nested as deep as they can be.
        ("let a = []; for i in 0..2_000 { a = [a]; } a", "deep"),
        ("let a = []; for i in 0..2_000 { a = [a]; } a == a", "deep"),
        ("let a = []; for i in 0..2_000 { a = [a]; } throw a", "deep"),
        ("let m = #{}; for i in 0..2_000 { m = #{ m: m }; } m.to_json()", "deep"),
        ("throw \"x\"", "x"),
    ] {
        let told = call(&json!({ "program": program })).await;
        assert!(told.starts_with("! ") && told.contains(part), "{program}: {told}");
    }
    let deep = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(call(&json!({ "program": deep })).await.starts_with("! "));
    let many = (0..100).map(|n| format!("let v{n} = {n};")).collect::<Vec<_>>().concat();
    assert!(call(&json!({ "program": many })).await.starts_with("! "));
    let repeated = "a, ".repeat(1_500);
    let wide = format!("fn f(x) {{ x }} let a = []; a.pad(4_900, 0); f({repeated}a)");
    let told = call(&json!({ "program": wide })).await;
    assert!(told.contains("memory") || told.contains("not found"), "{told}");
    assert!(told.len() < 3_000, "{}", told.len());
    let long = call(&json!({ "program": "let s = \"x\"; s.pad(100_000, \"x\"); s" })).await;
    assert!(long.starts_with("! the answer is longer"), "{}", &long[..100]);
}

/// What the process holds, or held at the most (proc(5), status), in bytes.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn no_program_takes_much_memory() {
    let before = memory("VmRSS");
    for program in [
        "let s = \"\"; s.pad(500_000, \"x\"); let t = s; s.replace(\"x\", t)",
        "let k = \"\"; k.pad(400_000, \"x\"); let m = #{}; let i = 0; loop { i += 1; m[k + i] = i; }",
        "let a = []; a.pad(4_900, 0); a.map(|x| { let b = []; b.pad(4_900, 0); b })",
        "fn f(n) { let a = []; a.pad(4_900, 0); let b = a; let c = b; let d = c; f(n + 1) + f(n + 1) } f(0)",
        "let a = []; loop { let s = \"\"; s.pad(500_000, \"x\"); a.push(#{ s: [s] }); }",
    ] {
        let told = call(&json!({ "program": program })).await;
        assert!(told.starts_with("! "), "{program}: {told}");
    }
    let grown = memory("VmHWM").saturating_sub(before);
    assert!(grown < 256 * 1024 * 1024, "{grown}");
}

#[tokio::test]
async fn what_takes_the_place_of_the_library_does_what_it_did() {
    for (program, expected) in [
        ("let s = \"a-b\"; s.replace(\"-\", \"+\"); s", json!("a+b")),
        ("let s = \"aba\"; s.replace('a', \"xy\"); s", json!("xybxy")),
        ("let s = \"aba\"; s.replace(\"ab\", 'c'); s", json!("ca")),
        ("let s = \"aba\"; s.replace('b', 'c'); s", json!("aca")),
        ("let s = \"a\"; s.pad(4, \"xy\"); s", json!("axyx")),
        ("let s = \"a\"; s.pad(10, \"\"); s", json!("a")),
        ("let s = \"a\"; s.pad(-1, \"x\"); s", json!("a")),
        ("\"a,b,c\".split(\",\")", json!(["a", "b", "c"])),
        ("\"a b  c\".split()", json!(["a", "b", "c"])),
        ("\"a,b,c\".split(',', 2)", json!(["a", "b,c"])),
        ("\"a,b,c\".split_rev(',')", json!(["c", "b", "a"])),
        ("\"a,b,c\".split_rev(\",\", 2)", json!(["c", "a,b"])),
        ("\"abc\".split(1)", json!(["a", "bc"])),
        ("\"\".split(\",\")", json!([""])),
        ("const TEXT = \"a b\"; TEXT.split(\" \").len()", json!(2)),
        ("\"abc\".to_chars()", json!(["a", "b", "c"])),
        ("let a = [1]; a.pad(3, [0]); a", json!([1, [0], [0]])),
        ("[1, [2.0, \"x\"], #{ a: () }] == [1, [2.0, \"x\"], #{ a: () }]", json!(true)),
        ("[1, 2] == [1, 3]", json!(false)),
        ("[1, 2] != [1, \"2\"]", json!(true)),
        ("#{ a: 1 } == #{ b: 1 }", json!(false)),
        ("[[1], [2]].contains([2])", json!(true)),
        (
            "[1, \"a\", 'c', 2.5, true, (), [#{ x: 1 }]].to_string()",
            json!("[1, \"a\", c, 2.5, true, (), [#{\"x\": 1}]]"),
        ),
        ("`${[1, 2]} and ${#{ a: \"b\" }}`", json!("[1, 2] and #{\"a\": \"b\"}")),
        ("#{ a: [1, \"x\"] }.to_json()", json!("{\"a\":[1,\"x\"]}")),
        ("parse_json(\"{\\\"a\\\": [1, null, 2.5]}\").a", json!([1, null, 2.5])),
        ("[3, 1, 2].sort(); let a = [3, 1]; a.sort(|x, y| x - y); a", json!([1, 3])),
    ] {
        let expected = json!({ "value": expected }).to_string();
        assert_eq!(call(&json!({ "program": program })).await, expected, "{program}");
    }
}

#[tokio::test]
async fn few_programs_run_at_once() {
    let context = ToolContext::default();
    let arguments = json!({ "program": "1" });
    let turns = TURNS.acquire_many(u32::try_from(AT_ONCE).unwrap()).await.unwrap();
    let mut waiting = Code.call(&arguments, &context);
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(turns);
    assert_eq!(waiting.await.unwrap(), r#"{"value":1}"#);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_its_turn_is_none_of_a_programs_time() {
    let turns = TURNS.acquire_many(u32::try_from(AT_ONCE).unwrap()).await.unwrap();
    let arguments = json!({ "program": "1" });
    let waiting = crate::tools::call_apart(Arc::new(Code), arguments, ToolContext::default());
    tokio::pin!(waiting);
    tokio::select! {
        biased;
        answer = &mut waiting => panic!("it has no turn yet: {answer:?}"),
        () = tokio::time::advance(TIME * 2) => {}
    }
    // Its thread goes by the time that passes.
    tokio::time::resume();
    drop(turns);
    assert_eq!(waiting.await.unwrap(), r#"{"value":1}"#);
}

#[tokio::test]
async fn a_program_that_nobody_waits_for_ends() {
    let context = ToolContext::default();
    let arguments = json!({ "program": "let x = 0; while x < 1_000_000_000_000 { x += 1; } x" });
    let stopped = Arc::new(AtomicBool::new(true));
    let told = run("loop {}", Value::Null, String::new(), stopped).unwrap_err();
    assert_eq!(told, ToolError::Failed("the program was stopped".into()));
    // Dropped at its first wait: the thread ends and the runtime can stop.
    let call = Code.call(&arguments, &context);
    drop(tokio::time::timeout(Duration::from_millis(1), call).await);
}

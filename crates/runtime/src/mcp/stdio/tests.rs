use super::*;

/// A server of a few lines in the language of the shell: it answers by what it reads.
const SERVER: &str = r#"
echo 'Welcome'
while read -r line; do
  id=$(printf %s "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case $line in
    *'"server/discover"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"what?"}}\n' "$id" ;;
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","serverInfo":{"name":"shelf"},"capabilities":{}}}\n' "$id" ;;
    *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"env","description":"Tells","inputSchema":{"type":"object"}}]}}\n' "$id" ;;
    *'"name":"env"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"%s"}]}}\n' "$id" "$(env | sort | grep -v '^_=\|^PWD=\|^SHLVL=\|^OLDPWD=' | tr '\n' ' ')" ;;
    *'"name":"pid"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"%s"}]}}\n' "$id" "$$" ;;
    *'"name":"limits"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"%s"}]}}\n' "$id" "$(ulimit -d) $(ulimit -n) $(ulimit -v) $(ulimit -t)" ;;
    *'"name":"fail"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"isError":true,"content":[{"type":"text","text":"no"}]}}\n' "$id" ;;
    *'"name":"die"'*) exit 3 ;;
    *'"name":"babble"'*) yes | tr -d '\n' ;;
    *'"name":"sleep"'*) : ;;
    *'"notifications/cancelled"'*) taken=$(printf %s "$line" | sed -n 's/.*"requestId":\([0-9]*\).*/\1/p') ;;
    *'"name":"taken"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"%s"}]}}\n' "$id" "$taken" ;;
  esac
done
"#;

const PATIENCE: Duration = Duration::from_secs(20);

fn servers() -> StdioServers {
    let arguments = vec!["-c".to_owned(), SERVER.to_owned()];
    let command =
        StdioCommand { name: "shelf".to_owned(), program: "/bin/sh".to_owned(), arguments };
    let program = "/nonexistent/program".to_owned();
    let missing = StdioCommand { name: "missing".to_owned(), program, arguments: Vec::new() };
    StdioServers::new(vec![command, missing])
}

async fn call(servers: &StdioServers, tool: &str) -> Result<String, McpError> {
    servers.call("shelf", tool, (&json!({}), &Asking::default()), PATIENCE).await
}

/// Asks what is never answered, and waits a moment for it.
async fn silent(servers: &StdioServers) -> Result<String, McpError> {
    let asked = (&json!({}), &Asking::default());
    servers.call("shelf", "sleep", asked, Duration::from_millis(50)).await
}

fn is_alive(pid: &str) -> bool {
    // One that has ended and was not asked after yet is alive no more.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_command_is_started_once_and_kept() {
    let servers = servers();
    let (title, tools) = servers.tools("shelf", PATIENCE).await.unwrap();
    assert_eq!((title.as_str(), tools[0].name.as_str()), ("shelf", "env"));
    let (one, two) = tokio::join!(call(&servers, "pid"), call(&servers, "pid"));
    assert_eq!(one.unwrap(), two.unwrap());
    let path = format!("PATH={PATH}");
    assert_eq!(call(&servers, "env").await.unwrap().trim(), path, "nothing of ours is told");
    // Addresses are set aside by the many, and hours of work add up: those are as they were.
    let own = std::process::Command::new("/bin/sh")
        .args(["-c", "echo $(ulimit -v) $(ulimit -t)"])
        .output()
        .unwrap();
    let limits = format!("4194304 256 {}", String::from_utf8_lossy(&own.stdout).trim());
    assert_eq!(call(&servers, "limits").await.unwrap(), limits);
    assert_eq!(call(&servers, "fail").await, Err(McpError::Refused("no".to_owned())));
}

#[tokio::test]
async fn one_that_ends_is_started_anew() {
    let servers = servers();
    let first = call(&servers, "pid").await.unwrap();
    for end in ["die", "babble"] {
        let before = call(&servers, "pid").await.unwrap();
        let error = call(&servers, end).await.unwrap_err();
        assert!(matches!(error, McpError::Unanswered(_)), "{end}: {error}");
        assert_ne!(call(&servers, "pid").await.unwrap(), before, "{end}");
    }
    assert!(!is_alive(&first));
}

#[tokio::test]
async fn silence_is_bounded_and_costs_others_nothing() {
    let servers = servers();
    let pid = call(&servers, "pid").await.unwrap();
    let asked = silent(&servers).await;
    assert!(matches!(asked, Err(McpError::Unanswered(_))));
    assert_eq!(call(&servers, "pid").await.unwrap(), pid);
    assert_eq!(call(&servers, "taken").await.unwrap(), "3", "it need not go on with that");
    // One that says nothing any more is started anew.
    for _ in 0..SILENT_MAX {
        let asked = silent(&servers).await;
        assert!(matches!(asked, Err(McpError::Unanswered(_))));
    }
    assert_ne!(call(&servers, "pid").await.unwrap(), pid);
}

#[tokio::test]
async fn a_command_goes_with_us() {
    let servers = servers();
    let pid = call(&servers, "pid").await.unwrap();
    assert!(is_alive(&pid));
    drop(servers);
    while is_alive(&pid) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn no_other_command_can_be_named() {
    let servers = servers();
    for name in ["sh", "", "../bin/sh", "shelf "] {
        let error = servers.tools(name, PATIENCE).await.unwrap_err();
        assert!(error.to_string().contains("allows no command"), "{name}: {error}");
    }
    assert!(servers.tools("missing", PATIENCE).await.is_err());
}

/// A server of the newest version, which answers what stands alone and nothing else; one that ends when it is
/// asked how it is spoken to, and holds sessions.
const OTHERS: [&str; 2] = [
    r#"
while read -r line; do
  id=$(printf %s "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case $line in
    *'"initialize"'*) exit 1 ;;
    *'"server/discover"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"other"}},"capabilities":{}}}\n' "$id" ;;
    *'"io.modelcontextprotocol/protocolVersion":"2026-07-28"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"resultType":"complete","content":[{"type":"text","text":"alone"}]}}\n' "$id" ;;
  esac
done
"#,
    r#"
while read -r line; do
  id=$(printf %s "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case $line in
    *'"server/discover"'*) exit 1 ;;
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"serverInfo":{"name":"other"}}}\n' "$id" ;;
    *'"name":"say"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"in a session"}]}}\n' "$id" ;;
    *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[]}}\n' "$id" ;;
  esac
done
"#,
];

#[tokio::test]
async fn a_command_is_spoken_to_as_it_says() {
    for (script, said) in OTHERS.into_iter().zip(["alone", "in a session"]) {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        let (name, program) = ("other".to_owned(), "/bin/sh".to_owned());
        let servers = StdioServers::new(vec![StdioCommand { name, program, arguments }]);
        let told = servers.call("other", "say", (&json!({}), &Asking::default()), PATIENCE).await;
        assert_eq!(told.unwrap(), said);
        assert_eq!(servers.tools("other", PATIENCE).await.unwrap().0, "other");
    }
}

//! The variables that say how far agents may go.

use resonant_backend::{Settings, StdioCommand};
use resonant_domain::mcp_tool::is_command_name;

use super::{SettingError, Variables};

/// The deepest that agents may be let call each other.
const DEPTH_MAX: u32 = 10;

pub(super) fn read(vars: &Variables<'_>, settings: &mut Settings) -> Result<(), SettingError> {
    if let Some(depth) = vars.parsed("AGENT_DEPTH_MAX", "a whole number")? {
        if depth > DEPTH_MAX {
            let reason = format!("must be at most {DEPTH_MAX}; 0: no agent may call another");
            return Err(SettingError::new("AGENT_DEPTH_MAX", reason));
        }
        settings.agent_depth = depth;
    }
    settings.mcp_commands = commands(vars)?;
    Ok(())
}

/// `MCP_STDIO`: the commands that agents may use as MCP servers, as `name=program argument argument`,
/// with semicolons in between.
fn commands(vars: &Variables<'_>) -> Result<Vec<StdioCommand>, SettingError> {
    let wrong = || {
        let example = "files=/usr/bin/mcp-files /srv/files; time=mcp-time";
        SettingError::new("MCP_STDIO", format!("must be a list such as {example}"))
    };
    let text = vars.text("MCP_STDIO").unwrap_or_default();
    let mut commands: Vec<StdioCommand> = Vec::new();
    for entry in text.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, line) = entry.split_once('=').ok_or_else(wrong)?;
        let (name, mut words) = (name.trim().to_owned(), line.split_whitespace());
        let program = words.next().ok_or_else(wrong)?.to_owned();
        if !is_command_name(&name) || commands.iter().any(|other| other.name == name) {
            return Err(wrong());
        }
        let arguments = words.map(str::to_owned).collect();
        commands.push(StdioCommand { name, program, arguments });
    }
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_vars(vars: &[(&str, &str)]) -> Result<Settings, String> {
        let look_up = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let mut settings = Settings::new("");
        read(&Variables { look_up: &look_up }, &mut settings).map_err(|error| error.to_string())?;
        Ok(settings)
    }

    #[test]
    fn without_a_word_there_is_no_command() {
        let settings = read_vars(&[]).unwrap();
        assert_eq!((settings.agent_depth, settings.mcp_commands), (3, Vec::new()));
    }

    #[test]
    fn commands_are_a_list() {
        let text = "files=/usr/bin/mcp-files /srv/files --quiet; time = mcp-time;";
        let settings = read_vars(&[("MCP_STDIO", text), ("AGENT_DEPTH_MAX", "0")]).unwrap();
        assert_eq!(settings.agent_depth, 0);
        let [files, time] = &settings.mcp_commands[..] else { panic!("{settings:?}") };
        assert_eq!((files.name.as_str(), files.program.as_str()), ("files", "/usr/bin/mcp-files"));
        assert_eq!(files.arguments, ["/srv/files", "--quiet"]);
        assert_eq!((time.name.as_str(), time.program.as_str()), ("time", "mcp-time"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (name, value) in [
            ("MCP_STDIO", "mcp-time"),
            ("MCP_STDIO", "a="),
            ("MCP_STDIO", "a/b=x"),
            ("MCP_STDIO", "a=x;a=y"),
            ("AGENT_DEPTH_MAX", "deep"),
            ("AGENT_DEPTH_MAX", "11"),
        ] {
            let error = read_vars(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(name), "{error}");
        }
    }
}

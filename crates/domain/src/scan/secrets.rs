//! Secrets in plain text.

/// How the keys of known services begin, and how long one is at least.
const KEYS: [(&str, usize, &str); 17] = [
    ("sk-", 20, "a key of OpenAI, Anthropic or the like"),
    ("sk_live_", 20, "a key of Stripe"),
    ("rk_live_", 20, "a key of Resonant or Stripe"),
    ("ghp_", 30, "a token of GitHub"),
    ("gho_", 30, "a token of GitHub"),
    ("ghs_", 30, "a token of GitHub"),
    ("github_pat_", 30, "a token of GitHub"),
    ("glpat-", 20, "a token of GitLab"),
    ("xoxb-", 20, "a token of Slack"),
    ("xoxp-", 20, "a token of Slack"),
    ("AKIA", 20, "a key of AWS"),
    ("AIza", 35, "a key of Google"),
    ("hf_", 30, "a token of Hugging Face"),
    ("npm_", 30, "a token of npm"),
    ("pypi-", 40, "a token of PyPI"),
    ("whsec_", 24, "a key that signs webhooks"),
    ("eyJ", 60, "a signed token (JWT)"),
];
/// Names whose value is a secret.
const NAMES: [&str; 8] =
    ["password", "passwd", "secret", "api_key", "apikey", "api-key", "access_token", "auth_token"];
/// Headers whose value is a secret.
const HEADERS: [&str; 5] = ["authorization", "x-api-key", "api-key", "cookie", "x-auth-token"];

/// What looks like a secret in a text, each as a sentence that does not repeat it.
pub(super) fn find(field: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, length, what) in KEYS {
        let is_there = text.match_indices(start).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let key = run(&text[at..], |c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            !before.is_some_and(char::is_alphanumeric)
                && key.len() >= length
                && key.contains(|c: char| c.is_ascii_digit())
        });
        if is_there {
            found.push(format!("Holds what looks like {what}"));
        }
    }
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY") {
        found.push("Holds a private key".to_owned());
    }
    if has_user_in_address(text) {
        found.push("Holds an address with a name and a password in it".to_owned());
    }
    if found.is_empty() && is_assigned(text) {
        found.push("Holds what looks like a password or key".to_owned());
    }
    let name = field.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_header = field.contains(".headers.") && HEADERS.contains(&name.as_str());
    if found.is_empty() && is_header && text.len() >= 8 && !text.contains("{{") {
        found.push(
            "Sends a value of its own: write {{secrets.NAME}} and let each person bring theirs"
                .to_owned(),
        );
    }
    found
}

/// The beginning of a text that holds such letters alone.
fn run(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c: char| !belongs(c)).unwrap_or(text.len());
    &text[..end]
}

/// `https://name:password@host/`
fn has_user_in_address(text: &str) -> bool {
    text.match_indices("://").any(|(at, mark)| {
        let rest = run(&text[at + mark.len()..], |c| !c.is_whitespace() && !"/?#\"'<>".contains(c));
        rest.split_once('@').is_some_and(|(user, host)| {
            !host.is_empty()
                && user
                    .split_once(':')
                    .is_some_and(|(_, word)| !word.is_empty() && !word.contains("{{"))
        })
    })
}

/// `api_key = "…"` with a value of letters and digits.
fn is_assigned(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    NAMES.iter().any(|name| {
        lower.match_indices(name).any(|(at, _)| {
            let rest = lower[at + name.len()..].trim_start_matches(['"', '\'', ' ']);
            let Some(value) = rest.strip_prefix([':', '=']) else { return false };
            let value = value.trim_start_matches(['"', '\'', ' ']);
            let value = run(value, |c| c.is_ascii_alphanumeric() || "-_+/=.!$%".contains(c));
            value.len() >= 12
                && value.contains(|c: char| c.is_ascii_digit())
                && value.contains(|c: char| c.is_ascii_alphabetic())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_and_talk_of_them_is_not() {
        for text in [
            "use sk-proj-abcdef0123456789abcdef",
            "(ghp_0123456789abcdefghij0123456789abcdef)",
            "AKIA0123456789ABCDEF",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
            "https://ada:hunter2@example.org/",
            "API_KEY = \"a1b2c3d4e5f6g7\"",
            "password: correct-horse-42",
        ] {
            assert_eq!(find("description", text).len(), 1, "{text}");
        }
        for text in [
            "",
            "Keys begin with sk- and are kept as secrets",
            "the password: ask your administrator for it",
            "Bearer {{secrets.TOKEN}}",
            "https://example.org/@ada:profile",
            "write to ada@example.org",
            "a risk-based-approach-to-2024-and-more",
        ] {
            assert_eq!(find("description", text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(find("tools.x.settings.headers.X-API-Key", "abcdefgh").len(), 1);
        assert_eq!(find("tools.x.settings.headers.X-API-Key", "{{secrets.KEY}}").len(), 0);
        assert_eq!(find("tools.x.settings.headers.accept", "text/html").len(), 0);
    }
}

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
/// Names whose value is a secret, without what stands between their words.
const NAMES: [&str; 28] = [
    "apikey",
    "appid",
    "appkey",
    "auth",
    "authkey",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "key",
    "passphrase",
    "passwd",
    "password",
    "pat",
    "pin",
    "privatekey",
    "pwd",
    "sas",
    "secret",
    "session",
    "sessionid",
    "sid",
    "sig",
    "signature",
    "subscriptionkey",
    "token",
];
/// How such names end: `client_secret`, `X-Access-Token`.
const ENDINGS: [&str; 10] = [
    "accesskey",
    "apikey",
    "authkey",
    "authtoken",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "subscriptionkey",
    "token",
];
/// Names whose value a person made up: it need not look like one of a machine.
const MADE_UP: [&str; 5] = ["passphrase", "passwd", "password", "pin", "pwd"];
/// Words of the names of headers whose value is a secret, whatever it looks like.
const OF_HEADERS: [&str; 10] = [
    "apikey",
    "auth",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "key",
    "password",
    "secret",
    "token",
];
/// Headers whose names have such words, and that hold none.
const HARMLESS_HEADERS: [&str; 2] = ["idempotency-key", "x-idempotency-key"];
/// What is told of a value that each person should bring.
const OWN: &str =
    "Sends a value of its own: write {{secrets.NAME}} and let each person bring theirs";

/// What looks like a secret in a text, each as a sentence that does not repeat it. The field says by its
/// name what the text is: `tools.weather.settings.query.appid`, `variables.api_key.default`.
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
    if found.is_empty() && is_own_value(field, text) {
        found.push(OWN.to_owned());
    }
    found
}

/// Whether the text is a secret by the name of its place.
fn is_own_value(field: &str, text: &str) -> bool {
    if text.contains("{{") {
        return false;
    }
    let mut parts = field.rsplit('.').map(|part| part.split('[').next().unwrap_or_default());
    let last = parts.next().unwrap_or_default();
    // A variable is named by what stands before its `default`.
    let name = if field.starts_with("variables.") && last == "default" {
        parts.next().unwrap_or_default()
    } else {
        last
    };
    let lower = name.to_ascii_lowercase();
    if field.contains(".headers.") {
        let mut words = lower.split(['-', '_']);
        let is_secret = words.any(|word| OF_HEADERS.contains(&word));
        return is_secret && !HARMLESS_HEADERS.contains(&lower.as_str()) && text.len() >= 8;
    }
    let is_value_of_name =
        field.contains(".query.") || field.contains(".body") || field.starts_with("variables.");
    is_value_of_name && is_secret_of(name, text)
}

/// Whether a value is a secret, given what it is called.
fn is_secret_of(name: &str, value: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    let is_named = NAMES.contains(&&*name) || ENDINGS.iter().any(|ending| name.ends_with(ending));
    let value = value.trim();
    if !is_named || value.contains("{{") {
        return false;
    }
    let is_made_up = MADE_UP.iter().any(|ending| name.ends_with(ending));
    is_opaque(value) || (is_made_up && is_mixed(value, 6) && !value.contains(char::is_whitespace))
}

/// Whether nobody would write a text so: a long run of letters and digits, of which few come twice.
fn is_opaque(value: &str) -> bool {
    let mut runs = value.split(|c: char| !c.is_ascii_alphanumeric());
    runs.any(|run| is_mixed(run, 12) && bits_per_letter(run) >= 2.75)
}

/// Whether a text has so many letters and digits, and both of them.
fn is_mixed(text: &str, least: usize) -> bool {
    text.len() >= least
        && text.contains(|c: char| c.is_ascii_digit())
        && text.contains(|c: char| c.is_ascii_alphabetic())
}

/// How much a letter of the text tells, in bits (Shannon): 0 where all are the same, 4 for hexadecimal digits
/// by chance.
fn bits_per_letter(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let all = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let shares = counts.into_iter().filter(|count| *count > 0).map(|count| f64::from(count) / all);
    shares.map(|share| -share * share.log2()).sum()
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

/// `api_key = "…"`, `"token": "…"`, `?appid=…`: a name and its value anywhere in a text.
fn is_assigned(text: &str) -> bool {
    text.match_indices([':', '=']).any(|(at, _)| {
        let before = text[..at].trim_end_matches(['"', '\'', ' ']);
        let mut names = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
        let name = names.next().unwrap_or_default();
        let value = text[at + 1..].trim_start_matches(['"', '\'', ' ', '=']);
        let value = run(value, |c| c.is_ascii_alphanumeric() || "-_+/=.!$%{".contains(c));
        is_secret_of(name, value) || (is_called_secret(name) && is_mixed(value, 12))
    })
}

/// Whether a name says by itself that its value is a secret, so that one need not look at it twice.
fn is_called_secret(name: &str) -> bool {
    const CALLED: [&str; 6] =
        ["password", "passwd", "secret", "apikey", "accesstoken", "authtoken"];
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    CALLED.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As services for the weather give them out.
    const HEX: &str = "b6907d289e10d714a6e88b30761fae22";

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
            "{\"client_secret\": \"Zk3p9Qw8Lm2x\"}",
            &format!("https://api.example.org/weather?city=Rome&appid={HEX}"),
            &format!("token={HEX}"),
            "Send X-Access-Token: 9f8e7d6c5b4a3f2e1d",
        ] {
            assert_eq!(find("description", text).len(), 1, "{text}");
        }
        for text in [
            "",
            "Keys begin with sk- and are kept as secrets",
            "the password: ask your administrator for it",
            "Bearer {{secrets.TOKEN}}",
            "https://example.org/@ada:profile",
            "https://example.org/?token={{secrets.TOKEN}}&page=2024",
            "write to ada@example.org",
            "a risk-based-approach-to-2024-and-more",
            "key: customer-2024-report",
            "key=2024-01-01T00:00:00Z",
            "Signature: 12 March 2024",
            "The session: room 101, 14:00 to 15:30",
            "token: at most 4000",
        ] {
            assert_eq!(find("description", text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_value_is_judged_by_the_name_of_its_place() {
        for (field, text, is_secret) in [
            ("tools.x.settings.headers.X-API-Key", "abcdefgh", true),
            ("tools.x.settings.headers.X-Functions-Token", "abcdefgh", true),
            ("tools.x.settings.headers.X-API-Key", "{{secrets.KEY}}", false),
            ("tools.x.settings.headers.Idempotency-Key", "once-a-day", false),
            ("tools.x.settings.headers.accept", "text/html", false),
            ("tools.x.settings.query.appid", HEX, true),
            ("tools.x.settings.query.api_key", "9f8e7d6c5b4a3f2e1d", true),
            ("tools.x.settings.query.appid", "{{secrets.WEATHER}}", false),
            ("tools.x.settings.query.q", HEX, false),
            ("tools.x.settings.query.key", "population-2024", false),
            ("tools.x.settings.body.auth.accessToken", "AbC123dEf456GhI7", true),
            ("tools.x.settings.body.keys[0].password", "hunter2", true),
            ("tools.x.settings.body.password", "string", false),
            ("tools.x.settings.body.password", "{{password}}", false),
            ("tools.x.settings.input_schema.properties.token", HEX, false),
            ("variables.api_key.default", "9f8e7d6c5b4a3f2e1d", true),
            ("variables.city.default", "Berlin2024isgreat", false),
            ("variables.token.description", "as in b6907d289e10", false),
        ] {
            assert_eq!(!find(field, text).is_empty(), is_secret, "{field} {text}");
        }
    }
}

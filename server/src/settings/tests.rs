use super::*;

fn read(vars: &[(&str, &str)]) -> Result<Settings, String> {
    let look_up = |name: &str| {
        let all = [&[("DATABASE_URL", "postgres://u:hunter2@localhost/r")], vars].concat();
        all.iter().rev().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned())
    };
    Settings::read(&look_up).map_err(|error| error.to_string())
}

#[test]
fn a_database_is_enough() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.address.to_string(), "127.0.0.1:3000");
    assert_eq!(settings.workers, 4);
    assert!(settings.backend.models.openai.is_none());
    assert!(!settings.site.is_https());
}

#[test]
fn each_malformed_variable_is_named_and_its_value_is_not_shown() {
    for (name, value) in [
        ("DATABASE_URL", "mysql://u:hunter2@localhost/r"),
        ("DATABASE_URL", "  "),
        ("DATABASE_URL", "postgres://u@localhost/r?sslpassword=hunter2"),
        ("DATABASE_URL", "postgres://u@localhost/r?sslmode=require&passwd=hunter2"),
        ("DATABASE_URL", "postgres://u:1?hunter2@localhost/r"),
        ("REDIS_URL", "localhost:hunter2"),
        ("LEPTOS_SITE_ADDR", "hunter2"),
        ("LEPTOS_HASH_FILES", "hunter2"),
        ("PUBLIC_URL", "resonant.example.org/hunter2"),
        ("PUBLIC_URL", "https://user:hunter2@example.org"),
        ("WORKER_CONCURRENCY", "-1"),
        ("DATABASE_POOL_SIZE", "0"),
        ("DATABASE_POOL_SIZE", "10001"),
        ("DATABASE_POOL_OVERFLOW", "-1"),
        ("DATABASE_POOL_OVERFLOW", "4294967295"),
        ("DATABASE_PREPARED_STATEMENTS", "4294967295"),
        ("WORKER_CONCURRENCY", "4294967295"),
        ("DATABASE_STATEMENT_TIMEOUT_MS", "hunter2"),
        ("DATABASE_POOLER", "hunter2"),
        ("DATABASE_REPLICA_URLS", "postgres://a/r,hunter2"),
        ("DATABASE_REPLICA_URLS", "postgres://a/r?sslpassword=hunter2"),
        ("DATABASE_SHARD_URLS", "postgres://a/r,postgres://u:hunter2@localhost/r"),
        ("DATABASE_REPLICA_MAX_LAG_MS", "4294967295"),
        ("SESSION_RETENTION_DAYS", "hunter2"),
        ("RATE_LIMIT_CALLER", "hunter2"),
        ("RATE_LIMIT_ADDRESS", "-1"),
        ("RATE_LIMIT_SIGN_IN", "many"),
        ("TRUSTED_PROXIES", "hunter2"),
        ("REQUESTS_IN_FLIGHT", "hunter2"),
        ("STREAMS_PER_CALLER", "hunter2"),
        ("STREAMS_PER_ADDRESS", "-1"),
        ("LOG_FORMAT", "hunter2"),
        ("OPENAI_BASE_URL", "hunter2"),
        ("SECRETS_KEY", "hunter2"),
        ("PAYMENTS", "hunter2"),
    ] {
        let error = read(&[(name, value)]).unwrap_err();
        assert!(error.starts_with(name), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_parameter_of_an_address_that_is_not_known_is_named() {
    let error = read(&[("DATABASE_URL", "postgres://u@localhost/r?%73slpassword=x")]).unwrap_err();
    assert!(error.contains("sslpassword"), "{error}");
    // Part of a password, maybe.
    let error = read(&[("DATABASE_URL", "postgres://u:1?part=b@localhost/r")]).unwrap_err();
    assert!(!error.contains("part="), "{error}");
    let known = "host=/run/postgresql&user=u&password=p&sslmode=disable&options[work_mem]=4MB&channel_binding=require";
    assert!(read(&[("DATABASE_URL", &format!("postgres:///r?{known}"))]).is_ok());
}

#[test]
fn what_is_no_text_counts_as_malformed_and_not_as_absent() {
    use std::os::unix::ffi::OsStringExt as _;

    let look_up = |name: &str| match name {
        "DATABASE_URL" => Some(OsString::from("postgres://localhost/resonant")),
        "METRICS_TOKEN" => Some(OsString::from_vec(vec![0xff, 0xfe])),
        _ => None,
    };
    let error = with_texts(&look_up, |look_up| Settings::read(look_up)).unwrap_err();
    assert_eq!(error.to_string(), "METRICS_TOKEN must be a text in UTF-8");
}

#[test]
fn a_language_model_needs_its_name() {
    let error = read(&[("OPENAI_BASE_URL", "http://localhost:11434/v1")]).unwrap_err();
    assert_eq!(error, "OPENAI_MODEL must name the model that answers");
    let settings = read(&[
        ("OPENAI_API_KEY", "hunter2"),
        ("OPENAI_MODEL", "small"),
        ("OPENAI_INPUT_PRICE", "0.15"),
        ("OPENAI_OUTPUT_PRICE", "2"),
    ])
    .unwrap();
    assert!(!format!("{settings:?}").contains("hunter2\""));
    let openai = settings.backend.models.openai.unwrap();
    assert_eq!(openai.base_url.as_str(), "https://api.openai.com/v1");
    assert_eq!((openai.input_price, openai.output_price), (150_000, 2_000_000));
}

#[test]
fn the_database_is_named_without_its_password() {
    for (url, name) in [
        ("postgres://u:hunter2@db.example.org:5433/r", "postgres://db.example.org:5433/r"),
        ("postgres://u:hunt@er2@db/r?password=hunter2", "postgres://db/r"),
        ("postgresql://localhost/r", "postgresql://localhost/r"),
    ] {
        assert_eq!(without_secrets(url), name);
    }
}

#[test]
fn a_host_is_of_this_machine_or_not() {
    for (origin, is_development) in [
        ("http://localhost:3000", true),
        ("http://app.localhost", true),
        ("http://127.0.0.1", true),
        ("https://127.8.8.8:443", true),
        ("http://[::1]", true),
        ("http://[::1]:3000", true),
        ("https://127.example.org", false),
        ("https://127.0.0.1.example.org", false),
        ("https://localhost.example.org", false),
        ("http://10.0.0.7:3000", false),
        ("http://[2001:db8::1]", false),
    ] {
        assert_eq!(Site::at(origin).unwrap().is_development(), is_development, "{origin}");
    }
    assert!(Site::default().is_development());
}

#[test]
fn who_listens_for_others_says_that_this_machine_alone_is_meant() {
    for (address, origin, is_development) in [
        ("127.0.0.1:3000", "", true),
        ("[::1]:3000", "", true),
        ("[::ffff:127.0.0.1]:3000", "", true),
        ("0.0.0.0:3000", "", false),
        ("[::]:3000", "", false),
        ("10.0.0.7:3000", "", false),
        // As in a container whose port is published on this machine alone.
        ("0.0.0.0:3000", "http://localhost:3000", true),
        ("127.0.0.1:3000", "https://resonant.example.org", false),
    ] {
        let place = [("LEPTOS_SITE_ADDR", address), ("PUBLIC_URL", origin)];
        let settings = read(&place).unwrap();
        assert_eq!(settings.site.is_development(), is_development, "{address} {origin}");
        let sample = [place[0], place[1], ("METRICS_TOKEN", "change-me")];
        assert_eq!(read(&sample).is_ok(), is_development, "{address} {origin}");
    }
}

#[test]
fn https_is_seen_by_the_public_address() {
    let settings = read(&[("PUBLIC_URL", "https://example.org/")]).unwrap();
    assert!(settings.site.is_https());
    assert_eq!(settings.backend.public_origin.as_deref(), Some("https://example.org"));
    assert!(!Site::at("http://example.org").unwrap().is_https());
}

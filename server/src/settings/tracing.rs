//! The variables that say where spans go. Their names are OpenTelemetry's; the ones that the
//! exporter reads itself are `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_*` and `OTEL_RESOURCE_ATTRIBUTES`.

use url::Url;

use super::{SettingError, Variables};

const EXAMPLE: &str = "http://collector:4318";

/// Where spans go.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracing {
    /// The collector's address for spans, whole.
    pub endpoint: String,
    /// What the collector knows this installation by.
    pub service: String,
    /// How many of the traces that begin here are kept: 1 for all.
    pub ratio: f64,
    /// Whether the caller decides about a trace that began elsewhere.
    pub follows_caller: bool,
}

pub(super) fn read(vars: &Variables<'_>) -> Result<Option<Tracing>, SettingError> {
    let whole = endpoint(vars, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")?;
    let base = endpoint(vars, "OTEL_EXPORTER_OTLP_ENDPOINT")?;
    let base = base.map(|base| format!("{}/v1/traces", base.trim_end_matches('/')));
    let Some(endpoint) = whole.or(base) else { return Ok(None) };
    let name = "OTEL_TRACES_SAMPLER";
    let given = vars.text(name).unwrap_or_else(|| "parentbased_always_on".to_owned());
    let (follows_caller, own) = match given.strip_prefix("parentbased_") {
        Some(own) => (true, own),
        None => (false, given.as_str()),
    };
    let ratio = match own {
        "always_on" => 1.0,
        "always_off" => 0.0,
        "traceidratio" => {
            let (name, what) = ("OTEL_TRACES_SAMPLER_ARG", "a number from 0 to 1");
            let ratio = vars.parsed::<f64>(name, what)?.unwrap_or(1.0);
            if !(0.0..=1.0).contains(&ratio) {
                return Err(SettingError::new(name, format!("must be {what}")));
            }
            ratio
        }
        _ => {
            let reason = "must be always_on, always_off or traceidratio, or one of them behind \
                          parentbased_";
            return Err(SettingError::new(name, reason));
        }
    };
    let attributes = vars.text("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let mut attributes = attributes.split(',').filter_map(|pair| pair.split_once('='));
    let named = attributes.find(|(name, _)| name.trim() == "service.name");
    let named = || named.map(|(_, name)| name.trim().to_owned());
    let service = vars.text("OTEL_SERVICE_NAME").or_else(named);
    let service = service.unwrap_or_else(|| "resonant".to_owned());
    Ok(Some(Tracing { endpoint, service, ratio, follows_caller }))
}

/// A collector's address. A user and a password in it would come into the log, where the exporter tells the address,
/// and to no collector.
fn endpoint(vars: &Variables<'_>, name: &'static str) -> Result<Option<String>, SettingError> {
    let Some(text) = vars.url(name, &["http", "https"], EXAMPLE)? else { return Ok(None) };
    let Ok(url) = text.parse::<Url>() else {
        return Err(SettingError::new(name, format!("must be an address such as {EXAMPLE}")));
    };
    if !url.username().is_empty() || url.password().is_some() {
        let reason = "must hold no user and no password: OTEL_EXPORTER_OTLP_HEADERS sends what \
                      lets in";
        return Err(SettingError::new(name, reason));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(vars: &[(&str, &str)]) -> Result<Option<Tracing>, String> {
        let look_up = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        read(&Variables { look_up: &look_up }).map_err(|error| error.to_string())
    }

    #[test]
    fn an_endpoint_is_enough() {
        assert_eq!(told(&[("OTEL_TRACES_SAMPLER", "always_on")]), Ok(None));
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");
        let tracing = told(&[base]).unwrap().unwrap();
        assert_eq!(tracing.endpoint, "http://collector:4318/v1/traces");
        assert_eq!((tracing.service.as_str(), tracing.follows_caller), ("resonant", true));
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "region=eu, service.name=agents");
        assert_eq!(told(&[base, attributes]).unwrap().unwrap().service, "agents");
        let named = told(&[base, attributes, ("OTEL_SERVICE_NAME", "own")]).unwrap().unwrap();
        assert_eq!(named.service, "own", "it says it the plainest");
        let whole = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.example.org/here");
        let sampled = ("OTEL_TRACES_SAMPLER", "traceidratio");
        let some = ("OTEL_TRACES_SAMPLER_ARG", "0.25");
        let tracing = told(&[base, whole, sampled, some]).unwrap().unwrap();
        assert_eq!(tracing.endpoint, whole.1);
        assert_eq!((tracing.ratio.to_string(), tracing.follows_caller), ("0.25".to_owned(), false));
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hunter2@collector:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://hunter2@collector/v1/traces"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://hunter2 @collector:4318"),
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ] {
            let error = told(&[(name, value), base, sampled]).unwrap_err();
            assert!(error.starts_with(name) && !error.contains("hunter2"), "{error}");
        }
    }
}

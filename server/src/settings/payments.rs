//! Who takes the money for listings.

use resonant_backend::PaymentSettings;

use super::{SettingError, Site, Variables};

const NAME: &str = "PAYMENTS";

/// The provider that `PAYMENTS` names. The one for tests gives away what costs money: it is refused where
/// others than this machine reach the server.
pub(super) fn read(
    vars: &Variables<'_>,
    site: &Site,
) -> Result<Option<PaymentSettings>, SettingError> {
    match vars.text(NAME).as_deref() {
        None => Ok(None),
        Some("test") if site.is_development() => Ok(Some(PaymentSettings::Test)),
        Some("test") => Err(SettingError::new(
            NAME,
            "must not be test where others than this machine reach the server, by PUBLIC_URL or, where \
             that is unset, by LEPTOS_SITE_ADDR: everybody would buy for nothing",
        )),
        Some(_) => Err(SettingError::new(NAME, "must be test, or unset")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_money_is_for_this_machine_alone() {
        let here = Site::default();
        let there = Site::at("https://resonant.example.org").unwrap();
        let read = |value: &str, site: &Site| {
            let look_up = |_: &str| Some(value.to_owned());
            read(&Variables { look_up: &look_up }, site).map_err(|error| error.to_string())
        };
        assert_eq!(read("", &there), Ok(None));
        assert_eq!(read("test", &here), Ok(Some(PaymentSettings::Test)));
        for (value, site) in [("test", &there), ("hunter2", &here)] {
            let error = read(value, site).unwrap_err();
            assert!(error.starts_with(NAME) && !error.contains("hunter2"), "{error}");
        }
    }
}

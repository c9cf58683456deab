//! The variables that say how mail is sent.

use resonant_backend::{MailFault, MailSettings};

use super::{SettingError, Variables};

const URL: &str = "SMTP_URL";
const FROM: &str = "MAIL_FROM";

/// The mail server and the sender; both or neither.
pub(super) fn read(vars: &Variables<'_>) -> Result<Option<MailSettings>, SettingError> {
    let (url, from) = match (vars.text(URL), vars.text(FROM)) {
        (None, None) => return Ok(None),
        (Some(url), Some(from)) => (url, from),
        (Some(_), None) => {
            let reason = "must name the sender of mail, such as Resonant <alerts@example.org>";
            return Err(SettingError::new(FROM, reason));
        }
        (None, Some(_)) => {
            return Err(SettingError::new(URL, "must name the server that takes mail"));
        }
    };
    let settings = MailSettings::new(&url, &from).map_err(|fault| match fault {
        MailFault::Url => SettingError::new(
            URL,
            "must be an address such as smtps://user:password@mail.example.org, or \
             smtp://mail.example.org?tls=required; what is special in a password is written %XX",
        ),
        MailFault::From => {
            SettingError::new(FROM, "must be a sender such as Resonant <alerts@example.org>")
        }
    })?;
    Ok(Some(settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(vars: &[(&str, &str)]) -> Result<bool, String> {
        let look_up = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let read = read(&Variables { look_up: &look_up });
        read.map(|mail| mail.is_some()).map_err(|error| error.to_string())
    }

    #[test]
    fn mail_needs_a_server_and_a_sender() {
        let url = (URL, "smtps://user:hunter2@mail.example.org:465");
        let from = (FROM, "Resonant <alerts@example.org>");
        assert_eq!(told(&[]), Ok(false));
        assert_eq!(told(&[url, from]), Ok(true));
        assert_eq!(told(&[(URL, "smtp://127.0.0.1:2525"), (FROM, "a@example.org")]), Ok(true));
        for (name, vars) in [
            (FROM, &[url][..]),
            (URL, &[from]),
            (URL, &[(URL, "https://user:hunter2@mail.example.org"), from]),
            (URL, &[(URL, "smtps://user:hunter2@"), from]),
            (URL, &[(URL, "smtp://user:hunter2@mail.example.org?tls=never"), from]),
            (FROM, &[url, (FROM, "hunter2")]),
        ] {
            let error = told(vars).unwrap_err();
            assert!(error.starts_with(name), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

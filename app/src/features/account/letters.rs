//! What letters to people say, in the language of whoever asks for them.

use resonant_backend::members::Letter;
use resonant_domain::member::MAILED_LINK_MINUTES;

use crate::language::{key, said_in};
use crate::ssr;

/// With a link for another password.
pub fn password() -> Letter {
    said(
        key("Set a new password on Resonant"),
        key(
            "Somebody has asked for a new password for your account on Resonant. This link lets you \
             set one, within {minutes} minutes and once:\n\n{link}\n\nIf it was not you, there is \
             nothing to do: your password stays as it is.\n",
        ),
    )
}

/// With a link for another address, to that one.
pub fn address() -> Letter {
    said(
        key("Confirm your e-mail address on Resonant"),
        key("Somebody wants to sign in to an account on Resonant by this address. If it was you, \
             this link lets you confirm it, within {minutes} minutes and once:\n\n{link}\n\nIf it \
             was not you, there is nothing to do.\n"),
    )
}

/// To the address before, once it has been changed.
pub fn moved() -> Letter {
    said(
        key("Your e-mail address on Resonant has changed"),
        key("From now on you sign in to your account on Resonant as {email}, and no more by this \
             address.\n\nIf it was not you, tell whoever operates this installation.\n"),
    )
}

fn said(subject: &'static str, text: &'static str) -> Letter {
    let language = ssr::language();
    let text = said_in(language, text.to_owned());
    let text = text.replace("{minutes}", &MAILED_LINK_MINUTES.to_string());
    Letter { subject: said_in(language, subject.to_owned()), text }
}

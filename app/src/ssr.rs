//! The single gate to the server's side: who asks, how a failure is told, where the answer leads.

#[cfg(feature = "ssr")]
pub use gate::{
    Alike, LINK_COOKIE, Look, SiteOrigin, ctx, fail, forget_link, guest_first, invalid, leave_note,
    link_token, new_key, once, origin, redirect, redirect_form, redirect_to_part, take_note,
};

/// Answers the page with status 404. The page itself says what is missing.
pub fn not_found() {
    #[cfg(feature = "ssr")]
    gate::set_status(http::StatusCode::NOT_FOUND);
}

/// Answers the page with status 400: its address asks for what cannot be. The page itself says what.
pub fn bad_request() {
    #[cfg(feature = "ssr")]
    gate::set_status(http::StatusCode::BAD_REQUEST);
}

/// Makes the page one that nobody keeps.
pub fn forbid_keeping() {
    #[cfg(feature = "ssr")]
    gate::forbid_keeping();
}

/// Whether it is the server that cannot read what a server function was sent.
#[cfg(feature = "ssr")]
pub use gate::is_unreadable;

/// A browser is not sent anything that it has to answer.
#[cfg(not(feature = "ssr"))]
pub fn is_unreadable() -> bool {
    false
}

/// The light or dark scheme and the language of the visitor's choice, known before the first byte.
#[cfg(feature = "ssr")]
pub use gate::{chosen_theme, keep_language, language};

/// The form that was refused and led to this page, and that page's address.
#[cfg(feature = "ssr")]
pub use gate::{page_address, refused_form};

/// Whether the page that is rendered looks alike to everybody.
#[cfg(feature = "ssr")]
pub use gate::is_alike;

#[cfg(feature = "ssr")]
mod gate {
    use http::request::Parts;
    use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;
    use resonant_backend::{Actor, Ctx, Error, idempotency, members, sessions, whole_seconds};
    use resonant_domain::FaultKind;
    use resonant_domain::session::Session;
    use serde::Serialize;

    use crate::error::AppError;
    use crate::language::{self, Language};
    use crate::refused_form::RefusedForm;
    use crate::state::theme;

    /// The cookie that holds a word for a page.
    const NOTE: &str = "resonant_note";

    /// The cookie that holds the token of the link that was opened last, of those that are mailed to people.
    pub const LINK_COOKIE: &str = "resonant_link";

    /// The query of a form that comes once more, by whom it has made a guest.
    const AGAIN: &str = "again";

    /// Who asks, from the request that is being answered.
    pub fn ctx() -> Result<Ctx, AppError> {
        use_context::<Parts>().and_then(|parts| parts.extensions.get::<Ctx>().cloned()).ok_or_else(
            || {
                tracing::error!("a page was rendered outside the sign-in middleware");
                AppError::new(FaultKind::Internal, FaultKind::Internal.title())
            },
        )
    }

    /// Makes a guest of somebody whom nobody knows, and tells whether to do now what their form asks for. One
    /// with an intent comes once more first: nothing tells it from another's as long as they are nobody, and an
    /// answer that is lost on the way takes their sign-in along. So the sign-in goes alone, and a browser sends
    /// the form after it by itself (307). Whoever keeps no cookies is asked for that once.
    pub async fn guest_first(ctx: &Ctx, intent: &str) -> Result<bool, AppError> {
        let was_nobody = matches!(ctx.actor(), Actor::Anonymous);
        members::begin_guest(ctx).await.map_err(fail)?;
        let parts = use_context::<Parts>();
        let here = parts.as_ref().map(|parts| &parts.uri).filter(|uri| uri.query() != Some(AGAIN));
        let again =
            here.and_then(|uri| HeaderValue::try_from(format!("{}?{AGAIN}", uri.path())).ok());
        match (again, use_context::<ResponseOptions>()) {
            (Some(again), Some(response)) if was_nobody && !intent.is_empty() => {
                response.set_status(StatusCode::TEMPORARY_REDIRECT);
                response.insert_header(header::LOCATION, again);
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    /// Does what a form of `function` asks for once for its intent and all that it says, for a caller who
    /// may be another one by now than when the request came. Without an intent each form counts.
    pub async fn once<F>(
        ctx: &Ctx,
        function: &str,
        intent: &str,
        said: &(impl Serialize + Sync),
        act: impl FnOnce(Ctx) -> F + Send,
    ) -> Result<Session, AppError>
    where
        F: Future<Output = Result<Session, Error>> + Send + 'static,
    {
        let done = if intent.is_empty() {
            act(ctx.clone()).await
        } else {
            let said = serde_json::to_vec(said).map_err(|error| fail(Error::internal(error)))?;
            let route = format!("POST /api/fn/{function}");
            let request = idempotency::Request::of_form(route, intent, &[said.as_slice()]);
            sessions::once(ctx, request, act).await
        };
        done.map_err(fail)
    }

    /// A key for a form of the page that is rendered: none where the page looks alike to everybody.
    pub fn new_key() -> String {
        let parts = use_context::<Parts>().filter(|_| !is_alike());
        let ctx = parts.and_then(|parts| parts.extensions.get::<Ctx>().cloned());
        ctx.and_then(|ctx| idempotency::new_key(ctx.backend()).ok()).unwrap_or_default()
    }

    /// Turns a use case's failure into what a page may know.
    ///
    /// The status of the answer changes only when the request is a server function call by our own
    /// script: a page whose side note failed is still a page, and a plain form goes back to its page
    /// by a redirect. What may be gone at the next try makes a page that nobody keeps.
    pub fn fail(error: Error) -> AppError {
        let kind = error.kind();
        if matches!(kind, FaultKind::Internal | FaultKind::Unavailable) {
            tracing::error!(error = &error as &dyn std::error::Error, "a use case failed");
        }
        let is_passing =
            matches!(kind, FaultKind::Internal | FaultKind::Unavailable | FaultKind::TooMany);
        if is_passing && !is_call() {
            forbid_keeping();
        }
        tell_script(kind);
        if let Error::TooMany { retry_after } = &error
            && is_scripted_call()
            && let Some(response) = use_context::<ResponseOptions>()
        {
            let seconds = HeaderValue::from(whole_seconds(*retry_after));
            response.insert_header(header::RETRY_AFTER, seconds);
        }
        told(error)
    }

    /// Whether it is the server that cannot read what a server function was sent. The answer to our own
    /// script has the status of a bad request then.
    pub fn is_unreadable() -> bool {
        tell_script(FaultKind::Invalid);
        is_call()
    }

    /// Gives the answer the status of a fault, where our own script calls a server function.
    fn tell_script(kind: FaultKind) {
        if is_scripted_call()
            && let Ok(status) = StatusCode::from_u16(kind.status())
        {
            set_status(status);
        }
    }

    /// Says it in the language of the request. What is wrong with fields is told field by field.
    fn told(mut error: Error) -> AppError {
        let language = language();
        if let Error::Invalid(fields) | Error::Lacking(fields) = &mut error {
            for fault in fields {
                let reason = std::mem::take(&mut fault.reason);
                fault.reason = language::said_in(language, reason);
            }
        }
        let mut message = error.message();
        // What is made of the faults is in that language already.
        if error.fields().is_empty() {
            message = language::said_in(language, message);
        }
        AppError { kind: error.kind(), message, fields: error.fields().to_vec() }
    }

    /// What a server function answers to a value that breaks a rule of its own form.
    pub fn invalid(field: &str, reason: &str) -> AppError {
        fail(Error::field(field, reason))
    }

    /// Leads to one of our own paths, with or without JavaScript. A script that asks from there already is
    /// not led: its page may be left by the time that the answer comes.
    pub fn redirect(path: &str) {
        if !(is_scripted_call() && is_asked_from(path)) {
            redirect_to_part(path);
        }
    }

    /// The same, also to a part of the page from which a script asks.
    pub fn redirect_to_part(path: &str) {
        leptos_axum::redirect(crate::paths::own(path, crate::paths::HOME));
    }

    /// Leads a plain form to one of our own paths. A script is told where to go by the answer.
    pub fn redirect_form(path: &str) {
        if !is_scripted_call() {
            redirect(path);
        }
    }

    /// Where the site is, as browsers see it: `https://resonant.example.org`. Waits in the request's
    /// extensions.
    #[derive(Debug, Clone)]
    pub struct SiteOrigin(pub String);

    /// The page that is asked for looks alike to everybody. Waits in the request's extensions.
    #[derive(Debug, Clone, Copy)]
    pub struct Alike;

    /// Whether the page that is rendered looks alike to everybody.
    pub fn is_alike() -> bool {
        use_context::<Parts>().is_some_and(|parts| parts.extensions.get::<Alike>().is_some())
    }

    /// Where the site is; empty where nobody said so.
    pub fn origin() -> String {
        let parts = use_context::<Parts>();
        let origin = parts.as_ref().and_then(|parts| parts.extensions.get::<SiteOrigin>());
        origin.map_or_else(String::new, |SiteOrigin(origin)| origin.clone())
    }

    /// Leaves a word for the page that a form without JavaScript leads back to: a cookie for that page
    /// alone, for a minute. Our own script gets its answer and needs none.
    pub fn leave_note(path: &str, text: &str) {
        if !is_scripted_call() {
            set_note(path, text, 60);
        }
    }

    /// The word that was left for the page, which is gone once it was read.
    pub fn take_note(path: &str) -> Option<String> {
        let parts = use_context::<Parts>()?;
        let text = cookies(&parts.headers, NOTE).next()?.to_owned();
        set_note(path, "", 0);
        Some(text)
    }

    fn set_note(path: &str, text: &str, seconds: u32) {
        set_cookie(NOTE, text, path, seconds, "HttpOnly; SameSite=Strict");
        forbid_keeping();
    }

    /// The token of the link that was opened last.
    pub fn link_token() -> Option<String> {
        let parts = use_context::<Parts>()?;
        cookies(&parts.headers, LINK_COOKIE).next().map(str::to_owned)
    }

    /// Forgets that token: it was used.
    pub fn forget_link() {
        set_cookie(LINK_COOKIE, "", "/", 0, "HttpOnly; SameSite=Lax");
        forbid_keeping();
    }

    /// What the cookies of a name hold; of each header the first.
    fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
        headers.get_all(header::COOKIE).iter().filter_map(move |value| {
            value.to_str().ok()?.split(';').find_map(|pair| {
                let (known, text) = pair.trim().split_once('=')?;
                (known == name).then_some(text)
            })
        })
    }

    /// Gives the browser a cookie for so many seconds. `access` holds the attributes that say who may
    /// see it.
    fn set_cookie(name: &str, value: &str, path: &str, seconds: u32, access: &str) {
        let secure = if origin().starts_with("https:") { "; Secure" } else { "" };
        let cookie = format!("{name}={value}; Path={path}; Max-Age={seconds}; {access}{secure}");
        if let (Some(response), Ok(cookie)) =
            (use_context::<ResponseOptions>(), HeaderValue::try_from(cookie))
        {
            response.append_header(header::SET_COOKIE, cookie);
        }
    }

    /// Makes an answer that nobody keeps.
    pub(super) fn forbid_keeping() {
        if let Some(response) = use_context::<ResponseOptions>() {
            response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }

    /// The theme that the visitor's cookie names.
    pub fn chosen_theme() -> Option<theme::Theme> {
        theme_in(&use_context::<Parts>()?.headers)
    }

    fn theme_in(headers: &HeaderMap) -> Option<theme::Theme> {
        cookies(headers, theme::COOKIE).find_map(theme::Theme::named)
    }

    /// The language of the request: what the visitor chose, or what the browser asks for.
    pub fn language() -> Language {
        use_context::<Parts>().map(|parts| language_in(&parts.headers)).unwrap_or_default()
    }

    fn language_in(headers: &HeaderMap) -> Language {
        let accepted = headers.get_all(header::ACCEPT_LANGUAGE).iter();
        let mut accepted = accepted.filter_map(|value| value.to_str().ok());
        cookies(headers, language::COOKIE)
            .find_map(Language::tagged)
            .or_else(|| accepted.find_map(language::preferred))
            .unwrap_or_default()
    }

    /// How a visitor whom nobody knows wants to see a page: all that their headers change of it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct Look {
        language: Language,
        theme: Option<theme::Theme>,
    }

    impl Look {
        /// What a request's headers ask for. `None` where a word was left for the visitor: the page that
        /// tells it is theirs alone.
        pub fn of(headers: &HeaderMap) -> Option<Self> {
            let is_free = cookies(headers, NOTE).next().is_none();
            is_free.then(|| Self { language: language_in(headers), theme: theme_in(headers) })
        }
    }

    /// Keeps the choice of a language for a year.
    pub fn keep_language(language: Language) {
        set_cookie(language::COOKIE, language.tag(), "/", 31_536_000, "SameSite=Lax");
    }

    /// The form that was refused and led to this page.
    pub fn refused_form() -> Option<RefusedForm> {
        use_context::<Parts>()?.extensions.get::<RefusedForm>().cloned()
    }

    /// The address of the page that is being rendered.
    pub fn page_address() -> String {
        use_context::<Parts>().map_or_else(String::new, |parts| parts.uri.to_string())
    }

    pub(super) fn set_status(status: StatusCode) {
        if let Some(response) = use_context::<ResponseOptions>() {
            response.set_status(status);
        }
    }

    /// Whether the request is a call of a server function, and not for a page.
    fn is_call() -> bool {
        use_context::<Parts>().is_some_and(|parts| parts.uri.path().starts_with("/api/fn/"))
    }

    /// Whether the page from which the request comes is the one of a path, whichever part of it.
    fn is_asked_from(path: &str) -> bool {
        let page = path.split('#').next().unwrap_or_default();
        use_context::<Parts>().is_some_and(|parts| {
            let referer = parts.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
            let from = referer.and_then(|referer| referer.parse::<Uri>().ok());
            from.and_then(|from| Some(from.path_and_query()?.as_str() == page)).unwrap_or_default()
        })
    }

    fn is_scripted_call() -> bool {
        use_context::<Parts>().is_some_and(|parts| {
            let wants_page = parts
                .headers
                .get(header::ACCEPT)
                .and_then(|accept| accept.to_str().ok())
                .is_some_and(|accept| accept.contains("text/html"));
            parts.uri.path().starts_with("/api/fn/") && !wants_page
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn sent(cookies: &[&'static str]) -> HeaderMap {
            let values = cookies.iter().copied().map(HeaderValue::from_static);
            values.map(|value| (header::COOKIE, value)).collect()
        }

        #[test]
        fn choices_are_found_among_other_cookies() {
            let headers = sent(&["a=b; resonant_language=de; c=d", "resonant_theme=dark; e=f"]);
            assert_eq!(language_in(&headers), Language::German);
            assert_eq!(theme_in(&headers), Some(theme::Theme::Dark));
        }

        #[test]
        fn what_is_no_choice_of_ours_counts_for_nothing() {
            for cookies in [
                "resonant_language=fr; resonant_theme=\"><script>",
                "xresonant_language=de; xresonant_theme=dark",
            ] {
                let headers = sent(&[cookies]);
                assert_eq!(language_in(&headers), Language::English, "{cookies}");
                assert_eq!(theme_in(&headers), None, "{cookies}");
            }
        }
    }
}

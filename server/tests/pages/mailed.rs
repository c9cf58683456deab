//! Links in letters, from the form that asks for one to what it does, as a browser without JavaScript goes.

use http::Method;
use resonant_backend::mail_server::{Answer as Taken, link_in, mail_server};
use resonant_backend::{Actor, RequestId, members};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::support::{Answer, Call, TestApp, Visitor};

const ORIGIN: &str = "http://resonant.test";

/// A browser that knows what it was told to keep, and its language.
struct Browser<'a> {
    app: &'a TestApp,
    cookies: Vec<String>,
    language: &'static str,
}

impl<'a> Browser<'a> {
    fn new(app: &'a TestApp, visitor: &Visitor, language: &'static str) -> Self {
        let cookie = visitor.token.as_ref().map(|token| format!("resonant_sign_in={token}"));
        Self { app, cookies: cookie.into_iter().collect(), language }
    }

    fn call(&self, method: Method, path: &str) -> Call {
        self.app
            .call(method, path)
            .header("accept", "text/html,application/xhtml+xml")
            .header("accept-language", self.language)
            .header("cookie", &self.cookies.join("; "))
    }

    async fn open(&self, path: &str) -> Answer {
        self.call(Method::GET, path).await
    }

    /// Opens a link in a mail, and keeps what it is told to.
    async fn follow(&mut self, link: &str) -> Answer {
        let opened = self.open(link).await;
        assert_eq!(opened.status, 303, "{opened:?}");
        assert_eq!(opened.header("referrer-policy"), "no-referrer", "{opened:?}");
        assert_eq!(opened.header("cache-control"), "no-store", "{opened:?}");
        let cookie = opened.header("set-cookie");
        assert!(cookie.contains("HttpOnly; SameSite=Lax; Path=/; Max-Age=1800"), "{cookie}");
        self.cookies.push(cookie.split(';').next().unwrap().to_owned());
        let place = opened.header("location");
        assert!(link.starts_with(&format!("{place}/")), "{place}");
        let page = self.open(place).await;
        assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{page:?}");
        page
    }

    async fn send(&self, page: &str, function: &str, form: &str) -> Answer {
        self.call(Method::POST, &format!("/api/fn/account/{function}"))
            .header("origin", ORIGIN)
            .header("referer", &format!("{ORIGIN}{page}"))
            .form(form)
            .await
    }
}

async fn with_mail(letters: usize) -> (TestApp, UnboundedReceiver<String>) {
    let (url, heard) = mail_server(vec![Taken::Takes; letters]);
    (TestApp::builder().at(ORIGIN).mail(&url).start().await, heard)
}

/// What the next letter says, its lines whole again.
async fn letter(app: &TestApp, heard: &mut UnboundedReceiver<String>) -> String {
    let ctx = app.backend.ctx(Actor::System, RequestId::new("test"));
    assert_eq!(members::send_letters(&ctx).await.unwrap(), 1);
    heard.recv().await.unwrap().replace("=\r\n", "")
}

/// The path of the link in a letter.
fn path_in(letter: &str) -> String {
    link_in(letter, ORIGIN).unwrap_or_else(|| panic!("no link: {letter}"))
}

#[tokio::test]
async fn a_forgotten_password_is_set_without_a_script() {
    let (app, mut heard) = with_mail(1).await;
    let ada = app.member("ada").await;
    let mut browser = Browser::new(&app, &Visitor::ANONYMOUS, "en");
    assert!(browser.open("/sign-in").await.text().contains("href=\"/forgot-password\""));
    let page = browser.open("/forgot-password").await;
    assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{page:?}");

    let ask = async |name: &str| {
        let form = format!("email={name}%40example.org");
        browser.send("/forgot-password", "ask_for_password", &form).await
    };
    let (known, nobody) = (ask("ada").await, ask("nobody").await);
    for asked in [&known, &nobody] {
        let said = (asked.status, asked.header("location"));
        assert_eq!(said, (302, "/forgot-password?asked=link"), "{asked:?}");
    }
    assert_eq!(known.text(), nobody.text());
    let told = browser.open(known.header("location")).await;
    assert!(told.text().contains("If there is an account with this address"), "{told:?}");
    let refused = browser.send("/forgot-password", "ask_for_password", "email=nonsense").await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.text().contains("value=\"nonsense\""), "{refused:?}");

    let ctx = app.backend.ctx(Actor::System, RequestId::new("test"));
    assert_eq!(members::send_letters(&ctx).await.unwrap(), 2, "one of them to nobody");
    let letter = heard.recv().await.unwrap();
    assert!(letter.contains("Subject: Set a new password on Resonant"), "{letter}");
    let link = path_in(&letter);
    let page = browser.follow(&link).await;
    assert!(page.text().contains("ada@example.org"), "{page:?}");
    let token = link.strip_prefix("/reset-password/").unwrap();
    assert!(!page.text().contains(token), "the token stands in the cookie alone: {page:?}");

    // A page of another site sends nothing in their name.
    let foreign = browser.call(Method::POST, "/api/fn/account/set_forgotten");
    let foreign = foreign.header("origin", "http://evil.example").form("password=a+pass+phrase");
    assert_eq!(foreign.await.status, 403);
    let short = browser.send("/reset-password", "set_forgotten", "password=short").await;
    assert_eq!((short.status, short.header("cache-control")), (422, "no-store"), "{short:?}");
    assert!(short.text().contains("id=\"field-password-error\""), "{short:?}");
    let set = browser.send("/reset-password", "set_forgotten", "password=a+new+pass+phrase").await;
    assert_eq!((set.status, set.header("location")), (302, "/reset-password?done=set"), "{set:?}");
    assert!(set.header("set-cookie").starts_with("resonant_link=; Path=/; Max-Age=0"), "{set:?}");
    let done = browser.open("/reset-password?done=set").await;
    assert!(done.text().contains("The new password is set"), "{done:?}");
    assert_eq!(app.get("/api/v1/agents").by(&ada).await.status, 401, "her sign-ins have ended");
    let form = "email=ada%40example.org&password=a+new+pass+phrase";
    let signed_in = browser.send("/sign-in", "sign_in", form).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (302, "/studio"));

    let again = browser.open("/reset-password").await;
    assert!(again.text().contains("This link does not count any more"), "{again:?}");
    let again = browser.send("/reset-password", "set_forgotten", "password=another+phrase").await;
    assert_eq!(again.status, 422, "{again:?}");
    app.end().await;
}

#[tokio::test]
async fn a_link_that_is_none_sets_nothing() {
    let (app, _) = with_mail(0).await;
    for path in ["/reset-password/a%3B%20Domain%3Devil.example", "/confirm-email/%C3%A9"] {
        let opened = app.get(path).await;
        assert_eq!((opened.status, opened.header("set-cookie")), (404, ""), "{opened:?}");
    }
    let page = app.get("/reset-password").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("This link does not count any more"), "{page:?}");
    app.end().await;
}

#[tokio::test]
async fn an_address_is_changed_without_a_script_and_in_german() {
    let (app, mut heard) = with_mail(2).await;
    let ada = app.member("ada").await;
    let browser = Browser::new(&app, &ada, "de");
    let page = browser.open("/account").await;
    assert!(page.text().contains("name=\"current_password\""), "{page:?}");
    let ask = async |password: &str| {
        let form = format!("email=lovelace%40example.org&current_password={password}");
        browser.send("/account", "ask_for_address", &form).await
    };
    let wrong = ask("not+it").await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    assert!(wrong.text().contains("value=\"lovelace@example.org\""), "{wrong:?}");
    let asked = ask("correct+horse").await;
    assert_eq!(asked.header("location"), "/account?asked=address#account-address", "{asked:?}");
    let told = browser.open("/account?asked=address").await;
    assert!(told.text().contains("Eine E-Mail ist unterwegs an die neue Adresse"), "{told:?}");
    let first = letter(&app, &mut heard).await;
    assert!(first.contains("RCPT TO:<lovelace@example.org>"), "{first}");
    assert!(first.contains("Jemand will sich mit dieser Adresse"), "{first}");

    // She reads her mail elsewhere.
    let mut phone = Browser::new(&app, &Visitor::ANONYMOUS, "de");
    let page = phone.follow(&path_in(&first)).await;
    assert!(page.text().contains("lovelace@example.org"), "{page:?}");
    assert!(browser.open("/account").await.text().contains("ada@example.org"), "not yet");
    let confirmed = phone.send("/confirm-email", "confirm_address", "").await;
    assert_eq!(confirmed.header("location"), "/confirm-email?done=confirmed", "{confirmed:?}");
    let page = browser.open("/account").await.text();
    assert!(page.contains("lovelace@example.org") && !page.contains("ada@example.org"), "{page}");
    let told = letter(&app, &mut heard).await;
    for text in ["RCPT TO:<ada@example.org>", "lovelace@example.org"] {
        assert!(told.contains(text), "lacks {text}: {told}");
    }
    app.end().await;
}

#[tokio::test]
async fn where_no_mail_is_sent_the_page_says_whom_to_ask() {
    let app = TestApp::start().await;
    let page = app.get("/forgot-password").await;
    assert!(page.text().contains("Whoever operates this installation"), "{page:?}");
    assert!(!page.text().contains("name=\"email\""), "{page:?}");
    let ada = app.member("ada").await;
    let page = app.get("/account").by(&ada).await;
    assert!(!page.text().contains("name=\"current_password\""), "{page:?}");
    let browser = Browser::new(&app, &ada, "en");
    let asked = browser.send("/forgot-password", "ask_for_password", "email=a%40b.example").await;
    assert_eq!(asked.status, 422, "{asked:?}");
    app.end().await;
}

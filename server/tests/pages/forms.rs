//! The forms as a browser without JavaScript sends them.

use serde_json::json;

use crate::support::{Answer, TestApp, Visitor};

/// Installs a listing by its form; whoever is nobody becomes a guest.
pub(crate) async fn install(app: &TestApp, slug: &str, visitor: &Visitor) -> Answer {
    let form = format!("slug={slug}");
    send(app, "marketplace/install_listing", visitor, &form).await
}

async fn send(app: &TestApp, function: &str, visitor: &Visitor, form: &str) -> Answer {
    send_from(app, "/sign-in", function, visitor, form).await
}

pub(super) async fn send_from(
    app: &TestApp,
    page: &str,
    function: &str,
    visitor: &Visitor,
    form: &str,
) -> Answer {
    app.post(&format!("/api/fn/{function}"))
        .by(visitor)
        .header("accept", "text/html,application/xhtml+xml")
        .header("origin", "http://resonant.test")
        .header("referer", &format!("http://resonant.test{page}"))
        .form(form)
        .await
}

/// The visitor that an answer's cookie makes.
pub(super) fn visitor(answer: &Answer) -> Visitor {
    let cookie = answer.header("set-cookie");
    let token = cookie.strip_prefix("resonant_sign_in=").unwrap_or_else(|| panic!("{answer:?}"));
    Visitor { token: Some(token.split(';').next().unwrap().to_owned()) }
}

async fn agents(app: &TestApp, visitor: &Visitor) -> usize {
    let list = app.get("/api/v1/agents").by(visitor).await.value();
    list["agents"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_guest_signs_up_and_keeps_everything() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let page = app.get("/api/v1/listings?limit=1").await.value();
    let slug = page["listings"][0]["slug"].as_str().unwrap();

    let installed = install(&app, slug, &Visitor::ANONYMOUS).await;
    assert_eq!(installed.status, 302, "{installed:?}");
    assert!(installed.header("location").starts_with("/studio/agents/"), "{installed:?}");
    let guest = visitor(&installed);
    assert_eq!(agents(&app, &guest).await, 1);

    let form = "display_name=Ada&email=ada%40example.org&password=correct+horse";
    let signed_up = send(&app, "account/sign_up", &guest, form).await;
    assert_eq!(signed_up.status, 302, "{signed_up:?}");
    let ada = visitor(&signed_up);
    assert_ne!(ada.token, guest.token, "signing up changes the id of the sign-in");
    assert_eq!(agents(&app, &ada).await, 1);
    assert_eq!(app.get("/api/v1/agents").by(&guest).await.status, 401, "the old id is void");

    let signed_out = send(&app, "account/sign_out", &ada, "").await;
    let cookie = signed_out.header("set-cookie");
    assert!(cookie.starts_with("resonant_sign_in=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(app.get("/api/v1/agents").by(&ada).await.status, 401);

    let form = "email=ada%40example.org&password=wrong";
    let refused = send(&app, "account/sign_in", &Visitor::ANONYMOUS, form).await;
    assert!(refused.headers.get("set-cookie").is_none(), "{refused:?}");
    shows(&refused, &["Forgot your password?"]);
    let form = "email=Ada%40Example.org&password=correct+horse";
    let signed_in = send(&app, "account/sign_in", &Visitor::ANONYMOUS, form).await;
    assert_eq!(agents(&app, &visitor(&signed_in)).await, 1);
    app.end().await;
}

#[tokio::test]
async fn a_form_leads_nowhere_else() {
    let app = TestApp::start().await;
    app.member("ada").await;
    for next in
        ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "a%0d%0ab"]
    {
        let form = format!("email=ada%40example.org&password=correct+horse&next={next}");
        let answer = send(&app, "account/sign_in", &Visitor::ANONYMOUS, &form).await;
        assert_eq!(answer.status, 302, "{answer:?}");
        assert_eq!(answer.header("location"), "/studio", "{next}");
    }
    app.end().await;
}

#[tokio::test]
async fn server_functions_tell_their_faults() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    // A script asks; the status is the fault's, the body the app's own error.
    let call = |name: &str, form: &str| {
        app.post(&format!("/api/fn/{name}"))
            .by(&ada)
            .header("accept", "application/json")
            .form(form)
    };
    let missing = call("marketplace/install_listing", "slug=no-such-listing").await;
    assert_eq!(missing.status, 404, "{missing:?}");
    assert!(missing.headers.contains_key("serverfnerror"), "{missing:?}");
    assert_eq!(missing.value()["kind"], "not_found");
    // What no function answers is a problem document.
    assert_eq!(call("nothing/at_all", "").await.problem(), (404, vec![]));
    assert_eq!(app.get("/api/fn/account/sign_up").await.problem(), (405, vec![]));
    let large = format!("slug={}", "x".repeat(3 * 1024 * 1024));
    let refused = call("marketplace/install_listing", &large).await;
    assert_eq!(refused.problem(), (413, vec!["body".to_owned()]));
    app.end().await;
}

#[tokio::test]
async fn a_session_is_read_at_a_time_that_its_page_goes_on_from() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "What is 1 + 1?").await;
    app.finish(&ada, &session).await;
    let form = format!("id={}", session.id);
    let read = app.post("/api/fn/sessions/get_session").by(&ada).form(&form).await.value();
    let at = |text: &serde_json::Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    // Nothing was written since: a page that is loaded anew counts all the same.
    assert!(at(&read["as_of"]) > at(&read["session"]["ended_at"]), "{read}");
    app.end().await;
}

#[tokio::test]
async fn what_a_server_function_cannot_read_is_a_bad_request() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let call = |name: &str| {
        app.post(&format!("/api/fn/{name}")).by(&ada).header("accept", "application/json")
    };
    let form = "application/x-www-form-urlencoded";
    for (name, kind, body) in [
        // An argument is missing, is of another type, or is no text at all.
        ("marketplace/get_listing", form, b"".to_vec()),
        ("marketplace/get_listing", form, b"slug[0]=a".to_vec()),
        ("moderation/get_case", form, b"id=%00".to_vec()),
        ("marketplace/get_listing", form, b"slug=\xff\xfe".to_vec()),
        ("marketplace/get_listing", "application/json", b"{\"slug\":\"a\"}".to_vec()),
    ] {
        let answer = call(name).raw(kind, body).await;
        assert_eq!((answer.status, &answer.value()["kind"]), (400, &json!("invalid")));
    }
    // What the function itself reads tells its own fault.
    let agent = call("account/set_budget").form("agent=x").await;
    assert_eq!((agent.status, &agent.value()["kind"]), (404, &json!("not_found")));
    // A plain form comes back as its page.
    let from = "/marketplace/unit-converter";
    let plain = send_from(&app, from, "marketplace/install_listing", &ada, "slug[0]=a").await;
    assert_ne!(plain.status / 100, 5, "{plain:?}");
    app.end().await;
}

#[tokio::test]
async fn a_slash_behind_an_address_leads_to_its_page() {
    let app = TestApp::start().await;
    let asked = app.get("/marketplace/?q=unit").await;
    assert_eq!((asked.status, asked.header("location")), (308, "/marketplace?q=unit"));
    assert_eq!(app.get("/marketplace//").await.status, 404);
    app.end().await;
}

#[tokio::test]
async fn a_script_is_led_to_other_pages_alone() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    for (page, is_led) in [
        ("/account", false),
        ("/account?a=b", true),
        ("/studio", true),
        // Of a page that names none nothing is known.
        ("", true),
    ] {
        let call = app.post("/api/fn/account/update_profile").by(&ada);
        let call = call.header("accept", "application/json");
        let call = if page.is_empty() {
            call
        } else {
            call.header("referer", &format!("http://resonant.test{page}"))
        };
        let saved = call.form("display_name=Ada").await;
        assert_eq!(saved.status, 200, "{saved:?}");
        assert_eq!(saved.header("location"), if is_led { "/account" } else { "" }, "{page}");
    }
    app.end().await;
}

/// Checks that an answer is a form's page with status 422, with these texts in it.
pub(super) fn shows(answer: &Answer, texts: &[&str]) {
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.header("content-type").starts_with("text/html"), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    let page = answer.text();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("</html>"), "{page}");
    assert!(page.contains("aria-invalid=\"true\"") || page.contains("role=\"alert\""), "{page}");
    for text in texts {
        assert!(page.contains(text), "lacks {text}: {page}");
    }
}

#[tokio::test]
async fn a_refused_account_form_keeps_all_but_the_password() {
    let app = TestApp::start().await;
    app.member("ada").await;
    let nobody = Visitor::ANONYMOUS;

    let form = "email=ada%40example.org&password=not+the+secret";
    let answer =
        send_from(&app, "/sign-in?next=%2Fsessions", "account/sign_in", &nobody, form).await;
    shows(&answer, &["value=\"ada@example.org\"", "value=\"/sessions\"", "<title>Sign in"]);
    assert!(!answer.text().contains("not the secret") && !answer.text().contains("not+the+secret"));

    let form = "display_name=%22%3E%3Cscript%3Ealert(1)&email=nonsense&password=short-secret";
    let answer = send_from(&app, "/sign-up", "account/sign_up", &nobody, form).await;
    shows(
        &answer,
        &["value=\"nonsense\"", "&gt;&lt;script&gt;alert(1)\"", "id=\"field-email-error\""],
    );
    let page = answer.text();
    assert!(!page.contains("short-secret") && !page.contains("<script>alert"), "{page}");

    let ada = app.guest().await;
    let form = format!("display_name={}", "x".repeat(200));
    let answer = send_from(&app, "/account", "account/update_profile", &ada, &form).await;
    shows(&answer, &[&"x".repeat(200), "field-display_name-error"]);
    app.end().await;
}

#[tokio::test]
async fn a_refused_agent_form_keeps_every_field() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let ada = app.guest().await;
    let fields = "form%5Bdescription%5D=Reads%0D%0Apages&form%5Bicon%5D=book&form%5Bhue%5D=12\
                  &form%5Bsystem_prompt%5D=You+%3Cread%3E.&form%5Bmodel%5D=named&form%5Bmodel_name%5D=llama3\
                  &form%5Btools%5D%5B%5D=extract&form%5Bmax_steps%5D=3&form%5Bmax_tokens%5D=500\
                  &form%5Btimeout_seconds%5D=60&form%5Bmax_cost%5D=0.75";
    let texts = [
        "value=\"book\" checked",
        "value=\"12\"",
        "You &lt;read&gt;.",
        "value=\"named\" checked",
        "value=\"llama3\"",
        "value=\"extract\" checked",
        "value=\"500\"",
        "value=\"60\"",
        "value=\"0.75\"",
    ];
    let form = format!("form%5Bname%5D=++&{fields}");
    let answer = send_from(&app, "/studio/new", "studio/create_agent", &ada, &form).await;
    shows(&answer, &texts);
    shows(&answer, &["field-form_name_-error", "Must be 1 to 100 characters"]);
    assert!(!answer.text().contains("value=\"calculator\" checked"));
    assert_eq!(agents(&app, &ada).await, 0, "a refused form changes nothing");

    let agent = app.agent(&ada, "Reckoner").await;
    let page = format!("/studio/agents/{}", agent.id);
    let form = format!("id={}&revision=7000&form%5Bname%5D=Mine&{fields}", agent.id);
    let answer = send_from(&app, &page, "studio/update_agent", &ada, &form).await;
    shows(&answer, &texts);
    shows(&answer, &["changed elsewhere", "value=\"Mine\"", "value=\"7000\""]);

    let form =
        format!("id={}&run%5Bgoal%5D=&run%5Bcontext%5D=My+notes&run%5Bmax_steps%5D=9", agent.id);
    let answer = send_from(&app, &page, "studio/run_agent", &ada, &form).await;
    shows(&answer, &[">My notes</textarea>", "value=\"9\"", "id=\"run-goal-error\"", "Reckoner"]);
    app.end().await;
}

#[tokio::test]
async fn a_refused_goal_keeps_its_material() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let nobody = Visitor::ANONYMOUS;
    let listings = app.get("/api/v1/listings?limit=1").await.value();
    let slug = listings["listings"][0]["slug"].as_str().unwrap();
    for page in ["/".to_owned(), format!("/marketplace/{slug}")] {
        let form = format!("slug={slug}&goal=+&context=My+own+text");
        let answer = send_from(&app, &page, "marketplace/install_and_run", &nobody, &form).await;
        shows(&answer, &[">My own text</textarea>", "id=\"field-goal-error\""]);
        assert!(answer.headers.get("set-cookie").is_none(), "nobody becomes a guest: {answer:?}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_refused_form_shows_pages_of_this_site_alone() {
    let app = TestApp::start().await;
    let answer = app
        .post("/api/fn/account/sign_in")
        .header("accept", "text/html")
        .header("origin", "http://resonant.test")
        .header("referer", "http://evil.example/sign-in")
        .form("email=a%40b.example&password=wrong-password")
        .await;
    shows(&answer, &["value=\"a@b.example\""]);
    assert!(!answer.text().contains("evil.example"), "{answer:?}");
    app.end().await;
}

#[tokio::test]
async fn a_key_is_made_shown_once_and_revoked() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let form = "name=CI&scopes%5B%5D=agents%3Aread&scopes%5B%5D=keys%3Aread&life=days30";
    let made = send(&app, "account/create_key", &ada, form).await;
    assert_eq!(made.status, 302, "{made:?}");
    let note = made.header("set-cookie");
    assert!(note.contains("; Path=/account/keys; Max-Age=60; HttpOnly; SameSite=Strict"), "{note}");
    let key = note["resonant_note=".len()..].split(';').next().unwrap().to_owned();

    let token = ada.token.as_deref().unwrap();
    let cookies = format!("resonant_sign_in={token}; resonant_note={key}");
    let page = app.get("/account/keys").header("cookie", &cookies).await;
    assert!(page.text().contains(&key), "the page shows the key");
    assert!(page.header("set-cookie").contains("Max-Age=0"), "{page:?}");
    assert_eq!(page.header("cache-control"), "no-store");
    let bearer = format!("Bearer {key}");
    assert_eq!(app.get("/api/v1/agents").header("authorization", &bearer).await.status, 200);

    let page = app.get("/account/keys").by(&ada).await;
    assert!(!page.text().contains(&key) && page.text().contains(&key[..12]), "{page:?}");
    let keys = app.get("/api/v1/keys").by(&ada).await.value();
    let form = format!("id={}", keys["keys"][0]["id"].as_str().unwrap());
    assert_eq!(send(&app, "account/revoke_key", &ada, &form).await.status, 302);
    assert_eq!(app.get("/api/v1/agents").header("authorization", &bearer).await.status, 401);
    app.end().await;
}

#[tokio::test]
async fn a_document_is_added_without_a_script() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Librarian").await;
    let page = format!("/studio/agents/{}/knowledge", agent.id);
    let send = async |form: &str| {
        let form = format!("id={}&{form}", agent.id);
        send_from(&app, &page, "studio/add_document", &ada, &form).await
    };
    let refused = send("title=Hand%3Cbook&format=csv&text=%25PDF-1.7").await;
    shows(
        &refused,
        &[
            "value=\"Hand&lt;book\"",
            ">%PDF-1.7</textarea>",
            "must be the PDF in base64, with the format pdf",
        ],
    );
    let text = "text=%23+Leave%0AEmployees+get+%3Cb%3E30%3C%2Fb%3E+days.";
    let added = send(&format!("title=Handbook.md&format=&{text}")).await;
    assert_eq!((added.status, added.header("location")), (302, page.as_str()), "{added:?}");
    let shown = app.get(&format!("{page}?query=days")).by(&ada).header("accept", "text/html").await;
    for part in ["Handbook.md › Leave, passage 1", "get &lt;b&gt;30", "Markdown · "] {
        assert!(shown.text().contains(part), "lacks {part}: {}", shown.text());
    }
    app.end().await;
}

#[tokio::test]
async fn a_tool_is_added_changed_and_removed_without_a_script() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Forecaster").await;
    let page = format!("/studio/agents/{}/tools/edit", agent.id);
    let list = format!("/studio/agents/{}/tools", agent.id);
    let base = "tool[method]=GET&tool[description]=The+weather&tool[timeout_seconds]=15\
                &tool[input_schema]=&tool[url]=https://api.example.org/now";
    let refused = format!("id={}&tool[name]=no+name&{base}&tool[headers]=%3Cb%3E", agent.id);
    let refused = send_from(&app, &page, "studio/save_tool", &ada, &refused).await;
    shows(&refused, &["value=\"no name\"", ">&lt;b&gt;</textarea>", "on each line"]);
    let schema = format!("id={}&tool[name]=weather&{base}", agent.id);
    let schema = schema.replace("input_schema]=", "input_schema]=%5B%5D");
    let refused = send_from(&app, &page, "studio/save_tool", &ada, &schema).await;
    shows(&refused, &["value=\"weather\"", "class=\"field__error\""]);

    let form = format!("id={}&tool[name]=weather&{base}", agent.id);
    let added = send_from(&app, &page, "studio/save_tool", &ada, &form).await;
    assert_eq!((added.status, added.header("location")), (302, list.as_str()), "{added:?}");
    let form = format!("id={}&replaces=weather&tool[name]=forecast&{base}", agent.id);
    let changed = send_from(&app, &page, "studio/save_tool", &ada, &form).await;
    assert_eq!(changed.status, 302, "{changed:?}");
    let form = format!("id={}&name=forecast&needed=true", agent.id);
    let asks = send_from(&app, &list, "studio/set_approval", &ada, &form).await;
    assert_eq!(asks.status, 302, "{asks:?}");
    let form = format!("id={}&name=forecast&on=false", agent.id);
    let off = send_from(&app, &list, "studio/switch_tool", &ada, &form).await;
    assert_eq!((off.status, off.header("location")), (302, list.as_str()), "{off:?}");
    let shown = app.get(&list).by(&ada).header("accept", "text/html").await;
    assert!(shown.text().contains("Switched off"), "{}", shown.text());
    let form = format!("id={}&name=forecast&on=true", agent.id);
    let on = send_from(&app, &list, "studio/switch_tool", &ada, &form).await;
    assert_eq!(on.status, 302, "{on:?}");
    let shown = app.get(&list).by(&ada).header("accept", "text/html").await;
    for part in ["forecast", "https://api.example.org/now", "asks before each call"] {
        assert!(shown.text().contains(part), "lacks {part}: {}", shown.text());
    }
    let form = format!("id={}&name=forecast", agent.id);
    let removed = send_from(&app, &list, "studio/remove_tool", &ada, &form).await;
    assert_eq!(removed.status, 302, "{removed:?}");
    let shown = app.get(&list).by(&ada).header("accept", "text/html").await;
    assert!(!shown.text().contains("forecast"));
    app.end().await;
}

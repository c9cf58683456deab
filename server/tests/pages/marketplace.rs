//! Reviews and publishing as a browser without JavaScript has them.

use http::Method;
use resonant_domain::agent::Agent;
use serde_json::json;

use super::forms::{send_from, shows};
use crate::support::{TestApp, Visitor};

const PAGE: &str = "/marketplace/unit-converter";

#[tokio::test]
async fn a_review_is_written_read_and_taken_back_by_plain_forms() {
    let app = TestApp::builder().workers(1).start().await;
    app.backend.load_content().await.unwrap();
    let page = app.get(PAGE).await.text();
    for text in ["Nobody has reviewed it yet", "Nothing was measured yet", "No ratings yet"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let ada = app.member("ada").await;
    assert!(app.get(PAGE).by(&ada).await.text().contains("Run it to the end once"));
    let installed = app.post("/api/v1/listings/unit-converter/install").by(&ada).await;
    let agent: Agent = installed.read();
    let session = app.session(&ada, &agent, "5 miles in km").await;
    app.finish(&ada, &session).await;

    let form = "slug=unit-converter&stars=4&text=+";
    let refused = send_from(&app, PAGE, "marketplace/save_review", &ada, form).await;
    shows(&refused, &["id=\"field-text-error\"", "value=\"4\" required checked"]);
    let form = "slug=unit-converter&stars=4&text=Right+%3Cb%3Eto%3C%2Fb%3E%0D%0Athe+digit";
    let saved = send_from(&app, PAGE, "marketplace/save_review", &ada, form).await;
    assert_eq!(
        (saved.status, saved.header("location")),
        (302, "/marketplace/unit-converter#reviews")
    );
    let page = app.get(PAGE).by(&Visitor::ANONYMOUS).await.text();
    for text in ["Right &lt;b&gt;to&lt;/b&gt;\nthe digit", "4 of 5 stars", "Version 1", "100 %"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(page.contains("<strong>4.0") && page.contains("\"ratingValue\":4.0"), "{page}");

    let bob = app.member("bob").await;
    let reviews = app.get("/api/v1/listings/unit-converter/reviews").await.value();
    let id = reviews["reviews"][0]["id"].as_str().unwrap();
    let form = format!("slug=unit-converter&id={id}&is_helpful=true");
    assert_eq!(send_from(&app, PAGE, "marketplace/vote_review", &bob, &form).await.status, 302);
    let page = app.get(PAGE).by(&bob).await.text();
    assert!(page.contains("1 person finds this helpful") && page.contains("Not helpful after all"));
    assert!(app.get(PAGE).by(&ada).await.text().contains("Delete my review"));

    let form = format!("slug=unit-converter&id={id}");
    assert_eq!(send_from(&app, PAGE, "marketplace/delete_review", &ada, &form).await.status, 302);
    assert!(app.get(PAGE).await.text().contains("Nobody has reviewed it yet"));
    app.end().await;
}

fn form(id: &str, description: &str) -> String {
    format!(
        "id={id}&form%5Bname%5D=Sure+reckoner&form%5Btagline%5D=Reckons+for+you&form%5Bcategory%5D=finance\
         &form%5Bdescription%5D={description}&form%5Btags%5D=Sums%2C+money&form%5Bchange_log%5D=All+new"
    )
}

/// What a page of a case names what it shows by.
fn seen(page: &str) -> &str {
    let behind = page.split("name=\"seen\" value=\"").nth(1);
    behind.and_then(|behind| behind.split('"').next()).unwrap_or_else(|| panic!("{page}"))
}

/// A moderator opens what has waited longest and decides about it.
async fn decide_next(app: &TestApp, root: &Visitor, decision: &str) {
    let queue = app.get("/admin/reviews").by(root).await.text();
    let link = queue.split("href=\"/admin/reviews/").nth(1).unwrap_or_else(|| panic!("{queue}"));
    let case = link.split('"').next().unwrap();
    let path = format!("/admin/reviews/{case}");
    let shown = app.get(&path).by(root).await.text();
    let form = format!("id={case}&seen={}&{decision}", seen(&shown));
    let done = send_from(app, &path, "moderation/decide_case", root, &form).await;
    assert_eq!((done.status, done.header("location")), (302, "/admin/reviews"), "{done:?}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one way from the first form to the last")]
async fn an_agent_is_handed_in_judged_and_published_by_plain_forms() {
    let app = TestApp::start().await;
    let (root, ada) = (app.admin().await, app.member("ada").await);
    let agent = app.published_agent(&ada, "Reckoner").await;
    let (id, page) = (agent.id.to_string(), format!("/studio/agents/{}/publish", agent.id));
    let shown = app.get(&page).by(&ada).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    assert!(shown.text().contains("value=\"Reckoner\""), "{shown:?}");
    assert_eq!(app.get(&page).by(&root).await.status, 404, "an agent is its owner's alone");

    let save = "publishing/save_submission";
    let empty = form(&id, "+").replace("Sure+reckoner", "+");
    let refused = send_from(&app, &page, save, &ada, &empty).await;
    shows(&refused, &["value=\"Reckons for you\"", "field-form_name_-error"]);
    let leaky = form(&id, "Use+ghp_0123456789abcdefghij0123456789abcdef");
    let saved = send_from(&app, &page, save, &ada, &leaky).await;
    assert_eq!((saved.status, saved.header("location")), (302, format!("{page}#preview").as_str()));
    let shown = app.get(&page).by(&ada).await.text();
    assert!(shown.contains("a token of GitHub") && !shown.contains("Submit for review"), "{shown}");

    let hostile = form(&id, "It+**reckons**+%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    assert_eq!(send_from(&app, &page, save, &ada, &hostile).await.status, 302);
    let shown = app.get(&page).by(&ada).await.text();
    for text in
        ["Submit for review", "<strong>reckons", "no secrets, no hostile wording", "sums, money"]
    {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(!shown.contains("<script>alert"), "{shown}");
    let own = format!("id={id}");
    assert_eq!(send_from(&app, &page, "publishing/submit", &ada, &own).await.status, 302);
    let shown = app.get(&page).by(&ada).await.text();
    assert!(shown.contains("Take it back") && !shown.contains("Save and preview"), "{shown}");

    assert_eq!(app.get("/admin/reviews").by(&ada).await.status, 404);
    assert!(app.get("/account").by(&root).await.text().contains("Open the review queue"));
    assert!(!app.get("/account").by(&ada).await.text().contains("Open the review queue"));
    let queue = app.get("/admin/reviews").by(&root).await.text();
    let link = queue.split("href=\"/admin/reviews/").nth(1).unwrap_or_else(|| panic!("{queue}"));
    let case = link.split('"').next().unwrap();
    let path = format!("/admin/reviews/{case}");
    assert_eq!(app.get(&path).by(&ada).await.status, 404);
    let shown = app.get(&path).by(&root).await.text();
    for text in
        ["everything is new", "Reckon.", "tools.calculator", "sums, money", "Request changes"]
    {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let decide = "moderation/decide_case";
    let empty = format!("id={case}&seen={}&comment=+&verdict=request_changes", seen(&shown));
    let refused = send_from(&app, &path, decide, &root, &empty).await;
    shows(&refused, &["id=\"field-comment-error\""]);
    let unread = format!("id={case}&comment=&verdict=approve");
    let refused = send_from(&app, &path, decide, &root, &unread).await;
    shows(&refused, &["handed something else in since"]);
    decide_next(&app, &root, "comment=Well+done&verdict=approve").await;
    assert!(app.get("/admin/reviews").by(&root).await.text().contains("Nothing waits"));

    let shown = app.get("/marketplace/sure-reckoner").await.text();
    for text in ["by <!>ada", "Change log", "All new", "<strong>reckons", ">sums<"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(app.get("/marketplace").await.text().contains("Sure reckoner"));
    let shown = app.get(&page).by(&ada).await.text();
    assert!(shown.contains("Well done") && shown.contains("Pause it"), "{shown}");

    // Whoever has a copy hears of the next version.
    let bob = app.member("bob").await;
    let copy = app.post("/api/v1/listings/sure-reckoner/install").by(&bob).await;
    let copy: Agent = copy.read();
    let editor = format!("/studio/agents/{}", copy.id);
    assert!(!app.get(&editor).by(&bob).await.text().contains("See what is new"));
    assert!(app.get(&format!("{editor}/update")).by(&bob).await.text().contains("newest version"));
    let prompt = json!({ "system_prompt": "Reckon twice." });
    let draft = format!("/api/v1/agents/{id}");
    assert_eq!(app.call(Method::PATCH, &draft).by(&ada).json(&prompt).await.status, 200);
    assert_eq!(app.post(&format!("{draft}/versions")).by(&ada).json(&json!({})).await.status, 201);
    let next = form(&id, "It+reckons").replace("All+new", "It+reckons+twice");
    assert_eq!(send_from(&app, &page, save, &ada, &next).await.status, 302);
    assert_eq!(send_from(&app, &page, "publishing/submit", &ada, &own).await.status, 302);
    decide_next(&app, &root, "comment=&verdict=approve").await;
    let shown = app.get(&editor).by(&bob).await.text();
    assert!(shown.contains("See what is new") && shown.contains("Copied from"), "{shown}");
    let shown = app.get(&format!("{editor}/update")).by(&bob).await.text();
    assert!(shown.contains("It reckons twice") && shown.contains("Update my agent"), "{shown}");
    let take = format!("id={}&revision=1&to=2", copy.id);
    let taken = send_from(&app, &editor, "publishing/take_update", &bob, &take).await;
    assert_eq!((taken.status, taken.header("location")), (302, editor.as_str()));
    assert!(app.get(&editor).by(&bob).await.text().contains("Reckon twice."));

    let pause = format!("id={id}&state=paused");
    assert_eq!(send_from(&app, &page, "publishing/set_state", &ada, &pause).await.status, 302);
    assert!(!app.get("/marketplace").await.text().contains("Sure reckoner"));
    assert!(app.get("/marketplace/sure-reckoner").await.text().contains("has paused this listing"));

    let report = "slug=sure-reckoner&reason=spam&report=It+is+spam";
    let listing = "/marketplace/sure-reckoner";
    let sent = send_from(&app, listing, "marketplace/report_listing", &ada, report).await;
    assert_eq!(sent.status, 302, "{sent:?}");
    assert!(app.get(sent.header("location")).by(&ada).await.text().contains("Thank you"));
    let queue = app.get("/admin/reviews").by(&root).await.text();
    assert!(queue.contains("It is spam") && queue.contains("Remove the listing"), "{queue}");

    // What is taken off has a page for nobody but its publisher.
    for (state, is_led_there) in [("published", true), ("unlisted", false)] {
        let state = format!("id={id}&state={state}");
        assert_eq!(send_from(&app, &page, "publishing/set_state", &ada, &state).await.status, 302);
        assert_eq!(send_from(&app, &page, save, &ada, &next).await.status, 302);
        assert_eq!(send_from(&app, &page, "publishing/submit", &ada, &own).await.status, 302);
        let queue = app.get("/admin/reviews").by(&root).await.text();
        let link = queue.split("href=\"/admin/reviews/").nth(1).unwrap();
        let case = format!("/admin/reviews/{}", link.split('"').next().unwrap());
        let shown = app.get(&case).by(&root).await.text();
        assert_eq!(shown.contains("Open the listing"), is_led_there, "{shown}");
        assert_eq!(send_from(&app, &page, "publishing/withdraw", &ada, &own).await.status, 302);
    }
    app.end().await;
}

#[tokio::test]
async fn who_cannot_publish_yet_reads_what_to_do() {
    let app = TestApp::start().await;
    let (guest, ada) = (app.guest().await, app.member("ada").await);
    for (visitor, text) in [(&guest, "Create an account"), (&ada, "No version is published yet")] {
        let agent = app.agent(visitor, "Reckoner").await;
        let page = app.get(&format!("/studio/agents/{}/publish", agent.id)).by(visitor).await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains(text), "{text}: {page:?}");
    }
    let agent = app.published_agent(&ada, "Reckoner").await;
    let page = app.get(&format!("/studio/agents/{}/publish", agent.id)).by(&ada).await.text();
    assert!(page.contains("server admin create"), "nobody reviews: {page}");
    let nobody = app.get("/admin/reviews").await;
    assert!(nobody.text().contains("You are not signed in"), "{nobody:?}");
    app.end().await;
}

#[tokio::test]
async fn publishers_and_collections_have_pages_that_search_engines_read() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let (root, ada) = (app.admin().await, app.member("ada").await);
    assert_eq!(app.get("/publishers/ada-l").await.status, 404);
    let save = "account/save_profile";
    let refused = send_from(&app, "/account", save, &ada, "handle=A+B&name=Ada&bio=x").await;
    shows(&refused, &["id=\"field-handle-error\"", "value=\"A B\""]);
    let form = "handle=ada-l&name=Ada+L.&bio=%3C%2Fscript%3E%3Cscript%3Ealert(1)";
    let saved = send_from(&app, "/account", save, &ada, form).await;
    assert_eq!((saved.status, saved.header("location")), (302, "/account#publisher"));
    assert!(app.get("/account").by(&ada).await.text().contains("Your publisher page"));
    let page = app.get("/publishers/ada-l").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    for part in ["@ada-l", "Ada L.", "Nothing is published yet", "rel=\"canonical\"", "ProfilePage"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("<script>alert") && !text.contains("Mark as verified"), "{text}");
    assert!(app.get("/publishers/ada-l").by(&root).await.text().contains("Mark as verified"));

    assert_eq!(app.get("/admin/collections").by(&ada).await.status, 404);
    let save = "moderation/save_collection";
    let bad = "slug=&title=First+steps&description=&listings=nothing-here";
    let refused = send_from(&app, "/admin/collections", save, &root, bad).await;
    shows(&refused, &["id=\"field-listings-error\"", "value=\"First steps\""]);
    let form = "slug=&title=First+steps&description=For+a+start&is_featured=true\
                &listings=world-clock%0D%0A%2Fmarketplace%2Funit-converter";
    let saved = send_from(&app, "/admin/collections", save, &root, form).await;
    assert_eq!((saved.status, saved.header("location")), (302, "/admin/collections"));
    let front = app.get("/marketplace").await.text();
    assert!(front.contains("href=\"/marketplace/collections/first-steps\""), "{front}");
    let page = app.get("/marketplace/collections/first-steps").await.text();
    for part in ["World clock", "Unit converter", "For a start", "ItemList", "rel=\"canonical\""] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(app.get("/marketplace/collections/none").await.status, 404);
    let map = app.get("/sitemap.xml").await.text();
    assert!(map.contains("/marketplace/collections/first-steps</loc>"), "{map}");
    app.end().await;
}

#[tokio::test]
async fn filters_are_links_and_what_was_found_is_marked() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let page = app.get("/marketplace").await.text();
    assert!(page.contains("href=\"/marketplace?tags=csv\""), "{page}");
    assert!(page.contains("href=\"/marketplace?verified=yes\""), "{page}");
    let page = app.get("/marketplace?tags=csv&q=sales").await.text();
    for part in ["Sales table analyst", "<mark>Sales", "Clear all filters", "name=\"tags\""] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = app.get("/marketplace?tags=%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert!(page.status < 500 && !page.text().contains("<script>alert"), "{page:?}");
    app.end().await;
}

#[tokio::test]
async fn a_draft_of_a_listing_that_was_saved_elsewhere_is_not_overwritten_unseen() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let agent = app.published_agent(&ada, "Reckoner").await;
    let (id, page) = (agent.id.to_string(), format!("/studio/agents/{}/publish", agent.id));
    let open = async || app.get(&page).by(&ada).await.text();
    let save = async |description: &str, seen: &str, more: &str| {
        let form = format!("{}&seen={seen}{more}", form(&id, description));
        send_from(&app, &page, "publishing/save_submission", &ada, &form).await
    };
    // Two tabs that were opened before there was a draft, and then two that show the same one.
    for (saved, late) in [("It+reckons", "It+counts"), ("It+sums", "It+adds")] {
        let shown = open().await;
        let both = seen(&shown);
        assert_eq!(save(saved, both, "").await.status, 302);
        let refused = save(late, both, "").await;
        let typed = format!(">{}</textarea>", late.replace('+', " "));
        shows(&refused, &["This was changed elsewhere", "Keep mine", "Load theirs", &typed]);
        let kept = format!(">{}</textarea>", saved.replace('+', " "));
        assert!(open().await.contains(&kept), "theirs is there still");
        assert_eq!(save(late, both, "&overwrite=true").await.status, 302);
        assert!(open().await.contains(&typed));
    }
    app.end().await;
}

#[tokio::test]
async fn what_one_is_told_is_ones_own() {
    let app = TestApp::start().await;
    let (root, ada) = (app.admin().await, app.member("ada").await);
    let agent = app.published_agent(&ada, "Reckoner").await;
    let page = format!("/studio/agents/{}/publish", agent.id);
    let own = format!("id={}", agent.id);
    let saved = form(&agent.id.to_string(), "It+reckons");
    assert_eq!(
        send_from(&app, &page, "publishing/save_submission", &ada, &saved).await.status,
        302
    );
    let preview = format!("{page}/preview");
    let shown = app.get(&preview).by(&ada).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    for part in ["Sure reckoner", "Reckons for you", "Nobody but you sees it", "Reckon."] {
        assert!(shown.text().contains(part), "{part}: {shown:?}");
    }
    assert_eq!(app.get(&preview).by(&root).await.status, 404);
    assert_eq!(send_from(&app, &page, "publishing/submit", &ada, &own).await.status, 302);
    decide_next(&app, &root, "comment=Say+more&verdict=request_changes").await;

    let notices = "/account/notices";
    assert!(app.get(notices).await.text().contains("You are not signed in"));
    assert!(app.get(notices).by(&root).await.text().contains("Nothing yet"));
    let shown = app.get(notices).by(&ada).await.text();
    for part in ["Say more", "a moderator asks for changes", "Notices, 1 new", "Mark all as read"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let read = send_from(&app, notices, "account/read_notices", &ada, "").await;
    assert_eq!((read.status, read.header("location")), (302, notices));
    assert!(!app.get(notices).by(&ada).await.text().contains("1 new"));
    app.end().await;
}

#[tokio::test]
async fn goals_to_try_it_with_are_given_and_who_took_a_listing_off_sees_it() {
    let app = TestApp::start().await;
    let (root, ada, bob) = (app.admin().await, app.member("ada").await, app.member("bob").await);
    let agent = app.published_agent(&ada, "Reckoner").await;
    let (id, page) = (agent.id.to_string(), format!("/studio/agents/{}/publish", agent.id));
    let goals = "form%5Bexamples%5D%5B0%5D%5Bgoal%5D=Add+1+and+2\
                 &form%5Bexamples%5D%5B0%5D%5Bcontext%5D=\
                 &form%5Bexamples%5D%5B1%5D%5Bgoal%5D=Add+up\
                 &form%5Bexamples%5D%5B1%5D%5Bcontext%5D=3%2C+4\
                 &form%5Bexamples%5D%5B2%5D%5Bgoal%5D=+";
    let save = "publishing/save_submission";
    let whole = format!("{}&{goals}", form(&id, "It+reckons"));
    let refused = send_from(&app, &page, save, &ada, &whole.replace("Sure+reckoner", "+")).await;
    shows(&refused, &[">Add up</textarea>", ">3, 4</textarea>"]);
    assert_eq!(send_from(&app, &page, save, &ada, &whole).await.status, 302);
    let own = format!("id={id}");
    assert_eq!(send_from(&app, &page, "publishing/submit", &ada, &own).await.status, 302);
    decide_next(&app, &root, "comment=&verdict=approve").await;
    let listing = "/marketplace/sure-reckoner";
    let shown = app.get(listing).by(&bob).await.text();
    for part in [">Add 1 and 2</textarea>", "Add up", "name=\"version\" value=\"1\""] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let examples = app.get("/api/v1/listings/sure-reckoner").await.value()["examples"].take();
    assert_eq!(
        examples,
        json!([{ "goal": "Add 1 and 2" }, { "goal": "Add up", "context": "3, 4" }])
    );
    let stale = "slug=sure-reckoner&version=2";
    let refused = send_from(&app, listing, "marketplace/install_listing", &bob, stale).await;
    shows(&refused, &["Version 1 is there by now"]);

    let off = format!("id={id}&state=unlisted");
    assert_eq!(send_from(&app, &page, "publishing/set_state", &ada, &off).await.status, 302);
    for visitor in [&bob, &root, &Visitor::ANONYMOUS] {
        assert_eq!(app.get(listing).by(visitor).await.status, 404);
    }
    let shown = app.get(listing).by(&ada).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let shown = shown.text();
    assert!(shown.contains("nobody but you sees it") && shown.contains("It reckons"), "{shown}");
    assert!(!shown.contains("Add to my studio"), "{shown}");
    assert!(app.get(&page).by(&ada).await.text().contains(&format!("href=\"{listing}\"")));
    app.end().await;
}

#[tokio::test]
async fn whose_side_is_taken_is_chosen_by_a_plain_form() {
    let app = TestApp::start().await;
    let (root, ada, bob) = (app.admin().await, app.member("ada").await, app.member("bob").await);
    let agent = app.published_agent(&ada, "Reckoner").await;
    let own = format!("/api/v1/agents/{}", agent.id);
    let hand_in = async || {
        let texts = json!({
            "name": "Reckoner", "tagline": "Reckons", "category": "finance", "description": "Sums",
        });
        let made = app.post(&format!("{own}/submissions")).by(&ada).json(&texts).await;
        app.decide(&root, &made, &json!({ "verdict": "approve" })).await;
    };
    hand_in().await;
    let copy: Agent = app.post("/api/v1/listings/reckoner/install").by(&bob).await.read();
    let mine = format!("/api/v1/agents/{}", copy.id);
    for (path, visitor, steps) in [(&mine, &bob, 3), (&own, &ada, 20)] {
        let limits = json!({ "limits": { "max_steps": steps } });
        let changed = app.call(Method::PATCH, path).by(visitor).json(&limits).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    }
    assert_eq!(app.post(&format!("{own}/versions")).by(&ada).json(&json!({})).await.status, 201);
    hand_in().await;

    let page = format!("/studio/agents/{}/update", copy.id);
    let shown = app.get(&page).by(&bob).await.text();
    let radio = "name=\"choices[limits.max_steps]\" value=\"theirs\"";
    for part in [radio, "Keep mine", "it may spend more than it does"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let take = format!("id={}&revision=2&to=2&choices%5Blimits.max_steps%5D=theirs", copy.id);
    let refused = send_from(&app, &page, "publishing/take_update", &bob, &take).await;
    shows(&refused, &[&format!("{radio} checked"), "asks for more than it has"]);
    let agreed = format!("{take}&consent=true");
    let taken = send_from(&app, &page, "publishing/take_update", &bob, &agreed).await;
    assert_eq!(taken.status, 302, "{taken:?}");
    assert_eq!(app.get(&mine).by(&bob).await.value()["limits"]["max_steps"], 20);
    app.end().await;
}

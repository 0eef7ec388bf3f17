//! A form is taken from the browser that it was shown to, and from no other site (W-03).

use doorward_domain::model::Role;

use crate::support::{Answer, Client, FORM, PASSWORD, TestApp, form_token, path_in};

const VISIT: &str = "__Host-doorward-visit";
const SESSION: &str = "__Host-doorward";

/// What a browser without `Sec-Fetch-Site` and `Origin` sends, with its cookies.
async fn post(client: &Client, path: &str, cookies: &[(&str, &str)], form: &str) -> Answer {
    let mut draft = client.request("POST", path).html();
    for (name, value) in cookies {
        draft = draft.header("cookie", &format!("{name}={value}"));
    }
    draft.body(FORM, form.to_owned()).send().await
}

/// The page of a path: its visit, where it begins one, and what its forms carry.
async fn look(client: &Client, path: &str, cookies: &[(&str, &str)]) -> (String, String) {
    let mut draft = client.request("GET", path).html();
    for (name, value) in cookies {
        draft = draft.header("cookie", &format!("{name}={value}"));
    }
    let page = draft.send().await.expect(200);
    let visit = page.cookie(VISIT).unwrap_or_default().to_owned();
    (visit, form_token(&page.text()))
}

/// W-03: sign-in, sign-up, and all that nobody need be signed in for, as an old browser sends them.
#[tokio::test]
async fn a_form_comes_from_the_browser_it_was_shown_to() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    app.leaves_mail();
    app.create("ben", Role::User).await;
    let (anon, eve) = (app.anon(), app.anon());
    for (path, page, form, status, kept) in [
        (
            "/auth",
            "/",
            "username=ben&password=plum+cake+on+sundays",
            303,
            "value=\"ben\"",
        ),
        (
            "/user",
            "/",
            "username=zoe&password=plum+cake+on+sundays",
            201,
            "value=\"zoe\"",
        ),
        (
            "/recovery",
            "/recovery",
            "email=ben%40example.com",
            202,
            "value=\"ben@example.com\"",
        ),
        (
            "/confirmation",
            "/confirmation",
            "email=x%40example.com",
            202,
            "value=\"x@example.com\"",
        ),
        (
            "/password",
            "/password",
            "username=ben&current_password=plum+cake+on+sundays&new_password=three+boats+on+a+lake",
            200,
            "value=\"ben\"",
        ),
    ] {
        let (visit, token) = look(&anon, page, &[]).await;
        let (of_eve, token_of_eve) = look(&eve, page, &[]).await;
        let touched = format!("{}A", &token[..63]);
        for (cookies, token) in [
            (&[][..], token.as_str()),
            (&[(VISIT, visit.as_str())], ""),
            (&[(VISIT, visit.as_str())], "null"),
            (&[(VISIT, visit.as_str())], &touched),
            (&[(VISIT, visit.as_str())], &token_of_eve),
            (&[(VISIT, of_eve.as_str())], &token),
            (&[(VISIT, "")], &token),
            (&[(VISIT, visit.as_str()), (VISIT, visit.as_str())], &token),
            (&[(VISIT, visit.as_str()), (VISIT, of_eve.as_str())], &token),
            (&[("doorward-visit", visit.as_str())], &token),
        ] {
            let filled = format!("form_token={token}&{form}");
            let back = post(&anon, path, cookies, &filled).await;
            let text = back.text();
            assert_eq!(back.status, 403, "{path} {cookies:?} {token}");
            assert!(back.cookie("__Host-doorward").is_none(), "{path}");
            // It is there again, with what was typed, and says why, and what a browser without cookies needs.
            assert!(text.contains(&format!("action=\"{path}\"")), "{text}");
            assert!(text.contains("allow the cookies of this site"), "{text}");
            assert!(
                text.contains("This form was not sent") && text.contains(kept),
                "{text}"
            );
            assert!(!text.contains("plum") && !text.contains("boats"), "{text}");
            assert_eq!(form_token(&text).len(), 64);
        }
        // Sent again as it came back, it is taken.
        let back = post(&anon, path, &[], form).await.expect(403);
        let visit = back.cookie(VISIT).unwrap().to_owned();
        let again = format!("{form}&form_token={}", form_token(&back.text()));
        let taken = post(&anon, path, &[(VISIT, &visit)], &again).await;
        assert_eq!(taken.status, status, "{path} {}", taken.text());
    }
}

/// W-03: whoever is signed in, with the cookie that a browser sends along for everybody.
#[tokio::test]
async fn a_form_of_somebody_signed_in_comes_from_their_session() {
    let app = TestApp::new().await;
    app.leaves_mail();
    let (ben, eve) = (app.user("ben").await, app.user("eve").await);
    let anon = app.anon();
    let session = (SESSION, ben.token());
    let (visit, of_nobody) = look(&anon, "/recovery", &[]).await;
    let (_, of_eve) = look(&anon, "/password", &[(SESSION, eve.token())]).await;
    let (none, token) = look(&anon, "/password", &[session]).await;
    assert_eq!(none, "", "who is signed in begins no visit");
    let change = "current_password=plum+cake+on+sundays&new_password=three+boats+on+a+lake";
    for path in ["/password", "/auth/end"] {
        for wrong in [&of_nobody, &of_eve, ""] {
            let cookies = [session, (VISIT, visit.as_str())];
            let form = format!("form_token={wrong}&{change}");
            let back = post(&anon, path, &cookies, &form).await.expect(403);
            assert!(
                back.text().contains("This form was not sent"),
                "{}",
                back.text()
            );
        }
    }
    ben.get("/auth").await.expect(200);
    let filled = format!("form_token={token}&{change}");
    let changed = post(&anon, "/password", &[session], &filled).await;
    let changed = changed.expect(200);
    // The session goes on under the token that the answer set (S-02), and what it was shown with holds.
    let session = (SESSION, changed.cookie(SESSION).unwrap());
    look(&anon, "/password", &[session]).await;
    let form = format!("form_token={token}");
    let out = post(&anon, "/auth/end", &[session], &form)
        .await
        .expect(303);
    assert_eq!(out.header("location"), Some("https://accounts.example/"));
    let over = anon.request("GET", "/auth").cookie(session.1).send().await;
    over.expect(401);
}

/// W-03, R-07: the buttons of mailed links. A mail is read in browsers that keep no cookies: the link is
/// what its forms are known by. It still works when its page comes back.
#[tokio::test]
async fn a_mailed_links_button_is_pressed_on_its_page() {
    let app = TestApp::new().await;
    let link = app.pending("ben").await;
    let anon = app.anon();
    for path in [link.clone(), format!("{link}/disown")] {
        let back = post(&anon, &path, &[], "").await.expect(403);
        assert!(
            back.text().contains("This form was not sent"),
            "{}",
            back.text()
        );
        assert!(back.text().contains(&format!("action=\"{link}\"")));
    }
    let (visit, token) = look(&anon, &link, &[]).await;
    assert_eq!(visit, "", "a link's page begins no visit");
    let (_, elsewhere) = look(&anon, "/recovery", &[]).await;
    let form = format!("form_token={elsewhere}");
    post(&anon, &link, &[], &form).await.expect(403);
    let form = format!("form_token={token}");
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ] {
        let draft = anon.request("POST", &link).html().header(name, value);
        let answer = draft.body(FORM, form.clone()).send().await;
        assert_eq!(answer.status, 403, "{name}");
    }
    // With the cookies of whatever else is open, or with none.
    post(&anon, &link, &[], &form).await.expect(200);
    post(&anon, &link, &[(VISIT, &"A".repeat(22))], &form)
        .await
        .expect(200);
    let body = serde_json::json!({"email": "ben@example.com"});
    anon.post("/recovery", body).await.expect(202);
    let link = path_in(&app.one_mail().await);
    let of_another = format!("{form}&new_password=three+boats+on+a+lake");
    post(&anon, &link, &[], &of_another).await.expect(403);
    let form = "new_password=three+boats+on+a+lake";
    let back = post(&anon, &link, &[], form).await.expect(403);
    assert!(
        back.text().contains(&format!("action=\"{link}\"")),
        "{}",
        back.text()
    );
    assert!(!back.text().contains("boats"));
    assert_eq!(back.cookie(VISIT), None);
    let form = format!("{form}&form_token={}", form_token(&back.text()));
    post(&anon, &link, &[], &form).await.expect(200);
    app.leaves_mail();
    // A link that is no link is not made one by a form.
    let nothing = post(&anon, "/recovery/nothing", &[], form.as_str()).await;
    assert_eq!(nothing.status, 403);
}

/// W-03: a program shows no page and keeps no cookie: nothing is asked of it but what it has.
#[tokio::test]
async fn a_program_is_asked_for_no_form() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let form = "username=ben&password=plum+cake+on+sundays";
    let anon = app.anon();
    let answer = anon.request("POST", "/auth").form(form).send().await;
    assert!(
        answer
            .expect(201)
            .cookies()
            .iter()
            .all(|cookie| !cookie.starts_with(VISIT))
    );
    let body = serde_json::json!({"username": "ben", "password": PASSWORD});
    anon.post("/auth", body).await.expect(201);
    assert_eq!(anon.get("/").await.header("set-cookie"), None);
    // A page without a form begins no visit, and a browser that has one is given no other.
    for path in ["/docs", "/problems", "/nothing"] {
        let page = anon.request("GET", path).html().send().await;
        assert_eq!(page.header("set-cookie"), None, "{path}");
    }
    let (visit, _) = look(&anon, "/", &[]).await;
    assert_eq!(look(&anon, "/", &[(VISIT, &visit)]).await.0, "");
}

/// A page of the operator's own on the same origin has its own form, without what ours carry: its
/// browser says whose it is. So does the browser of one of ours, whatever became of its cookies.
#[tokio::test]
async fn a_form_of_the_same_origin_is_taken_as_the_browser_says() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anon = app.anon();
    let (_, token) = look(&anon, "/", &[]).await;
    let form = "username=ben&password=plum+cake+on+sundays";
    let shown = format!("form_token={token}&{form}");
    for (name, value, form, status) in [
        ("sec-fetch-site", "same-origin", form, 303),
        ("sec-fetch-site", "same-origin", &shown, 303),
        ("sec-fetch-site", "none", form, 403),
        ("sec-fetch-site", "none", &shown, 403),
        ("sec-fetch-site", "same-site", form, 403),
        ("sec-fetch-site", "same-site", &shown, 403),
        ("origin", "https://accounts.example", form, 403),
        ("origin", "null", form, 403),
    ] {
        let draft = anon.request("POST", "/auth").html().header(name, value);
        let answer = draft.body(FORM, form.to_owned()).send().await;
        assert_eq!(answer.status, status, "{name}: {value}");
    }
}

/// W-03: what was shown to one session, or for one link, is sent for no other, whatever the browser says of
/// where it comes from: whoever is signed in by now did not see that form.
#[tokio::test]
async fn a_form_that_was_shown_to_another_session_comes_back() {
    let app = TestApp::new().await;
    app.leaves_mail();
    let link = app.pending("zoe").await;
    let (ben, eve) = (app.user("ben").await, app.user("eve").await);
    let anon = app.anon();
    let (_, of_nobody) = look(&anon, "/recovery", &[]).await;
    let (_, of_eve) = look(&anon, "/password", &[(SESSION, eve.token())]).await;
    let (_, of_ben) = look(&anon, "/password", &[(SESSION, ben.token())]).await;
    let (_, of_link) = look(&anon, &link, &[]).await;
    let send = async |session: &str, path: &str, form: String| {
        let draft = anon.request("POST", path).html();
        let draft = draft.header("sec-fetch-site", "same-origin");
        let draft = draft.header("origin", "null").cookie(session);
        draft.body(FORM, form).send().await
    };
    let change = "current_password=plum+cake+on+sundays&new_password=three+boats+on+a+lake";
    for (path, of_another) in [
        ("/password", &of_link),
        ("/auth/end", &of_link),
        (link.as_str(), &of_ben),
    ] {
        for wrong in [&of_eve, &of_nobody, of_another, "x", ""] {
            let form = format!("form_token={wrong}&{change}");
            let back = send(ben.token(), path, form).await;
            assert_eq!(back.status, 403, "{path} {wrong}");
            assert!(back.text().contains("This form was not sent"), "{path}");
        }
    }
    ben.get("/auth").await.expect(200);
    // The right one is taken, and none is what a page of the operator's own has.
    let form = format!("form_token={of_ben}&{change}");
    let taken = send(ben.token(), "/password", form).await.expect(200);
    let session = taken.cookie(SESSION).unwrap();
    send(session, "/auth/end", String::new()).await.expect(303);
    let over = anon.request("GET", "/auth").cookie(session).send().await;
    over.expect(401);
}

/// Two pages opened at once by a new browser: the visit that is kept is one page's alone, and each of
/// their forms is taken.
#[tokio::test]
async fn two_pages_of_a_new_browser_are_both_of_use() {
    let app = TestApp::new().await;
    app.leaves_mail();
    let anon = app.anon();
    let (_, first) = look(&anon, "/recovery", &[]).await;
    let (visit, second) = look(&anon, "/recovery", &[]).await;
    for (token, name) in [(first, "ann"), (second, "ben")] {
        let form = format!("form_token={token}&email={name}%40example.com");
        let draft = anon.request("POST", "/recovery").html();
        let draft = draft
            .header("sec-fetch-site", "same-origin")
            .header("cookie", &format!("{VISIT}={visit}"));
        draft.body(FORM, form).send().await.expect(202);
    }
}

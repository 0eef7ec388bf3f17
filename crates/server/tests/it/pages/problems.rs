//! Errors for users: on a separate page, or in the submitted form.

use doorward_domain::values::Role;

use super::Page;
use crate::support::TestApp;

#[tokio::test]
async fn each_problem_has_a_page_in_both_languages() {
    let app = TestApp::new().await;
    for language in ["en", "de"] {
        let code = |page: Page, code: &str| drop(page.shows(&[code, "<p class=\"hint\">"]));
        let anonymous = app.anonymous();
        code(Page::get(&anonymous, "/nope", language).await, "not-found");
        code(
            Page::get(&anonymous, "/user/me", language).await,
            "authentication-required",
        );
        code(
            Page::get(&anonymous.with_token("x"), "/user/me", language).await,
            "invalid-token",
        );
        code(
            Page::post(&anonymous, "/healthz", "", language).await,
            "method-not-allowed",
        );
        code(
            Page::post(&anonymous, "/user", "a=1&a=2", language).await,
            "malformed-request",
        );
        let link = format!("/recovery/{}", "A".repeat(43));
        for _ in 0..10 {
            let page = Page::get(&anonymous, &link, language).await;
            // The page offers a link of the same kind only.
            let page = page.shows(&["class=\"button\" href=\"/recover\""]);
            assert!(!page.0.contains("/sign-up/sent"));
            code(page, "link-expired");
        }
        let page = Page::get(&anonymous, &link, language).await;
        let wait = match language {
            "de" => "Versuchen Sie es in",
            _ => "Try again in",
        };
        let page = page.shows(&[wait, &format!("class=\"button\" href=\"{link}\"")]);
        code(page, "too-many-attempts");
        let away = anonymous
            .request("POST", "/auth")
            .html()
            .header("sec-fetch-site", "cross-site")
            .header("accept-language", language);
        code(
            Page::of(&away.form("username=ben").send().await, language),
            "cross-site-request",
        );
    }
}

/// Only the owner of the account can ask for another undo link, by another change.
#[tokio::test]
async fn an_expired_undo_link_offers_no_new_one() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    let anonymous = app.anonymous();
    for (language, new, not_me, texts) in [
        (
            "en",
            "Get a new link",
            "If you chose &quot;This wasn&#39;t me&quot;, there is nothing else",
            [
                "undone the change",
                "removed the authenticator apps",
                "can sign in",
            ],
        ),
        (
            "de",
            "Neuen Link anfordern",
            "Wenn Sie „Das war ich nicht“ gewählt haben",
            [
                "rückgängig gemacht",
                "Authenticator-Apps entfernt",
                "können Sie sich anmelden",
            ],
        ),
    ] {
        for (kind, text) in ["email", "factor", "deletion"].into_iter().zip(texts) {
            let link = format!("/{kind}-undo/{}", "A".repeat(43));
            let viewed = Page::get(&anonymous, &link, language).await;
            let sent = Page::post(&anonymous, &link, "", language).await;
            for page in [viewed, sent] {
                let page = page.shows(&["link-expired", text]);
                assert!(!page.0.contains(new), "{}", page.0);
            }
        }
        let link = format!("/confirmation/{}", "A".repeat(43));
        for path in [&link, &format!("{link}/cancel")] {
            let page = Page::post(&anonymous, path, "", language).await;
            page.shows(&[new, not_me, "href=\"/sign-in\"", "href=\"/sign-up/sent\""]);
        }
    }
}

/// Mail programs break long lines.
#[tokio::test]
async fn a_link_that_was_cut_off_is_called_incomplete() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    let anonymous = app.anonymous();
    for (language, title, help) in [
        ("en", "This link is incomplete", "Copy the whole link"),
        (
            "de",
            "Dieser Link ist unvollständig",
            "Kopieren Sie den ganzen Link",
        ),
    ] {
        for (path, next) in [
            ("/recovery/abc", "/recover"),
            ("/confirmation/abc", "/sign-up/sent"),
            ("/email-undo/abc", "/"),
            ("/factor-undo/abc", "/"),
            ("/deletion-undo/abc", "/"),
            ("/invitation/abc", "/"),
        ] {
            let viewed = Page::get(&anonymous, path, language).await;
            let sent = Page::post(&anonymous, path, "", language).await;
            for page in [viewed, sent] {
                let button = format!("class=\"button\" href=\"{next}\"");
                page.shows(&[title, help, "not-found", &button]);
            }
        }
    }
    anonymous
        .get("/recovery/abc")
        .await
        .expect_problem(404, "not-found");
}

/// Posts an invalid form: the page repeats the input, except passwords.
async fn refused(app: &TestApp, path: &str, form: &str, language: &str) -> Page {
    let client = &app.anonymous();
    app.advance_seconds(10);
    let page = Page::post(client, path, form, language).await;
    assert!(!page.0.contains("plum cake"), "{}", page.0);
    let title = match language {
        "de" => "<title>Fehler: ",
        _ => "<title>Error: ",
    };
    page.shows(&[title, "role=\"alert\"", &format!("action=\"{path}\"")])
}

#[tokio::test]
async fn a_rejected_form_is_shown_again_with_its_errors() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    app.pending("new").await;
    let right = "password=plum+cake+on+sundays";
    for language in ["en", "de"] {
        refused(&app, "/sign-in", "username=ben&password=wrong", language)
            .await
            .shows(&["value=\"ben\""]);
        refused(
            &app,
            "/sign-in",
            "username=ben%40example.com&password=wrong",
            language,
        )
        .await;
        let pending = refused(
            &app,
            "/sign-in",
            &format!("username=new%40example.com&{right}"),
            language,
        )
        .await;
        pending.shows(&[
            "action=\"/sign-up/sent\"",
            "name=\"email\" value=\"new@example.com\"",
        ]);
        let taken = format!("username=ben&{right}");
        refused(&app, "/sign-up", &taken, language)
            .await
            .shows(&["value=\"ben\""]);
        let odd = "username=%3Cb%3E&password=x";
        refused(&app, "/sign-up", odd, language)
            .await
            .shows(&["value=\"&lt;b&gt;\"", "aria-invalid=\"true\""])
            .shows(&["<a href=\"#username\">", "<a href=\"#password\">"]);
        for path in ["/recover", "/sign-up/sent"] {
            Page::get(&app.anonymous(), path, language).await;
            let wrong = refused(&app, path, "email=nope", language).await;
            wrong.shows(&["value=\"nope\"", "<a href=\"#email\">"]);
        }
        app.advance_seconds(10);
    }
}

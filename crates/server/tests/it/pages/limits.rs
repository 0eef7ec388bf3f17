//! Forms of requests over a rate limit.

use doorward_web::routes::table;

use super::browser::Browser;
use crate::support::TestApp;

#[tokio::test]
async fn a_form_over_a_rate_limit_is_shown_again_with_its_input_and_the_wait() {
    let forms = table().filter(|route| route.keeps_form);
    let paths: Vec<&str> = forms.map(|route| route.path).collect();
    assert_eq!(paths.len(), 6, "{paths:?}");
    for path in paths {
        let app = TestApp::new().await;
        app.allow_unread_mail();
        let mut browser = Browser::new(&app, "en");
        let mut number = 0;
        let page = loop {
            number += 1;
            // Each address is new, so that only the limit of the network applies.
            let password = match path {
                "/user" | "/sign-up" => "&password=plum+cake+on+sundays",
                _ => "",
            };
            let form = format!("email=b{number}%40example.com{password}");
            let answer = browser.post(path, &form).await;
            if answer.status == 429 {
                break browser.page(answer, 429);
            }
            answer.expect(303);
        };
        let input = format!("value=\"b{number}@example.com\"");
        let wait = "<p>Too many attempts. Try again in";
        page.shows(&["<title>Error:", wait, &input]);
    }
}

/// Nothing is done over the limit, and the page about the mail stays.
#[tokio::test]
async fn the_page_about_a_mail_shows_the_wait_before_the_next_one() {
    for (language, wait) in [
        ("en", "Too many attempts. Try again in"),
        ("de", "Zu viele Versuche. Versuchen Sie es in"),
    ] {
        let app = TestApp::new().await;
        app.user("ben").await;
        let mut browser = Browser::new(&app, language);
        let again = "email=ben%40example.com&again=yes";
        let page = loop {
            let answer = browser.post("/recover", again).await;
            let mails = app.mails().await.len();
            if answer.status == 429 {
                assert_eq!(mails, 0);
                break browser.page(answer, 429);
            }
            Browser::redirected(answer, "/recover/sent?again");
        };
        page.shows(&[wait, "name=\"again\"", "<bdi class=\"address\">ben@"]);
    }
}

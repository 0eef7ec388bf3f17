//! The pages from sign-up to sign-out.

use serde_json::json;

use super::Page;
use crate::support::{PASSWORD, TestApp, path_in};

#[tokio::test]
async fn each_page_of_a_journey_exists_in_both_languages() {
    let app = TestApp::new().await;
    for (language, welcome, ready, mail, ask, done, again, reset, set, hello) in [
        (
            "en",
            "Sign in",
            "Your account is ready",
            "Check your email",
            "<button>Confirm</button>",
            "Email address confirmed",
            "You&#39;re all set.",
            "Set a new password",
            "Password changed",
            "Hello, u-en",
        ),
        (
            "de",
            "Anmelden",
            "Ihr Konto ist bereit",
            "Schauen Sie in Ihr Postfach",
            "<button>Bestätigen</button>",
            "E-Mail-Adresse bestätigt",
            "Es ist nichts mehr zu tun",
            "Neues Passwort setzen",
            "Passwort geändert",
            "Hallo, u-de",
        ),
    ] {
        let anonymous = app.anonymous();
        Page::get(&anonymous, "/", language)
            .await
            .shows(&[welcome, "/recovery"]);
        let form = format!(
            "username=u-{language}&email=u-{language}%40example.com&password=plum+cake+on+sundays"
        );
        let address = format!("u-{language}@example.com");
        Page::post(&anonymous, "/user", &form, language)
            .await
            .shows(&[ready, &address]);
        let letter = app.one_mail().await;
        assert_eq!(letter.locale.tag(), language);
        let link = path_in(&letter);
        Page::get(&anonymous, &link, language).await.shows(&[
            ask,
            &format!("action=\"{link}\""),
            &format!("action=\"{link}/cancel\""),
            "2026-11-21",
        ]);
        Page::post(&anonymous, &link, "", language)
            .await
            .shows(&[done]);
        Page::get(&anonymous, &link, language).await.shows(&[again]);
        Page::get(&anonymous, "/recovery", language)
            .await
            .shows(&["action=\"/recovery\""]);
        Page::post(
            &anonymous,
            "/recovery",
            &format!("email=u-{language}%40example.com"),
            language,
        )
        .await
        .shows(&[mail]);
        let link = path_in(&app.one_mail().await);
        Page::get(&anonymous, &link, language).await.shows(&[
            reset,
            &format!("action=\"{link}\""),
            "autocomplete=\"new-password\"",
        ]);
        let refused = Page::post(&anonymous, &link, "new_password=iloveyou", language).await;
        refused.shows(&["aria-invalid=\"true\"", &format!("action=\"{link}\"")]);
        for short in [
            "new_password=x",
            "new_password=",
            &format!("new_password={}", "x".repeat(300)),
            &format!("new_password=u-{language}u-{language}"),
        ] {
            Page::post(&app.anonymous(), &link, short, language)
                .await
                .shows(&["aria-invalid=\"true\""]);
        }
        Page::post(
            &app.anonymous(),
            &link,
            "new_password=two+boats+and+a+lamp",
            language,
        )
        .await
        .shows(&[set]);
        Page::get(&app.anonymous(), &link, language)
            .await
            .shows(&["link-expired", "/recovery"]);
        let ben = app.anonymous();
        let body = json!({"username": format!("u-{language}"), "password": "two boats and a lamp"});
        let token = ben.post("/auth", body).await.expect(201).json()["token"]
            .as_str()
            .unwrap()
            .to_owned();
        let home = ben
            .request("GET", "/")
            .cookie(&token)
            .html()
            .header("accept-language", language)
            .send()
            .await;
        Page::of(&home, language).shows(&[hello, &address, "action=\"/auth/sign-out\""]);
        let named = format!("username=only-{language}&password=plum+cake+on+sundays");
        Page::post(&app.anonymous(), "/user", &named, language).await;
        assert_eq!(app.one_mail().await.kind.template(), "password-changed");
    }
}

#[tokio::test]
async fn an_address_change_and_its_cancellation_have_pages() {
    let app = TestApp::new().await;
    for (language, question, thanks) in [
        (
            "en",
            "Is this the address of your account?",
            "Thanks for letting us know",
        ),
        ("de", "Ist das die Adresse Ihres Kontos?", "<h1>"),
    ] {
        let name = format!("ben-{language}");
        let ben = app.user(&name).await;
        let to = format!("new-{language}@example.org");
        ben.put("/user/me/email", json!({"email": to, "password": PASSWORD}))
            .await
            .expect(202);
        let mails = app.mails().await;
        let link = path_in(mails.iter().find(|mail| mail.to.as_str() == to).unwrap());
        Page::get(&app.anonymous(), &link, language)
            .await
            .shows(&[question, &to]);
        Page::post(&app.anonymous(), &format!("{link}/cancel"), "", language)
            .await
            .shows(&[thanks]);
        Page::get(&app.anonymous(), &link, language).await;
        assert!(
            ben.get("/user/me")
                .await
                .json()
                .get("pending_email")
                .is_none()
        );
    }
}

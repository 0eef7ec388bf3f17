//! Why a user cannot sign in, on the page of the user in the console.

use doorward_domain::values::Role;
use serde_json::json;

use super::console_access::admin_browser;
use crate::factors::{challenge, code, enrol};
use crate::support::{PASSWORD, TestApp};

/// Signs in with the password and a wrong code. Returns the status.
async fn enter_wrong_code(app: &TestApp, name: &str) -> u16 {
    let client = app.anonymous();
    let challenge = challenge(&client, name).await;
    let body = json!({"challenge": challenge, "kind": "totp", "code": "000000"});
    client.post("/auth/factor", body).await.status
}

#[tokio::test]
async fn a_lockout_of_codes_is_shown_with_its_time_and_what_ends_it() {
    for (language, badge, text) in [
        (
            "en",
            "Codes locked out</span> since <time datetime=\"2026-11-21T08:02:30Z\"",
            "It ends when the user signs in with a recovery code,",
        ),
        (
            "de",
            "Zu viele falsche Codes</span> seit <time datetime=\"2026-11-21T08:02:30Z\"",
            "Es endet mit einer Anmeldung mit einem Wiederherstellungscode",
        ),
    ] {
        let app = TestApp::with(|options| options.policy.limits.lockout_after = 2).await;
        let mut browser = admin_browser(&app, language).await;
        let ben = app.user("ben").await;
        let (enrolment, recovery_codes) = enrol(&app, &ben, "Phone").await;
        for expected in [401, 401, 429] {
            let page = browser.get("/admin/users/ben").await;
            let page = browser.page(page, 200).0;
            let is_locked_out = expected == 429;
            assert_eq!(page.contains(badge), is_locked_out, "{page}");
            assert_eq!(page.contains(text), is_locked_out, "{page}");
            app.advance_seconds(60);
            assert_ne!(code(&app, &enrolment), "000000");
            assert_eq!(enter_wrong_code(&app, "ben").await, expected);
        }
        let client = app.anonymous();
        let challenge = challenge(&client, "ben").await;
        let recovery = &recovery_codes[0];
        let body = json!({"challenge": challenge, "kind": "recovery-code", "code": recovery});
        client.post("/auth/factor", body).await.expect(201);
        let page = browser.get("/admin/users/ben").await;
        let page = browser.page(page, 200).0;
        assert!(!page.contains(badge) && !page.contains(text), "{page}");
    }
}

#[tokio::test]
async fn each_reason_of_a_failed_sign_in_has_its_words() {
    for (language, wrong_code, unconfirmed, disabled, deletion) in [
        (
            "en",
            "Wrong code",
            "Address not confirmed",
            "Account disabled",
            "The account will be deleted",
        ),
        (
            "de",
            "Falscher Code",
            "Adresse nicht bestätigt",
            "Konto gesperrt",
            "Das Konto wird gelöscht",
        ),
    ] {
        let app = TestApp::new().await;
        app.allow_unread_mail();
        let mut browser = admin_browser(&app, language).await;
        let root = app.sign_in("root").await;
        for name in ["ada", "cleo", "dan"] {
            app.create(name, Role::User).await;
        }
        let ben = app.user("ben").await;
        enrol(&app, &ben, "Phone").await;
        assert_eq!(enter_wrong_code(&app, "ben").await, 401);
        app.unconfirmed("eve").await;
        let status = json!({"status": "disabled"});
        root.put("/user/cleo/status", status).await.expect(200);
        let dan = app.sign_in("dan").await;
        let proof = json!({"password": PASSWORD});
        dan.put("/user/me/deletion", proof).await.expect(200);
        app.advance_seconds(1);
        for body in [
            json!({"email": "eve@example.com", "password": PASSWORD}),
            json!({"username": "cleo", "password": PASSWORD}),
            json!({"username": "dan", "password": PASSWORD}),
        ] {
            app.anonymous().post("/auth", body).await.expect(403);
        }
        for (name, reason) in [
            ("ben", wrong_code),
            ("eve", unconfirmed),
            ("cleo", disabled),
            ("dan", deletion),
        ] {
            let page = browser.get(&format!("/admin/users/{name}")).await;
            browser.page(page, 200).shows(&[&format!(
                "</time> · {reason} · <a href=\"/admin/audit?address=10."
            )]);
        }
    }
}

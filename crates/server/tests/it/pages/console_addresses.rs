//! Addresses that an admin enters for other users.

use doorward_domain::values::Role;

use super::console_access::admin_browser;
use crate::support::{PASSWORD, TestApp};

/// The admin cannot sign in instead, and can see which users there are.
#[tokio::test]
async fn an_address_that_another_user_has_is_reported_at_the_field() {
    for (language, taken, missing, unchanged) in [
        (
            "en",
            "An account with this email address already exists.",
            "Enter an email address.",
            "This user already has this address.",
        ),
        (
            "de",
            "Zu dieser Adresse gibt es schon ein Konto.",
            "Geben Sie eine E‑Mail-Adresse ein.",
            "Dieses Konto hat diese Adresse bereits.",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        app.create("ben", Role::User).await;
        app.create("ada", Role::User).await;
        let change = format!("password={}&email", PASSWORD.replace(' ', "+"));
        for (path, form, status, text) in [
            ("new", "email=ada%40example.com", 409, taken),
            ("new", "username=cleo&delivery=mail", 422, missing),
            (
                "ben/email",
                &*format!("{change}=ada%40example.com"),
                409,
                taken,
            ),
            ("ben/email", &*format!("{change}="), 422, missing),
            (
                "ben/email",
                &*format!("{change}=ben%40example.com"),
                422,
                unchanged,
            ),
        ] {
            let page = browser.post(&format!("/admin/users/{path}"), form).await;
            browser.page(page, status).shows(&[
                &format!("<p><a href=\"#email\">{text}</a></p>"),
                &format!("<p class=\"fault\" id=\"email-fault\">{text}</p>"),
            ]);
        }
    }
}

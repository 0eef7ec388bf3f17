//! Pages: localized, working without JavaScript, with all user input escaped.

mod account;
mod account_changes;
mod account_records;
mod brand;
mod browser;
mod console_access;
mod console_acts;
mod console_addresses;
mod console_audit;
mod console_failures;
mod console_health;
mod console_invitations;
mod console_keys;
mod console_outbox;
mod console_overview;
mod console_proofs;
mod console_settings;
mod console_several;
mod console_users;
mod deletion;
mod documents;
mod escaping;
mod factors;
mod invitation;
mod language;
mod limits;
mod problems;
mod recovery;
mod reference;
mod sign_in;
mod sign_up;
mod straight_in;

use doorward_web::routes::table;

use crate::support::{Client, TestResponse};

/// The pages of the account area that show nothing but the user's own account.
fn account_pages() -> impl Iterator<Item = &'static str> {
    let is_page = |path: &&str| path.starts_with("/account") && !path.contains('{');
    let pages = table().filter(|route| route.is_page && route.method == "GET");
    pages.map(|route| route.path).filter(is_page)
}

/// A page that passed the checks for every page.
pub struct Page(pub String);

impl Page {
    pub async fn get(client: &Client, path: &str, language: &str) -> Self {
        let answer = client
            .request("GET", path)
            .html()
            .header("accept-language", language)
            .send()
            .await;
        Self::of(&answer, language)
    }

    pub async fn post(client: &Client, path: &str, form: &str, language: &str) -> Self {
        let draft = client
            .request("POST", path)
            .on_our_page()
            .header("accept-language", language);
        Self::of(&draft.form(form).send().await, language)
    }

    /// Checks for every page (W-01, P-11).
    #[track_caller]
    pub fn of(answer: &TestResponse, language: &str) -> Self {
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{}",
            answer.text()
        );
        let html = answer.text();
        // Scripts from Doorward, which the page does not need: that of all pages, and that of the reference.
        let mut html = html;
        for name in ["script", "reference"] {
            let start = format!("<script src=\"/assets/{name}-");
            if let Some((before, rest)) = html.split_once(&start) {
                let (_, rest) = rest.split_once(".js\" type=\"module\"></script>").unwrap();
                html = format!("{before}{rest}");
            } else {
                assert_eq!(name, "reference");
            }
        }
        assert!(
            html.starts_with(&format!("<!doctype html>\n<html lang=\"{language}\">")),
            "{html}"
        );
        // Images in a page are icons, or a QR code, which the server makes; and plots, which stay.
        while let Some((before, image)) = html.split_once("<svg ")
            && (before.contains("class=\"qr\"") || image.starts_with("class=\"icon\""))
        {
            let (_, after) = image.split_once("</svg>").unwrap();
            html = format!("{before}{after}");
        }
        let lower = html.to_lowercase().replace("<svg class=\"plot\"", "");
        for banned in [
            "<script",
            "<style",
            " style=",
            "<iframe",
            "<object",
            "<base",
            "http-equiv",
            "<svg",
        ] {
            assert!(!lower.contains(banned), "{banned}: {html}");
        }
        for image in html.split("<img ").skip(1) {
            assert!(image.starts_with("src=\"/assets/"), "{image}");
        }
        for tag in lower.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            assert!(
                !tag.split_whitespace()
                    .skip(1)
                    .any(|attribute| attribute.starts_with("on")),
                "{tag}"
            );
        }
        for place in html
            .split("src=\"")
            .skip(1)
            .chain(html.split("href=\"").skip(1))
            .chain(html.split("action=\"").skip(1))
        {
            assert!(
                place.starts_with(['/', '#'])
                    || place.starts_with("https://accounts.example")
                    || place.starts_with("otpauth://totp/")
                    || place.starts_with("data:text/plain;charset=utf-8,"),
                "{}",
                &place[..40]
            );
        }
        assert_eq!(html.matches("<h1").count(), 1, "{html}");
        assert!(html.contains("<title>") && !html.contains("<title> ·"));
        let page = Self(html);
        page.assert_labelled();
        page
    }

    /// Every visible field has a label, and every form posts, except for those that filter a list.
    #[track_caller]
    fn assert_labelled(&self) {
        for input in self.0.split("<input ").skip(1) {
            let input = input.split('>').next().unwrap();
            assert!(input.contains("autocomplete=\""), "{input}");
            if input.contains("type=\"hidden\"") || input.ends_with(" hidden") {
                continue;
            }
            self.assert_filled_in_by_managers(input);
            let id = input
                .split("id=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            assert!(self.0.contains(&format!("<label for=\"{id}\"")), "{input}");
            for described in input.split("aria-describedby=\"").skip(1) {
                for id in described.split('"').next().unwrap().split(' ') {
                    assert!(self.0.contains(&format!("id=\"{id}\"")), "{id}");
                }
            }
        }
        for form in self.0.split("<form ").skip(1) {
            let is_filter = form.starts_with("method=\"get\" action=\"/admin/");
            let posts = form.starts_with("method=\"post\" action=\"/");
            assert!(posts || is_filter, "{form}");
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains("<button"), "{form}");
        }
    }

    /// P-11: the attributes for password managers, and the label of the button that a script adds.
    #[track_caller]
    fn assert_filled_in_by_managers(&self, input: &str) {
        let attribute = |name: &str| {
            let (_, rest) = input.split_once(&format!(" {name}=\""))?;
            rest.split('"').next()
        };
        let is_password = attribute("type") == Some("password");
        let filled = attribute("autocomplete").unwrap();
        let wanted: &[&str] = match is_password {
            true => &["current-password", "new-password"],
            false => &["username", "email", "name", "one-time-code", "off"],
        };
        assert!(wanted.contains(&filled), "{input}");
        let labels = match self.0.contains("<html lang=\"de\">") {
            true => ("Passwort anzeigen", "Passwort verbergen"),
            false => ("Show password", "Hide password"),
        };
        assert_eq!(
            attribute("data-show").zip(attribute("data-hide")),
            is_password.then_some(labels),
            "{input}"
        );
        assert!(
            attribute("maxlength").is_none() && !input.contains("onpaste"),
            "{input}"
        );
    }

    #[track_caller]
    pub fn shows(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.0.contains(word), "no {word} in {}", self.0);
        }
        self
    }
}

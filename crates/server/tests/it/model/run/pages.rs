//! Sign-up and confirmation on pages, which sign a browser in.

use proptest::sample::Index;
use serde_json::{Value, json};

use super::{EMAILS, ModelRun, NAMES, PASSWORDS};
use crate::model::state::SignUpCookie;
use crate::support::TestResponse;

const SESSION: &str = "__Host-doorward";
const SIGN_UP: &str = "__Host-doorward-sign-up";

impl ModelRun {
    pub(super) async fn sign_up_on_page(
        &mut self,
        name: Option<usize>,
        email: Option<usize>,
        password: usize,
    ) {
        let form = format!(
            "username={}&email={}&password={}",
            name.map_or("", |name| NAMES[name]),
            email.map_or(String::new(), |email| EMAILS[email].replace('@', "%40")),
            PASSWORDS[password].replace(' ', "+")
        );
        let anonymous = self.app.anonymous();
        let draft = anonymous.request("POST", "/sign-up").on_our_page();
        let answer = draft.form(&form).send().await;
        let expected = self.sign_up_status(name, email, 303);
        let answer = answer.expect(expected);
        if expected != 303 {
            assert!(answer.cookies().is_empty());
            return;
        }
        let account = self.state.doorward.len();
        self.signed_up(self.newest_id().await, name, email, password);
        match name {
            Some(_) => {
                assert_eq!(answer.cookie(SIGN_UP), None);
                self.open_in_browser(account, &answer).await;
            }
            None => {
                assert_eq!(answer.cookie(SESSION), None);
                self.state.cookies.push(SignUpCookie {
                    value: answer.cookie(SIGN_UP).unwrap().to_owned(),
                    account,
                    email: email.unwrap(),
                    action: self.action,
                    at: self.now(),
                });
            }
        }
    }

    /// The id of the one user whom the model does not know.
    async fn newest_id(&self) -> String {
        let admin = self.app.sign_in("root").await;
        let users = admin.get("/user?limit=200").await.expect(200).json();
        let ids = users["items"].as_array().unwrap().iter();
        let ids = ids.filter(|user| user["username"] != "root");
        let ids = ids.map(|user| user["id"].as_str().unwrap());
        let unknown = ids.filter(|id| self.state.by_id(id).is_none());
        let unknown: Vec<&str> = unknown.collect();
        assert_eq!(unknown.len(), 1);
        unknown[0].to_owned()
    }

    pub(super) async fn confirm_on_page(&mut self, link: &Index, cookie: Option<&Index>) {
        let Some(link) = self.link(link) else {
            return;
        };
        let (mail, cookies) = (&self.state.mails[link], &self.state.cookies);
        if mail.is_recovery() {
            return;
        }
        let cookie = cookie.filter(|_| !cookies.is_empty());
        // That of a recent sign-up is chosen more often.
        let cookie =
            cookie.map(|index| &cookies[cookies.len() - 1 - index.index(cookies.len().min(3))]);
        let anonymous = self.app.anonymous();
        let mut draft = anonymous.request("POST", &mail.path).on_our_page();
        if let Some(cookie) = cookie {
            draft = draft.header("cookie", &format!("{SIGN_UP}={}", cookie.value));
        }
        let answer = draft.send().await;
        let (account, to, now) = (mail.account, mail.to, self.now());
        let is_again = self.state.doorward[account].email == Some(to);
        let has_other_owner = !is_again && self.state.owner(to).is_some();
        let confirms = self.state.is_good(link, now) && !is_again && !has_other_owner;
        let signs_in = cookie.is_some_and(|cookie| self.state.signs_in(cookie, link, now));
        if !(confirms && signs_in) {
            let is_shown = answer.status == 303;
            assert_eq!(
                is_shown,
                confirms || (is_again && is_shown),
                "{}",
                answer.text()
            );
            assert_eq!(answer.cookie(SESSION), None, "{:?}", self.state);
            if confirms {
                self.address_is_confirmed(link);
            }
            return;
        }
        let entered_at = cookie.map(|cookie| cookie.at);
        self.address_is_confirmed(link);
        self.open_in_browser(account, &answer.expect(303)).await;
        let opened = self.state.sessions.last_mut().unwrap();
        opened.entered_at = entered_at.unwrap();
    }

    /// The session whose cookie the response sets.
    async fn open_in_browser(&mut self, account: usize, answer: &TestResponse) {
        let token = answer.cookie(SESSION).unwrap();
        let client = self.app.anonymous().with_token(token);
        let session: Value = client.get("/auth").await.expect(200).json();
        assert_eq!(session["user"]["id"], self.state.doorward[account].id);
        let expires_at = &session["session"]["expires_at"];
        self.open(account, &json!({"token": token, "expires_at": expires_at}));
    }
}

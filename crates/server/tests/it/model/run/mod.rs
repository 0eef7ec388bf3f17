//! Performs the actions on the server, compares each with the model, and updates the model.

mod mails;
mod pages;

use doorward_domain::values::Role;
use jiff::{SignedDuration, Timestamp};
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::actions::{AccountName, Action};
use super::state::{Account, AccountState, OpenedSession, State};
use crate::support::{Client, TestApp};

const NAMES: [&str; 3] = ["anna", "bert", "cleo"];
const EMAILS: [&str; 3] = ["one@example.org", "two@example.org", "three@example.org"];
const PASSWORDS: [&str; 3] = [
    "plum cake on sundays",
    "two boats and a lamp",
    "a third one for luck",
];
/// Routes with a body, for requests with an empty one.
const BLANK: [(&str, &str); 6] = [
    ("POST", "/user"),
    ("POST", "/auth"),
    ("PUT", "/password"),
    ("PUT", "/user/me/email"),
    ("POST", "/recovery"),
    ("POST", "/confirmation"),
];

/// One run.
pub struct ModelRun {
    app: TestApp,
    state: State,
    /// Number of the action.
    action: usize,
}

fn fields(identifier: AccountName) -> Map<String, Value> {
    let (key, value) = match identifier {
        AccountName::Name(name) => ("username", NAMES[name]),
        AccountName::Email(email) => ("email", EMAILS[email]),
    };
    Map::from_iter([(key.to_owned(), json!(value))])
}

impl ModelRun {
    pub async fn begin() -> Self {
        let app = TestApp::with(|options| options.policy.throttle = false).await;
        app.allow_unread_mail();
        app.create("root", Role::Admin).await;
        Self {
            app,
            state: State::default(),
            action: 0,
        }
    }

    fn now(&self) -> Timestamp {
        use doorward_domain::clock::Clock;
        self.app.clock.now()
    }

    /// Performs the action, reads the mails, and checks every token again.
    pub async fn action(&mut self, action: &Action) {
        self.action += 1;
        let before = self.state.doorward.len();
        let meant = self.meant(action);
        self.call(action).await;
        self.read_mail(meant.or((self.state.doorward.len() > before).then_some(before)))
            .await;
        self.state.assert_invariants();
        for session in 0..self.state.sessions.len() {
            let answer = self.of(session).get("/auth").await;
            let opens = self.state.is_open(session, self.now());
            assert_eq!(
                answer.status == 200,
                opens,
                "{action:?}: session {session} of {:?}",
                self.state
            );
        }
    }

    async fn call(&mut self, action: &Action) {
        match action {
            Action::SignUp {
                name,
                email,
                password,
            } => self.sign_up(*name, *email, *password).await,
            Action::SignUpOnPage {
                name,
                email,
                password,
            } => self.sign_up_on_page(*name, *email, *password).await,
            Action::SignIn {
                identifier,
                password,
            } => self.sign_in(*identifier, *password).await,
            Action::SignOut(_) | Action::Renew(_) | Action::EndSessions(_) | Action::Delete(_) => {
                self.use_session(action).await;
            }
            Action::ChangePassword {
                session,
                current,
                new,
            } => {
                if let Some(session) = self.session(session) {
                    self.change_password(Some(session), None, *current, *new)
                        .await;
                }
            }
            Action::ChangePasswordByName {
                identifier,
                current,
                new,
            } => {
                self.change_password(None, Some(*identifier), *current, *new)
                    .await;
            }
            Action::ChangeEmail {
                session,
                email,
                password,
            } => {
                if let Some(session) = self.session(session) {
                    self.change_email(session, *email, *password).await;
                }
            }
            Action::AskConfirmation(email) => self.ask("/confirmation", *email).await,
            Action::AskRecovery(email) => self.ask("/recovery", *email).await,
            Action::LookAt(_)
            | Action::Confirm(_)
            | Action::Disown(_)
            | Action::Recover { .. }
            | Action::Swap(_) => {
                self.use_link(action).await;
            }
            Action::ConfirmOnPage { link, cookie } => {
                self.confirm_on_page(link, cookie.as_ref()).await;
            }
            Action::Blank { route, session } => self.send_nothing(*route, session.as_ref()).await,
            Action::Disable(account) => self.set_status(account, "disabled").await,
            Action::Enable(account) => self.set_status(account, "active").await,
            Action::Remove(account) => self.remove(account).await,
            Action::Wait(minutes) => self.app.advance(SignedDuration::from_mins(*minutes)),
        }
    }

    fn of(&self, session: usize) -> Client {
        self.app
            .anonymous()
            .with_token(&self.state.sessions[session].token)
    }

    fn session(&self, index: &Index) -> Option<usize> {
        let count = self.state.sessions.len();
        (count > 0).then(|| index.index(count))
    }

    fn account(&self, index: &Index) -> Option<usize> {
        let count = self.state.doorward.len();
        (count > 0).then(|| index.index(count))
    }

    async fn sign_up(&mut self, name: Option<usize>, email: Option<usize>, password: usize) {
        let mut body = Map::from_iter([("password".to_owned(), json!(PASSWORDS[password]))]);
        name.map(|name| body.insert("username".to_owned(), json!(NAMES[name])));
        email.map(|email| body.insert("email".to_owned(), json!(EMAILS[email])));
        let answer = self
            .app
            .anonymous()
            .post("/user", Value::Object(body))
            .await;
        let expected = self.sign_up_status(name, email, 201);
        let answer = answer.expect(expected);
        if expected != 201 {
            return;
        }
        let user = answer.json();
        assert_eq!(user["email"], Value::Null, "an address before its link");
        let id = user["id"].as_str().unwrap().to_owned();
        self.signed_up(id, name, email, password);
    }

    /// The status of the response to a sign-up, if that to a successful one is `created`.
    fn sign_up_status(&self, name: Option<usize>, email: Option<usize>, created: u16) -> u16 {
        let is_free = name.is_none_or(|name| self.state.named(name).is_none());
        match (name, email) {
            (None, None) => 422,
            _ if is_free => created,
            _ => 409,
        }
    }

    fn signed_up(
        &mut self,
        id: String,
        name: Option<usize>,
        email: Option<usize>,
        password: usize,
    ) {
        let life = match name {
            None => AccountState::Pending,
            Some(_) => AccountState::Active,
        };
        self.state.doorward.push(Account {
            id,
            life,
            name,
            email: None,
            pending: email,
            password,
            pending_at: self.action,
            changed_at: 0,
        });
    }

    /// The account that this identifier and password sign in to.
    fn opened_by(&self, identifier: AccountName, password: usize) -> Option<usize> {
        let at = match identifier {
            AccountName::Name(name) => self.state.named(name),
            AccountName::Email(email) => self.state.owner(email),
        }?;
        let account = &self.state.doorward[at];
        (account.life == AccountState::Active && account.password == password).then_some(at)
    }

    async fn sign_in(&mut self, identifier: AccountName, password: usize) {
        let mut body = fields(identifier);
        body.insert("password".to_owned(), json!(PASSWORDS[password]));
        let answer = self
            .app
            .anonymous()
            .post("/auth", Value::Object(body))
            .await;
        let Some(account) = self.opened_by(identifier, password) else {
            assert!(matches!(answer.status, 401 | 403), "{}", answer.text());
            return;
        };
        let session = answer.expect(201).json();
        assert_eq!(session["user"]["id"], self.state.doorward[account].id);
        self.open(account, &session);
    }

    /// A session of a password that was entered now.
    fn open(&mut self, account: usize, session: &Value) {
        self.state.sessions.push(OpenedSession {
            token: session["token"].as_str().unwrap().to_owned(),
            account,
            is_open: true,
            until: session["expires_at"].as_str().unwrap().parse().unwrap(),
            begun: self.now(),
            entered_at: self.now(),
        });
    }

    async fn use_session(&mut self, action: &Action) {
        let (method, path, index) = match action {
            Action::SignOut(index) => ("DELETE", "/auth", index),
            Action::Renew(index) => ("POST", "/auth/renewal", index),
            Action::EndSessions(index) => ("DELETE", "/user/me/session", index),
            Action::Delete(index) => ("DELETE", "/user/me", index),
            _ => unreachable!("not an action of a session alone"),
        };
        let Some(session) = self.session(index) else {
            return;
        };
        let (client, was_open) = (self.of(session), self.state.is_open(session, self.now()));
        let answer = client.request(method, path).send().await;
        if !was_open {
            answer.expect(401);
            return;
        }
        let account = self.state.sessions[session].account;
        match (action, answer.status) {
            (Action::Renew(_), 200) => {
                self.state.sessions[session].is_open = false;
                let before = &self.state.sessions[session];
                let (begun, entered_at) = (before.begun, before.entered_at);
                self.open(account, &answer.json());
                let renewed = self.state.sessions.last_mut().unwrap();
                (renewed.begun, renewed.entered_at) = (begun, entered_at);
                let longest = begun + SignedDuration::from_hours(30 * 24);
                assert!(renewed.until <= longest, "renewed beyond its end");
                // The previous token is valid for another 30 seconds, in which no one uses it.
                self.app.advance_seconds(31);
                // Used after that, it would end the new session, so the model drops it.
                self.state.sessions.remove(session);
            }
            (Action::SignOut(_), 204) => self.state.sessions[session].is_open = false,
            (Action::EndSessions(_), 204) => {
                self.state.secure(account, self.action, None);
            }
            (Action::Delete(_), 204) => self.state.doorward[account].life = AccountState::Gone,
            // After some time, the password is required again.
            (Action::Delete(_), 401) => {
                assert_eq!(answer.json()["code"], "reauthentication-required");
                let age = self
                    .now()
                    .duration_since(self.state.sessions[session].entered_at);
                assert!(age > SignedDuration::from_mins(4), "{}", answer.text());
            }
            _ => panic!("{action:?}: {} {}", answer.status, answer.text()),
        }
    }

    async fn change_password(
        &mut self,
        session: Option<usize>,
        identifier: Option<AccountName>,
        current: usize,
        new: usize,
    ) {
        let mut body = identifier.map(fields).unwrap_or_default();
        body.insert("current_password".to_owned(), json!(PASSWORDS[current]));
        body.insert("new_password".to_owned(), json!(PASSWORDS[new]));
        let client = session.map_or_else(|| self.app.anonymous(), |session| self.of(session));
        let may = match (session, identifier) {
            (Some(session), _) if self.state.is_open(session, self.now()) => {
                let account = self.state.sessions[session].account;
                (self.state.doorward[account].password == current).then_some(account)
            }
            (None, Some(identifier)) => self.opened_by(identifier, current),
            _ => None,
        };
        let answer = client.put("/password", Value::Object(body)).await;
        match (may, answer.status) {
            (Some(account), 204) => {
                self.state.doorward[account].password = new;
                self.state.secure(account, self.action, session);
            }
            // The new password equals the old one.
            (Some(_), 422) => assert_eq!(current, new),
            (Some(_), _) => panic!("{} {}", answer.status, answer.text()),
            (None, status) => assert!(matches!(status, 401 | 403), "{}", answer.text()),
        }
    }

    async fn change_email(&mut self, session: usize, email: usize, password: usize) {
        let body = json!({"email": EMAILS[email], "password": PASSWORDS[password]});
        let account = self.state.sessions[session].account;
        let may = self.state.is_open(session, self.now())
            && self.state.doorward[account].password == password;
        let answer = self.of(session).put("/user/me/email", body).await;
        match (may, answer.status) {
            (true, 202) => {
                let account = &mut self.state.doorward[account];
                (account.pending, account.pending_at) = (Some(email), self.action);
            }
            (true, 422) => assert_eq!(self.state.doorward[account].email, Some(email)),
            (true, _) => panic!("{} {}", answer.status, answer.text()),
            (false, status) => assert!(matches!(status, 401 | 403), "{}", answer.text()),
        }
    }

    async fn send_nothing(&self, route: usize, session: Option<&Index>) {
        let (method, path) = BLANK[route];
        let client = match session.and_then(|index| self.session(index)) {
            Some(session) => self.of(session),
            None => self.app.anonymous(),
        };
        for body in ["{}", "", "null", "[]"] {
            let draft = client.request(method, path).body("application/json", body);
            let answer = draft.send().await;
            assert!((400..500).contains(&answer.status), "{path} {body}");
        }
    }

    async fn set_status(&mut self, index: &Index, status: &str) {
        let Some(at) = self.account(index) else {
            return;
        };
        let path = format!("/user/{}/status", self.state.doorward[at].id);
        let admin = self.app.sign_in("root").await;
        let answer = admin.put(&path, json!({ "status": status })).await;
        if self.state.doorward[at].life == AccountState::Gone {
            answer.expect(404);
            return;
        }
        if answer.status != 200 {
            // Only its mailbox activates a sign-up.
            assert_eq!(
                self.state.doorward[at].life,
                AccountState::Pending,
                "{}",
                answer.text()
            );
            return;
        }
        let shown = answer.json()["status"].as_str().unwrap().to_owned();
        let was = self.state.doorward[at].life;
        let life = match shown.as_str() {
            "active" => AccountState::Active,
            "pending" => AccountState::Pending,
            _ => AccountState::Disabled,
        };
        let account = &self.state.doorward[at];
        let has_identifier = account.email.is_some() || account.name.is_some();
        assert!(life != AccountState::Active || has_identifier, "R-09");
        self.state.doorward[at].life = life;
        if life == AccountState::Disabled && was != AccountState::Disabled {
            // A pending address is dropped, except that of an account that has nothing else to sign in with.
            if has_identifier {
                self.state.doorward[at].pending = None;
            }
            self.state.secure(at, self.action, None);
        }
    }

    async fn remove(&mut self, index: &Index) {
        let Some(at) = self.account(index) else {
            return;
        };
        let path = format!("/user/{}", self.state.doorward[at].id);
        let answer = self.app.sign_in("root").await.delete(&path).await;
        match self.state.doorward[at].life {
            AccountState::Gone => answer.expect(404),
            _ => answer.expect(204),
        };
        self.state.doorward[at].life = AccountState::Gone;
    }
}

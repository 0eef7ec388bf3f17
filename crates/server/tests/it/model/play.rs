//! Performs the acts on the server, compares each with the model, and updates the model.

mod mails;

use doorward_domain::model::Role;
use jiff::{SignedDuration, Timestamp};
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::acts::{Act, Who};
use super::state::{Account, Life, Opened, State};
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
pub struct Play {
    app: TestApp,
    state: State,
    /// Number of the act.
    act: usize,
}

fn fields(who: Who) -> Map<String, Value> {
    let (key, value) = match who {
        Who::Name(name) => ("username", NAMES[name]),
        Who::Email(email) => ("email", EMAILS[email]),
    };
    Map::from_iter([(key.to_owned(), json!(value))])
}

impl Play {
    pub async fn begin() -> Self {
        let app = TestApp::with(|options| options.policy.throttle = false).await;
        app.leaves_mail();
        app.create("root", Role::Admin).await;
        Self {
            app,
            state: State::default(),
            act: 0,
        }
    }

    fn now(&self) -> Timestamp {
        use doorward_domain::ports::Clock;
        self.app.clock.now()
    }

    /// Performs the act, reads the mails, and checks every token again.
    pub async fn act(&mut self, act: &Act) {
        self.act += 1;
        let before = self.state.accounts.len();
        let meant = self.meant(act);
        self.call(act).await;
        self.read_mail(meant.or((self.state.accounts.len() > before).then_some(before)))
            .await;
        self.state.assert_sound();
        for session in 0..self.state.sessions.len() {
            let answer = self.of(session).get("/auth").await;
            let opens = self.state.is_open(session, self.now());
            assert_eq!(
                answer.status == 200,
                opens,
                "{act:?}: session {session} of {:?}",
                self.state
            );
        }
    }

    async fn call(&mut self, act: &Act) {
        match act {
            Act::SignUp {
                name,
                email,
                password,
            } => self.sign_up(*name, *email, *password).await,
            Act::SignIn { who, password } => self.sign_in(*who, *password).await,
            Act::SignOut(_) | Act::Renew(_) | Act::EndSessions(_) | Act::Delete(_) => {
                self.use_session(act).await;
            }
            Act::ChangePassword {
                session,
                current,
                new,
            } => {
                if let Some(session) = self.session(session) {
                    self.change_password(Some(session), None, *current, *new)
                        .await;
                }
            }
            Act::ChangePasswordByName { who, current, new } => {
                self.change_password(None, Some(*who), *current, *new).await;
            }
            Act::ChangeEmail {
                session,
                email,
                password,
            } => {
                if let Some(session) = self.session(session) {
                    self.change_email(session, *email, *password).await;
                }
            }
            Act::AskConfirmation(email) => self.ask("/confirmation", *email).await,
            Act::AskRecovery(email) => self.ask("/recovery", *email).await,
            Act::LookAt(_)
            | Act::Confirm(_)
            | Act::Disown(_)
            | Act::Recover { .. }
            | Act::Swap(_) => {
                self.use_link(act).await;
            }
            Act::Blank { route, session } => self.send_nothing(*route, session.as_ref()).await,
            Act::Disable(account) => self.set_status(account, "disabled").await,
            Act::Enable(account) => self.set_status(account, "active").await,
            Act::Remove(account) => self.remove(account).await,
            Act::Wait(minutes) => self.app.advance(SignedDuration::from_mins(*minutes)),
        }
    }

    fn of(&self, session: usize) -> Client {
        self.app
            .anon()
            .with_token(&self.state.sessions[session].token)
    }

    fn session(&self, index: &Index) -> Option<usize> {
        let count = self.state.sessions.len();
        (count > 0).then(|| index.index(count))
    }

    fn account(&self, index: &Index) -> Option<usize> {
        let count = self.state.accounts.len();
        (count > 0).then(|| index.index(count))
    }

    async fn sign_up(&mut self, name: Option<usize>, email: Option<usize>, password: usize) {
        let mut body = Map::from_iter([("password".to_owned(), json!(PASSWORDS[password]))]);
        name.map(|name| body.insert("username".to_owned(), json!(NAMES[name])));
        email.map(|email| body.insert("email".to_owned(), json!(EMAILS[email])));
        let answer = self.app.anon().post("/user", Value::Object(body)).await;
        let is_free = name.is_none_or(|name| self.state.named(name).is_none());
        let expected = match (name, email) {
            (None, None) => 422,
            _ if is_free => 201,
            _ => 409,
        };
        let answer = answer.expect(expected);
        if expected != 201 {
            return;
        }
        let user = answer.json();
        let life = match name {
            None => Life::Pending,
            Some(_) => Life::Active,
        };
        assert_eq!(user["email"], Value::Null, "an address before its link");
        self.state.accounts.push(Account {
            id: user["id"].as_str().unwrap().to_owned(),
            life,
            name,
            email: None,
            pending: email,
            password,
            pending_at: self.act,
            changed_at: 0,
        });
    }

    /// The account that this identifier and password sign in to.
    fn opened_by(&self, who: Who, password: usize) -> Option<usize> {
        let at = match who {
            Who::Name(name) => self.state.named(name),
            Who::Email(email) => self.state.owner(email),
        }?;
        let account = &self.state.accounts[at];
        (account.life == Life::Active && account.password == password).then_some(at)
    }

    async fn sign_in(&mut self, who: Who, password: usize) {
        let mut body = fields(who);
        body.insert("password".to_owned(), json!(PASSWORDS[password]));
        let answer = self.app.anon().post("/auth", Value::Object(body)).await;
        let Some(account) = self.opened_by(who, password) else {
            assert!(matches!(answer.status, 401 | 403), "{}", answer.text());
            return;
        };
        let session = answer.expect(201).json();
        assert_eq!(session["user"]["id"], self.state.accounts[account].id);
        self.open(account, &session);
    }

    fn open(&mut self, account: usize, session: &Value) {
        self.state.sessions.push(Opened {
            token: session["token"].as_str().unwrap().to_owned(),
            account,
            is_open: true,
            until: session["expires_at"].as_str().unwrap().parse().unwrap(),
            begun: self.now(),
        });
    }

    async fn use_session(&mut self, act: &Act) {
        let (method, path, index) = match act {
            Act::SignOut(index) => ("DELETE", "/auth", index),
            Act::Renew(index) => ("POST", "/auth/renewal", index),
            Act::EndSessions(index) => ("DELETE", "/user/me/session", index),
            Act::Delete(index) => ("DELETE", "/user/me", index),
            _ => unreachable!("not an act of a session alone"),
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
        match (act, answer.status) {
            (Act::Renew(_), 200) => {
                self.state.sessions[session].is_open = false;
                let begun = self.state.sessions[session].begun;
                self.open(account, &answer.json());
                let renewed = self.state.sessions.last_mut().unwrap();
                renewed.begun = begun;
                let longest = begun + SignedDuration::from_hours(30 * 24);
                assert!(renewed.until <= longest, "renewed beyond its end");
                // The previous token is valid for another 30 seconds, in which no one uses it.
                self.app.advance_seconds(31);
                // Used after that, it would end the new session, so the model drops it.
                self.state.sessions.remove(session);
            }
            (Act::SignOut(_), 204) => self.state.sessions[session].is_open = false,
            (Act::EndSessions(_), 204) => {
                self.state.secure(account, self.act, None);
            }
            (Act::Delete(_), 204) => self.state.accounts[account].life = Life::Gone,
            // After some time, the password is required again.
            (Act::Delete(_), 403) => {
                let age = self
                    .now()
                    .duration_since(self.state.sessions[session].begun);
                assert!(age > SignedDuration::from_mins(4), "{}", answer.text());
            }
            _ => panic!("{act:?}: {} {}", answer.status, answer.text()),
        }
    }

    async fn change_password(
        &mut self,
        session: Option<usize>,
        who: Option<Who>,
        current: usize,
        new: usize,
    ) {
        let mut body = who.map(fields).unwrap_or_default();
        body.insert("current_password".to_owned(), json!(PASSWORDS[current]));
        body.insert("new_password".to_owned(), json!(PASSWORDS[new]));
        let client = session.map_or_else(|| self.app.anon(), |session| self.of(session));
        let may = match (session, who) {
            (Some(session), _) if self.state.is_open(session, self.now()) => {
                let account = self.state.sessions[session].account;
                (self.state.accounts[account].password == current).then_some(account)
            }
            (None, Some(who)) => self.opened_by(who, current),
            _ => None,
        };
        let answer = client.put("/password", Value::Object(body)).await;
        match (may, answer.status) {
            (Some(account), 204) => {
                self.state.accounts[account].password = new;
                self.state.secure(account, self.act, session);
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
            && self.state.accounts[account].password == password;
        let answer = self.of(session).put("/user/me/email", body).await;
        match (may, answer.status) {
            (true, 202) => {
                let account = &mut self.state.accounts[account];
                (account.pending, account.pending_at) = (Some(email), self.act);
            }
            (true, 422) => assert_eq!(self.state.accounts[account].email, Some(email)),
            (true, _) => panic!("{} {}", answer.status, answer.text()),
            (false, status) => assert!(matches!(status, 401 | 403), "{}", answer.text()),
        }
    }

    async fn send_nothing(&self, route: usize, session: Option<&Index>) {
        let (method, path) = BLANK[route];
        let client = match session.and_then(|index| self.session(index)) {
            Some(session) => self.of(session),
            None => self.app.anon(),
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
        let path = format!("/user/{}/status", self.state.accounts[at].id);
        let admin = self.app.sign_in("root").await;
        let answer = admin.put(&path, json!({ "status": status })).await;
        if self.state.accounts[at].life == Life::Gone {
            answer.expect(404);
            return;
        }
        if answer.status != 200 {
            // Only its mailbox activates a sign-up.
            assert_eq!(
                self.state.accounts[at].life,
                Life::Pending,
                "{}",
                answer.text()
            );
            return;
        }
        let shown = answer.json()["status"].as_str().unwrap().to_owned();
        let was = self.state.accounts[at].life;
        let life = match shown.as_str() {
            "active" => Life::Active,
            "pending" => Life::Pending,
            _ => Life::Disabled,
        };
        let account = &self.state.accounts[at];
        let has_identifier = account.email.is_some() || account.name.is_some();
        assert!(life != Life::Active || has_identifier, "R-09");
        self.state.accounts[at].life = life;
        if life == Life::Disabled && was != Life::Disabled {
            // A pending address is dropped, except that of an account that has nothing else to sign in with.
            if has_identifier {
                self.state.accounts[at].pending = None;
            }
            self.state.secure(at, self.act, None);
        }
    }

    async fn remove(&mut self, index: &Index) {
        let Some(at) = self.account(index) else {
            return;
        };
        let path = format!("/user/{}", self.state.accounts[at].id);
        let answer = self.app.sign_in("root").await.delete(&path).await;
        match self.state.accounts[at].life {
            Life::Gone => answer.expect(404),
            _ => answer.expect(204),
        };
        self.state.accounts[at].life = Life::Gone;
    }
}

//! The actions with mail: requests, received mails, and every use of a link.

use doorward_domain::model::MailKind;
use doorward_domain::outbox::Mail;
use jiff::Timestamp;
use proptest::sample::Index;
use serde_json::json;

use super::{EMAILS, ModelRun, PASSWORDS};
use crate::model::actions::Action;
use crate::model::state::{AccountState, Mailed};
use crate::support::{TestResponse, path_in};

impl ModelRun {
    /// The account that the mails of an action are about, except a new one.
    pub(super) fn meant(&self, action: &Action) -> Option<usize> {
        match action {
            Action::AskRecovery(email) => self.state.owner(*email),
            Action::AskConfirmation(email) => {
                let mut pending = (0..self.state.doorward.len()).filter(|at| {
                    let account = &self.state.doorward[*at];
                    matches!(account.life, AccountState::Pending | AccountState::Active)
                        && account.pending == Some(*email)
                });
                // A mail does not reveal which of several users it is for.
                pending.next().filter(|_| pending.next().is_none())
            }
            Action::ChangeEmail { session, .. } => {
                let session = self.session(session)?;
                Some(self.state.sessions[session].account)
            }
            _ => None,
        }
    }

    pub(super) async fn read_mail(&mut self, meant: Option<usize>) {
        let (action, at) = (self.action, self.now());
        for mail in self.app.mails().await {
            let has_link = matches!(
                mail.kind,
                MailKind::SignUp | MailKind::EmailChange | MailKind::Recovery
            );
            if !has_link {
                continue;
            }
            // With several users of one pending address, the mail does not reveal its user.
            if let Some(account) = meant {
                self.state.mails.push(mailed(&mail, account, action, at));
            }
        }
    }

    pub(super) async fn ask(&self, path: &str, email: usize) {
        let body = json!({"email": EMAILS[email]});
        self.app.anonymous().post(path, body).await.expect(202);
    }

    pub(super) async fn use_link(&mut self, action: &Action) {
        let (Action::LookAt(index)
        | Action::Confirm(index)
        | Action::Disown(index)
        | Action::Swap(index)
        | Action::Recover { link: index, .. }) = action
        else {
            unreachable!("not an action with a link");
        };
        let Some(link) = self.link(index) else {
            return;
        };
        let (anonymous, path) = (self.app.anonymous(), self.state.mails[link].path.clone());
        let is_recovery = self.state.mails[link].is_recovery();
        let is_good = self.state.is_good(link, self.now());
        match action {
            Action::LookAt(_) => {
                anonymous.request("GET", &path).html().send().await;
            }
            Action::Confirm(_) if !is_recovery => {
                let answer = anonymous.request("POST", &path).send().await;
                self.confirmed(link, is_good, &answer);
            }
            Action::Disown(_) if !is_recovery => {
                let answer = anonymous.delete(&path).await;
                self.confirmation_cancelled(link, is_good, &answer);
            }
            Action::Recover { password, .. } if is_recovery => {
                let body = json!({"new_password": PASSWORDS[*password]});
                let answer = anonymous.post(&path, body).await;
                self.recovered(link, is_good, *password, &answer);
            }
            Action::Swap(_) => {
                let other = if is_recovery {
                    "confirmation"
                } else {
                    "recovery"
                };
                let path = format!("/{other}/{}", self.state.mails[link].token());
                let body = json!({"new_password": PASSWORDS[0]});
                let answer = anonymous.post(&path, body).await;
                assert!(
                    matches!(answer.status, 404 | 410 | 422),
                    "{}",
                    answer.text()
                );
            }
            _ => {}
        }
    }

    fn confirmed(&mut self, link: usize, is_good: bool, answer: &TestResponse) {
        let mail = &self.state.mails[link];
        let (at, to) = (mail.account, mail.to);
        // Any link of an address that is confirmed by now reports success.
        let is_again = self.state.doorward[at].email == Some(to);
        if answer.status != 200 {
            let has_owner = self.state.owner(to).is_some_and(|owner| owner != at);
            assert!(
                !is_good || has_owner,
                "a good link: {} {}",
                answer.status,
                answer.text()
            );
            return;
        }
        assert!(
            is_good || is_again,
            "a bad link confirmed: {:?}",
            self.state
        );
        let user = answer.json();
        assert_eq!(self.state.by_id(user["id"].as_str().unwrap()), Some(at));
        assert_eq!(user["email"], EMAILS[to]);
        if !is_again {
            self.address_is_confirmed(link);
        }
    }

    /// The address of the link belongs to its account.
    pub(super) fn address_is_confirmed(&mut self, link: usize) {
        let mail = &self.state.mails[link];
        let (at, to) = (mail.account, mail.to);
        self.state.mails[link].is_spent = true;
        let had_email = self.state.doorward[at].email.is_some();
        let account = &mut self.state.doorward[at];
        (account.email, account.pending, account.life) = (Some(to), None, AccountState::Active);
        for (other, account) in self.state.doorward.iter_mut().enumerate() {
            if other != at && account.life != AccountState::Gone && account.pending == Some(to) {
                account.pending = None;
                if account.email.is_none() && account.name.is_none() {
                    account.life = AccountState::Gone;
                }
            }
        }
        if had_email {
            self.state.secure(at, self.action, None);
        }
    }

    fn confirmation_cancelled(&mut self, link: usize, is_good: bool, answer: &TestResponse) {
        assert_eq!(
            answer.status == 204,
            is_good,
            "{} {}",
            answer.status,
            answer.text()
        );
        if is_good {
            let at = self.state.mails[link].account;
            self.state.mails[link].is_spent = true;
            let account = &mut self.state.doorward[at];
            account.pending = None;
            if account.email.is_none() && account.name.is_none() {
                account.life = AccountState::Gone;
            }
        }
    }

    fn recovered(&mut self, link: usize, is_good: bool, password: usize, answer: &TestResponse) {
        assert_eq!(
            answer.status == 204,
            is_good,
            "{} {}",
            answer.status,
            answer.text()
        );
        if is_good {
            let at = self.state.mails[link].account;
            self.state.mails[link].is_spent = true;
            self.state.doorward[at].password = password;
            self.state.doorward[at].pending = None;
            self.state.secure(at, self.action, None);
        }
    }

    /// Newer links are chosen more often, since older ones are invalid.
    pub(super) fn link(&self, index: &Index) -> Option<usize> {
        let count = self.state.mails.len();
        (count > 0).then(|| count - 1 - index.index(count.min(4)))
    }
}

fn mailed(mail: &Mail, account: usize, action: usize, at: Timestamp) -> Mailed {
    let to = EMAILS.iter().position(|email| *email == mail.to.as_str());
    Mailed {
        path: path_in(mail),
        kind: mail.kind,
        to: to.expect("mail goes to those who were named"),
        account,
        action,
        at,
        is_spent: false,
    }
}

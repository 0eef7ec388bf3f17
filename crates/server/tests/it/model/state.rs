//! The model's state: the rules, independent of the server's storage.

use doorward_domain::model::MailKind;
use jiff::Timestamp;

/// State of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    Pending,
    Active,
    Disabled,
    Gone,
}

/// An account. Names, addresses and passwords are numbers.
#[derive(Debug)]
pub struct Account {
    pub id: String,
    pub life: AccountState,
    pub name: Option<usize>,
    /// Confirmed address.
    pub email: Option<usize>,
    pub pending: Option<usize>,
    /// The action that requested the pending address.
    pub pending_at: usize,
    pub password: usize,
    /// The action of the last event that voids the recovery links mailed before.
    pub changed_at: usize,
}

/// A session.
#[derive(Debug)]
pub struct OpenedSession {
    pub token: String,
    pub account: usize,
    pub is_open: bool,
    pub until: Timestamp,
    pub begun: Timestamp,
    /// When the password was entered.
    pub entered_at: Timestamp,
}

/// The cookie of a sign-up on the page.
#[derive(Debug)]
pub struct SignUpCookie {
    pub value: String,
    pub account: usize,
    pub email: usize,
    /// The action that set it.
    pub action: usize,
    pub at: Timestamp,
}

/// A mail with a link.
#[derive(Debug)]
pub struct Mailed {
    pub path: String,
    pub kind: MailKind,
    pub to: usize,
    pub account: usize,
    /// The action that caused it.
    pub action: usize,
    pub at: Timestamp,
    pub is_spent: bool,
}

impl Mailed {
    /// The last segment of the path.
    pub fn token(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }

    pub fn is_recovery(&self) -> bool {
        self.kind == MailKind::Recovery
    }

    /// In minutes.
    pub fn lifetime(&self) -> i64 {
        match self.kind {
            MailKind::Recovery => 30,
            MailKind::EmailChange => 60,
            _ => 24 * 60,
        }
    }
}

/// State of the model.
#[derive(Debug, Default)]
pub struct State {
    pub doorward: Vec<Account>,
    pub sessions: Vec<OpenedSession>,
    pub mails: Vec<Mailed>,
    pub cookies: Vec<SignUpCookie>,
}

impl State {
    /// The account with this username.
    pub fn named(&self, name: usize) -> Option<usize> {
        self.find(|account| account.name == Some(name))
    }

    /// The account with this address, confirmed.
    pub fn owner(&self, email: usize) -> Option<usize> {
        self.find(|account| account.email == Some(email))
    }

    fn find(&self, is_it: impl Fn(&Account) -> bool) -> Option<usize> {
        let mut all = self.doorward.iter().enumerate();
        let (at, _) =
            all.find(|(_, account)| account.life != AccountState::Gone && is_it(account))?;
        Some(at)
    }

    pub fn by_id(&self, id: &str) -> Option<usize> {
        self.find(|account| account.id == id)
    }

    /// Returns `true` if the session is valid at that time.
    pub fn is_open(&self, session: usize, now: Timestamp) -> bool {
        let session = &self.sessions[session];
        let is_active = self.doorward[session.account].life == AccountState::Active;
        session.is_open && is_active && now < session.until
    }

    /// Returns `true` if the link is valid: for the account's state, its kind and its age.
    pub fn is_good(&self, mail: usize, now: Timestamp) -> bool {
        let mail = &self.mails[mail];
        let account = &self.doorward[mail.account];
        let age = now.duration_since(mail.at).as_secs();
        let is_newest = !self.mails.iter().any(|other| {
            other.account == mail.account && other.action > mail.action && other.is_recovery()
        });
        let fits = match mail.is_recovery() {
            true => {
                let is_current = is_newest && account.changed_at <= mail.action;
                account.life == AccountState::Active && account.email == Some(mail.to) && is_current
            }
            false => {
                matches!(account.life, AccountState::Active | AccountState::Pending)
                    && account.pending == Some(mail.to)
                    && account.pending_at <= mail.action
            }
        };
        fits && !mail.is_spent && age < mail.lifetime() * 60
    }

    /// Returns `true` if the confirmation by this link signs in a browser with the cookie.
    pub fn signs_in(&self, cookie: &SignUpCookie, mail: usize, now: Timestamp) -> bool {
        let (mail, account) = (&self.mails[mail], &self.doorward[cookie.account]);
        let is_of_sign_up = cookie.account == mail.account && cookie.email == mail.to;
        let age = now.duration_since(cookie.at).as_secs();
        is_of_sign_up && account.changed_at <= cookie.action && age < 3600
    }

    /// Ends all sessions of the account except one, and voids its mailed links.
    pub fn secure(&mut self, account: usize, action: usize, but: Option<usize>) {
        self.doorward[account].changed_at = action;
        for (at, session) in self.sessions.iter_mut().enumerate() {
            if session.account == account && Some(at) != but {
                session.is_open = false;
            }
        }
    }

    /// Invariants.
    pub fn assert_invariants(&self) {
        for (at, account) in self.doorward.iter().enumerate() {
            if account.life == AccountState::Gone {
                continue;
            }
            if let Some(email) = account.email {
                assert_eq!(self.owner(email), Some(at), "two accounts own one address");
            }
            if let Some(name) = account.name {
                assert_eq!(self.named(name), Some(at), "two accounts have one name");
            }
        }
    }
}

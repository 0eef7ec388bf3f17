//! What the model knows: the rules, and nothing of how the server keeps them.

use doorward_domain::ports::MailTemplate;
use jiff::Timestamp;

/// An account's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Pending,
    Active,
    Disabled,
    Gone,
}

/// A person's account. Names, addresses and passwords are numbers.
#[derive(Debug)]
pub struct Account {
    pub id: String,
    pub life: Life,
    pub name: Option<usize>,
    /// Confirmed.
    pub email: Option<usize>,
    pub pending: Option<usize>,
    /// The act that requested the pending address.
    pub pending_at: usize,
    pub password: usize,
    /// The act of the last event that voids the recovery links mailed before.
    pub changed_at: usize,
}

/// A session that was opened.
#[derive(Debug)]
pub struct Opened {
    pub token: String,
    pub account: usize,
    pub is_open: bool,
    pub until: Timestamp,
    pub begun: Timestamp,
}

/// A mail with a link in it.
#[derive(Debug)]
pub struct Mailed {
    pub path: String,
    pub template: MailTemplate,
    pub to: usize,
    pub account: usize,
    /// The act that it was mailed by.
    pub act: usize,
    pub at: Timestamp,
    pub is_spent: bool,
}

impl Mailed {
    /// What stands at the end of its path.
    pub fn token(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }

    pub fn is_recovery(&self) -> bool {
        self.template == MailTemplate::Recover
    }

    /// In minutes.
    pub fn lifetime(&self) -> i64 {
        match self.template {
            MailTemplate::Recover => 30,
            MailTemplate::EmailChange => 60,
            _ => 24 * 60,
        }
    }
}

/// Everything.
#[derive(Debug, Default)]
pub struct State {
    pub accounts: Vec<Account>,
    pub sessions: Vec<Opened>,
    pub mails: Vec<Mailed>,
}

impl State {
    /// Whose that user name is.
    pub fn named(&self, name: usize) -> Option<usize> {
        self.find(|account| account.name == Some(name))
    }

    /// Whose that address is, confirmed.
    pub fn owner(&self, email: usize) -> Option<usize> {
        self.find(|account| account.email == Some(email))
    }

    fn find(&self, is_it: impl Fn(&Account) -> bool) -> Option<usize> {
        let mut all = self.accounts.iter().enumerate();
        let (at, _) = all.find(|(_, account)| account.life != Life::Gone && is_it(account))?;
        Some(at)
    }

    pub fn by_id(&self, id: &str) -> Option<usize> {
        self.find(|account| account.id == id)
    }

    /// Whether that session opens anything at that time.
    pub fn is_open(&self, session: usize, now: Timestamp) -> bool {
        let session = &self.sessions[session];
        let is_active = self.accounts[session.account].life == Life::Active;
        session.is_open && is_active && now < session.until
    }

    /// Whether a link is still good: for that account's state now, its kind and its time.
    pub fn is_good(&self, mail: usize, now: Timestamp) -> bool {
        let mail = &self.mails[mail];
        let account = &self.accounts[mail.account];
        let age = now.duration_since(mail.at).as_secs();
        let is_newest = !self.mails.iter().any(|other| {
            other.account == mail.account && other.act > mail.act && other.is_recovery()
        });
        let fits = match mail.is_recovery() {
            true => {
                let is_current = is_newest && account.changed_at <= mail.act;
                account.life == Life::Active && account.email == Some(mail.to) && is_current
            }
            false => {
                matches!(account.life, Life::Active | Life::Pending)
                    && account.pending == Some(mail.to)
                    && account.pending_at <= mail.act
            }
        };
        fits && !mail.is_spent && age < mail.lifetime() * 60
    }

    /// Every session of that account but one ends, and what was mailed before is worth nothing.
    pub fn secure(&mut self, account: usize, act: usize, but: Option<usize>) {
        self.accounts[account].changed_at = act;
        for (at, session) in self.sessions.iter_mut().enumerate() {
            if session.account == account && Some(at) != but {
                session.is_open = false;
            }
        }
    }

    /// What holds whatever happened.
    pub fn assert_sound(&self) {
        for (at, account) in self.accounts.iter().enumerate() {
            if account.life == Life::Gone {
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

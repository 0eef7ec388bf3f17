//! A person's account.

use jiff::Timestamp;

use crate::values::{Data, EmailAddress, Locale, Name, UserId, Username};

/// Counts the writes of a user. A write says which version it read, and fails where that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub i64);

impl Version {
    /// Of a user just made.
    pub const FIRST: Self = Self(1);

    /// After one more write.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Acts on themselves alone.
    User,
    /// Looks after everybody.
    Admin,
}

impl Role {
    /// Its name in the API and the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Whether this role may do what `other` may.
    pub fn includes(self, other: Self) -> bool {
        self == Self::Admin || other == Self::User
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

/// Whether a user can sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Signed up with an e-mail address that is not confirmed yet.
    Pending,
    /// In use.
    Active,
    /// Switched off by an admin.
    Disabled,
}

impl Status {
    /// Its name in the API and the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Active, Self::Disabled]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// The change of address that `pending_email` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailChange {
    /// When it was asked for; it ends some time after that.
    pub asked_at: Timestamp,
    /// Who asked.
    pub asked_by: AskedBy,
}

/// Who asked for a change of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedBy {
    /// The person, or whoever knows their password: the old mailbox can take it back.
    Owner,
    /// An admin: no older mailbox takes that back.
    Admin,
}

/// An account. At least one of `username`, `email` and `pending_email` is there.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Never used again after deletion.
    pub id: UserId,
    /// Unique by its key.
    pub username: Option<Username>,
    /// Confirmed, and unique by its key. Whoever has it here has shown that they read its mail.
    pub email: Option<EmailAddress>,
    /// Waits for confirmation; any number of users may claim one address.
    pub pending_email: Option<EmailAddress>,
    /// What is known of the change that the pending address is of: none for a sign-up's, an imported one, and
    /// one that a node of an older release has written.
    pub email_change: Option<EmailChange>,
    /// What to call the person.
    pub name: Option<Name>,
    /// What they may do.
    pub role: Role,
    /// Whether they can sign in.
    pub status: Status,
    /// The person's own JSON.
    pub data: Data,
    /// The language of mails to them.
    pub locale: Locale,
    /// Raised by every security event; a session of a lower epoch is dead, wherever it is kept.
    pub session_epoch: i64,
    /// In which epoch strangers used up their guesses at the password. Written by
    /// `Change::StopGuesses` alone: no other write of the user touches it.
    pub stopped_epoch: Option<i64>,
    /// Raised by every write.
    pub version: Version,
    /// When they signed up.
    pub created_at: Timestamp,
    /// When anything here last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// The epoch of a new account; an address without one is counted alike.
    pub const FIRST_EPOCH: i64 = 1;

    /// The address that mails about the account go to: the confirmed one alone.
    pub fn mail_address(&self) -> Option<&EmailAddress> {
        self.email.as_ref()
    }

    /// Whether they claim `pending_email` still, where a change of address asked for at that moment, or before it,
    /// has ended. An account that has no address of its own, and was imported so, has nobody to keep it
    /// from.
    pub fn claims_since(&self, moment: Timestamp) -> bool {
        match (self.status, self.email_change) {
            (Status::Pending | Status::Disabled, _) => true,
            (Status::Active, Some(change)) => change.asked_at > moment,
            (Status::Active, None) => self.email.is_none(),
        }
    }

    /// Whether strangers have used up their guesses at the present password, and a mail can lift that.
    pub fn is_stopped(&self) -> bool {
        self.email.is_some() && self.stopped_epoch == Some(self.session_epoch)
    }

    /// The person's own names, which make poor passwords.
    pub fn personal_words(&self) -> Vec<&str> {
        let addresses = [self.email.as_ref(), self.pending_email.as_ref()];
        let of_addresses = addresses
            .into_iter()
            .flatten()
            .flat_map(|address| [address.as_str(), address.local_part()]);
        let names = [
            self.username.as_ref().map(Username::as_str),
            self.name.as_ref().map(Name::as_str),
        ];
        names.into_iter().flatten().chain(of_addresses).collect()
    }
}

/// Which users a list shows, oldest first.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Begins or lies within the user name, an address or the name, whatever the letter case.
    pub text: Option<String>,
    /// Of this status alone.
    pub status: Option<Status>,
    /// Of this role alone.
    pub role: Option<Role>,
    /// Those after this one.
    pub after: Option<UserId>,
    /// At most so many.
    pub limit: usize,
}

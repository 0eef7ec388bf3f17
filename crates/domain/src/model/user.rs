//! User accounts.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::values::{Data, EmailAddress, Locale, Name, UserId, Username};

/// Counts the updates of a user. An update contains the version that was read, and fails if the stored one
/// differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub i64);

impl Version {
    /// Version of a new user.
    pub const FIRST: Self = Self(1);

    /// The version after one more update.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Role of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// May act on their own account only.
    User,
    /// May manage all users.
    Admin,
}

impl Role {
    /// Name in the API and the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Returns `true` if this role may do everything that `other` may do.
    pub fn includes(self, other: Self) -> bool {
        self == Self::Admin || other == Self::User
    }

    /// Finds a role by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

/// Status of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Signed up with only an email address, which is not confirmed yet.
    Pending,
    /// Can sign in.
    Active,
    /// Disabled by an admin.
    Disabled,
}

impl Status {
    /// Name in the API and the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Finds a status by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Active, Self::Disabled]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// An address that waits for confirmation. A user has at most one; several users may have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEmail {
    /// The address.
    pub address: EmailAddress,
    /// When it was requested. Confirmation links are bound to this moment: a request that replaces this one voids
    /// them, a resend does not.
    pub requested_at: Timestamp,
    /// Who requested it.
    pub requested_by: RequestedBy,
}

/// Who requested an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedBy {
    /// The user, or anyone who knows their password: the old address can undo the change.
    User,
    /// An admin: no old address can undo the change.
    Admin,
}

impl RequestedBy {
    /// Name in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Finds a requester by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Admin]
            .into_iter()
            .find(|requester| requester.as_str() == name)
    }
}

impl User {
    /// The unique column of the username.
    pub const USERNAME_KEY: &'static str = "username_key";
    /// The unique column of the confirmed address.
    pub const EMAIL_KEY: &'static str = "email_key";

    /// Returns `true` if the undo link of an address change that was requested at this time is void.
    pub fn undo_link_is_void(&self, requested_at: Timestamp) -> bool {
        self.status != Status::Active || self.void_undo_links.covers(requested_at)
    }

    /// Voids the undo links of all address changes that were requested from `from` until now.
    ///
    /// A change that was written after `now` was read is covered, too: it has updated the user.
    pub(crate) fn void_undo_links(
        &self,
        from: Timestamp,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> VoidUndoLinks {
        let to = now.max(self.updated_at);
        self.void_undo_links.with(from, to, to - lifetime)
    }
}

/// The address changes whose undo links are void, as ranges of the times of their requests.
///
/// The ranges are disjoint: a range that covered the time between two others would void links that no event has voided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidUndoLinks(Vec<(i64, i64)>);

impl VoidUndoLinks {
    /// Adds the changes that were requested from `from` to `to`. Removes the ranges that ended before `expired`: their
    /// links have expired.
    #[must_use]
    pub fn with(&self, from: Timestamp, to: Timestamp, expired: Timestamp) -> Self {
        let mut added = (from.as_microsecond(), to.as_microsecond());
        let mut ranges = self.0.clone();
        ranges.retain(|(start, end)| {
            let overlaps = *start <= added.1 && *end >= added.0;
            if overlaps {
                added = (added.0.min(*start), added.1.max(*end));
            }
            !overlaps && *end >= expired.as_microsecond()
        });
        ranges.push(added);
        Self(ranges)
    }

    /// Whether the undo link of a change that was requested at this time is void.
    pub fn covers(&self, requested_at: Timestamp) -> bool {
        let at = requested_at.as_microsecond();
        self.0
            .iter()
            .any(|(start, end)| (*start..=*end).contains(&at))
    }
}

/// An account. At least one of `username`, `email` and `pending_email` is set.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// The id; never reused after deletion.
    pub id: UserId,
    /// The username; unique by its key.
    pub username: Option<Username>,
    /// The confirmed address; unique by its key.
    pub email: Option<EmailAddress>,
    /// The address that waits for confirmation.
    pub pending_email: Option<PendingEmail>,
    /// The display name.
    pub name: Option<Name>,
    /// The role.
    pub role: Role,
    /// The status.
    pub status: Status,
    /// Custom JSON data.
    pub data: Data,
    /// The language of mails to the user.
    pub locale: Locale,
    /// Incremented by every security event. Sessions with a lower epoch are invalid in every store.
    pub session_epoch: i64,
    /// Session epoch in which unknown clients were locked out. Written only by `Change::SetLockout`.
    pub locked_out_epoch: Option<i64>,
    /// The address changes whose undo links are void.
    pub void_undo_links: VoidUndoLinks,
    /// Incremented by every update.
    pub version: Version,
    /// When the user signed up.
    pub created_at: Timestamp,
    /// When the user was last updated.
    pub updated_at: Timestamp,
}

impl User {
    /// Session epoch of a new account. An address without an account is counted under it as well.
    pub const FIRST_EPOCH: i64 = 1;

    /// The address for mails about the account: the confirmed one.
    pub fn mail_address(&self) -> Option<&EmailAddress> {
        self.email.as_ref()
    }

    /// The pending address.
    pub fn pending_address(&self) -> Option<&EmailAddress> {
        self.pending_email.as_ref().map(|pending| &pending.address)
    }

    /// Returns `true` if the account has a username or a confirmed address to sign in with. Otherwise its status
    /// is [`Status::Pending`] unless it is disabled.
    pub fn has_identifier(&self) -> bool {
        self.username.is_some() || self.email.is_some()
    }

    /// Returns `true` if unknown clients are locked out of the current password. An account without a confirmed
    /// address is never locked out, because no mail could lift it.
    pub fn is_locked_out(&self) -> bool {
        self.email.is_some() && self.locked_out_epoch == Some(self.session_epoch)
    }

    /// The user's own names and addresses, which a new password must not consist of.
    pub fn personal_words(&self) -> Vec<&str> {
        let addresses = [self.email.as_ref(), self.pending_address()];
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

/// Filter for a list of users, oldest first.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Text that the username, an address or the name contains, in any letter case.
    pub text: Option<String>,
    /// Only users with this status.
    pub status: Option<Status>,
    /// Only users with this role.
    pub role: Option<Role>,
    /// Only users after this one.
    pub after: Option<UserId>,
    /// Maximum number of users.
    pub limit: usize,
}

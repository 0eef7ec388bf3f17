//! User accounts.

use jiff::{SignedDuration, Timestamp};

use super::void_undo_links::VoidUndoLinks;
use super::{Credential, DeletedUser, Invitation, Lockout, SearchWord};
use crate::store::{
    BadRow, Batch, Condition, Kind, Query, Record, Row, RowReader, Table, Value, Write,
};
use crate::string_enum::string_enum;
use crate::values::{Data, EmailAddress, LanguageTag, Locale, Name, Role, UserId, Username};

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

string_enum! {
    /// Status of a user.
    Status {
        /// Signed up with only an email address, which is not confirmed yet, or has not accepted an invitation yet.
        Pending => "pending",
        /// Can sign in.
        Active => "active",
        /// Disabled by an admin.
        Disabled => "disabled",
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

string_enum! {
    /// Who requested an address.
    RequestedBy {
        /// The user, or anyone who knows their password: the old address can undo the change.
        User => "user",
        /// An admin: no old address can undo the change.
        Admin => "admin",
    }
}

/// A deletion that the user or an admin has requested. Until then no one can sign in, and it can be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingDeletion {
    /// When the account is deleted. The links that undo the deletion expire then: their expiry is compared with it.
    pub at: Timestamp,
    /// When the reminder is due; `None` if it is queued already or there is none.
    pub remind_at: Option<Timestamp>,
}

impl PendingDeletion {
    /// Time between the reminder and the deletion.
    const REMINDER: SignedDuration = SignedDuration::from_hours(24);

    /// The deletion at this time, with a reminder.
    pub fn at(at: Timestamp) -> Self {
        let remind_at = Some(at - Self::REMINDER);
        Self { at, remind_at }
    }

    /// The deletion that is requested now. Without a reminder if that would follow the mail about the request at once.
    pub(crate) fn after(grace: SignedDuration, now: Timestamp) -> Self {
        let pending = Self::at(now + grace);
        Self {
            remind_at: pending.remind_at.filter(|at| *at > now),
            ..pending
        }
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
    /// The language of the sign-up.
    pub locale: Locale,
    /// The language that the user has chosen.
    pub preferred_locale: Option<LanguageTag>,
    /// Incremented by every security event. Sessions with a lower epoch are invalid in every store.
    pub security_epoch: i64,
    /// The address changes and first factors whose undo links are void.
    pub void_undo_links: VoidUndoLinks,
    /// The deletion that is requested.
    pub deletion: Option<PendingDeletion>,
    /// The invitation; `None` if the user was not invited.
    pub invitation: Option<Invitation>,
    /// Incremented by every update.
    pub version: Version,
    /// When the user signed up.
    pub created_at: Timestamp,
    /// When the user was last updated.
    pub updated_at: Timestamp,
}

impl User {
    /// The unique column of the username.
    pub const USERNAME_KEY: &'static str = "username_key";
    /// The unique column of the confirmed address.
    pub const EMAIL_KEY: &'static str = "email_key";

    /// Returns `true` if the undo link of an address change that was requested at this time, or of a factor that was added
    /// then, is void (R-11, M-02).
    pub fn undo_link_is_void(&self, requested_at: Timestamp) -> bool {
        self.status != Status::Active || self.void_undo_links.covers(requested_at)
    }

    /// Voids the undo links of all address changes that were requested from `from` until now.
    ///
    /// A change that was written after `now` was read is covered, too: it has updated the user.
    pub(crate) fn voiding_undo_links(
        &self,
        from: Timestamp,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> VoidUndoLinks {
        let to = now.max(self.updated_at);
        self.void_undo_links.with(from, to, to - lifetime)
    }

    /// Security epoch of a new account. An address without an account is counted under it as well.
    pub const FIRST_EPOCH: i64 = 1;

    /// This user after one more update.
    #[must_use]
    pub fn next_version(&self, now: Timestamp) -> Self {
        Self {
            invitation: self.settled_invitation(),
            version: self.version.next(),
            updated_at: now,
            ..self.clone()
        }
    }

    /// The invitation. An active user has accepted it, also if an older node, which does not know of it, has confirmed the
    /// address.
    pub(crate) fn settled_invitation(&self) -> Option<Invitation> {
        match self.status {
            Status::Active => self.invitation.map(Invitation::accepted),
            Status::Pending | Status::Disabled => self.invitation,
        }
    }

    /// The address for mails about the account: the confirmed one.
    pub fn mail_address(&self) -> Option<&EmailAddress> {
        self.email.as_ref()
    }

    /// The language that the user has chosen, if there are texts in it.
    pub fn chosen_locale(&self) -> Option<Locale> {
        self.preferred_locale.as_ref().and_then(Locale::of)
    }

    /// The language of mails to the user: the chosen one, or else that of the sign-up.
    pub fn mail_locale(&self) -> Locale {
        self.chosen_locale().unwrap_or(self.locale)
    }

    /// The pending address.
    pub fn pending_address(&self) -> Option<&EmailAddress> {
        self.pending_email.as_ref().map(|pending| &pending.address)
    }

    /// The pending address, if a confirmation can be sent to it. That of an invitation is confirmed by its own link.
    pub fn unconfirmed_address(&self) -> Option<&EmailAddress> {
        self.pending_address().filter(|_| !self.is_invited())
    }

    /// Returns `true` if the account has a username or a confirmed address to sign in with. Otherwise its status
    /// is [`Status::Pending`] unless it is disabled. No one can sign in before the invitation is accepted.
    pub fn has_identifier(&self) -> bool {
        !self.is_invited() && (self.username.is_some() || self.email.is_some())
    }

    /// Returns `true` if the user was invited and has not accepted yet. The user has no password.
    pub fn is_invited(&self) -> bool {
        let is_open = |invitation: Invitation| invitation.expires_at.is_some();
        self.status != Status::Active && self.invitation.is_some_and(is_open)
    }

    /// Returns `true` if the user can sign in and has the admin role.
    pub fn is_active_admin(&self) -> bool {
        self.role == Role::Admin && self.status == Status::Active && self.deletion.is_none()
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

    /// Users with this pending address, newest first.
    pub fn with_pending_email(key: &str) -> Query {
        Query::by::<Self>(&["pending_email_key"])
            .equal(key)
            .descending()
    }

    /// Users whose pending address was requested before this time, the oldest first. That of an invitation is pending until
    /// the invitation ends.
    pub fn pending_before(before: Timestamp) -> Query {
        let before = before.as_microsecond() - 1;
        Query::by::<Self>(&["pending_email_at"])
            .at_most(before)
            .only(Condition::is_null(Invitation::EXPIRES_AT))
    }

    /// Users whose deletion is due, the oldest first.
    pub fn deletion_due(now: Timestamp) -> Query {
        Query::by::<Self>(&["deletion_at"]).at_most(now)
    }

    /// Users whose deletion is pending, the next one first.
    pub fn pending_deletions() -> Query {
        Self::deletion_due(Timestamp::MAX)
    }

    /// Users who are to be reminded of their deletion, the oldest first.
    pub fn deletion_reminder_due(now: Timestamp) -> Query {
        Query::by::<Self>(&["deletion_reminder_at"]).at_most(now)
    }

    /// Inserts the user. Fails with `Taken` if another user has the id, the username or the confirmed address.
    pub fn insert(&self) -> Batch {
        let words = SearchWord::all_of(self).into_iter();
        let words = words.map(|word| Write::insert(&word));
        [Write::insert(self)].into_iter().chain(words).collect()
    }

    /// Replaces the user that was `read`. Fails with `Stale` if the stored version is another one.
    pub fn replace(&self, read: &Self) -> Batch {
        let (old, new) = (SearchWord::all_of(read), SearchWord::all_of(self));
        let removed = old.difference(&new).map(SearchWord::delete);
        // A user of an earlier build lacks some words of a long name: a new name has all of its words.
        let is_added = |word: &&SearchWord| self.name != read.name || !old.contains(word);
        let added = new.iter().filter(is_added).map(Write::put);
        let replace = Write::replace(self, read.version.0);
        [replace].into_iter().chain(removed).chain(added).collect()
    }

    /// Deletes the user with all that can open the account. Fails with `Stale` if the stored version, or the time of a
    /// pending deletion, is another one.
    /// The caller then [purges](crate::store::Store::purge) the other rows of the user, which are void.
    pub fn delete(&self, now: Timestamp) -> Batch {
        let deletion_at = self.deletion.map(|deletion| deletion.at);
        let unchanged = vec![
            Condition::is("version", self.version.0),
            Condition::is("deletion_at", deletion_at),
        ];
        let deleted = DeletedUser {
            id: self.id,
            deleted_at: now,
        };
        let mut batch = vec![
            Write::delete_if::<Self>(self.id, unchanged),
            Write::delete::<Credential>(self.id),
            Write::delete::<Lockout>(self.id),
            Write::put(&deleted),
        ];
        batch.extend(SearchWord::all_of(self).iter().map(SearchWord::delete));
        batch
    }
}

impl Record for User {
    const TABLE: &'static Table = &Table {
        version: Some("version"),
        large: Some("data"),
        unique: &[Self::USERNAME_KEY, Self::EMAIL_KEY],
        indexes: &[
            &["pending_email_key"],
            &["pending_email_at"],
            &["status"],
            &["role"],
            &["deletion_at"],
            &["deletion_reminder_at"],
            &["invitation"],
            &["created_at"],
        ],
        common: &[("status", "active"), ("role", "user")],
        columns: &[
            Kind::Id.column("id"),
            Kind::Text.nullable("username"),
            Kind::Key.nullable("username_key"),
            Kind::Text.nullable("email"),
            Kind::Key.nullable("email_key"),
            Kind::Text.nullable("pending_email"),
            Kind::Key.nullable("pending_email_key"),
            Kind::Int.nullable("pending_email_at"),
            Kind::Key.nullable("pending_email_by"),
            Kind::Text.nullable("name"),
            Kind::Key.column("role"),
            Kind::Key.column("status"),
            Kind::Text.column("data"),
            Kind::Key.column("locale"),
            Kind::Key.nullable("preferred_locale"),
            Kind::Int.column("security_epoch"),
            Kind::Text.column("void_undo_links"),
            Kind::Int.nullable("deletion_at"),
            Kind::Int.nullable("deletion_reminder_at"),
            Kind::Key.nullable("invitation"),
            Kind::Key.nullable("invitation_delivery"),
            Kind::Id.nullable("invited_by"),
            Kind::Int.nullable("invited_at"),
            Kind::Int.nullable("invitation_expires_at"),
            Kind::Int.column("version"),
            Kind::Int.column("created_at"),
            Kind::Int.column("updated_at"),
        ],
        ..Table::new("users")
    };

    fn to_row(&self) -> Row {
        let (username, email) = (self.username.as_ref(), self.email.as_ref());
        let pending = self.pending_email.as_ref();
        let address = self.pending_address();
        let requested_by = pending.map(|pending| pending.requested_by.as_str());
        let deletion = self.deletion.as_ref();
        let [state, delivery, invited_by, invited_at, expires_at] =
            Invitation::columns(self.invitation.as_ref());
        let preferred_locale = self.preferred_locale.as_ref().map(LanguageTag::as_str);
        let void = serde_json::to_string(&self.void_undo_links).expect("numbers are JSON");
        // A user that was found by a name has no data. A replacement then keeps the stored one.
        let data = self.data.read();
        let data = data.map(|data| serde_json::Value::Object(data.clone()).to_string());
        Self::row([
            ("id", self.id.into()),
            ("username", username.map(Username::as_str).into()),
            ("username_key", username.map(Username::key).into()),
            ("email", email.map(EmailAddress::as_str).into()),
            ("email_key", email.map(EmailAddress::key).into()),
            ("pending_email", address.map(EmailAddress::as_str).into()),
            ("pending_email_key", address.map(EmailAddress::key).into()),
            (
                "pending_email_at",
                pending.map(|pending| pending.requested_at).into(),
            ),
            ("pending_email_by", requested_by.into()),
            ("name", self.name.as_ref().map(Name::as_str).into()),
            ("role", self.role.as_str().into()),
            ("status", self.status.as_str().into()),
            ("data", data.map_or(Value::Unset, Value::from)),
            ("locale", self.locale.tag().into()),
            ("preferred_locale", preferred_locale.into()),
            ("security_epoch", self.security_epoch.into()),
            ("void_undo_links", void.into()),
            ("deletion_at", deletion.map(|deletion| deletion.at).into()),
            (
                "deletion_reminder_at",
                deletion.and_then(|deletion| deletion.remind_at).into(),
            ),
            state,
            delivery,
            invited_by,
            invited_at,
            expires_at,
            ("version", self.version.0.into()),
            ("created_at", self.created_at.into()),
            ("updated_at", self.updated_at.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        let address = |text: &str| Some(EmailAddress::from_stored(text.to_owned()));
        let username = row.opt_text("username")?.zip(row.opt_text("username_key")?);
        let data = |text: &str| Some(Data::from_stored(serde_json::from_str(text).ok()?));
        Ok(Self {
            id: UserId::from_bytes(row.array("id")?),
            username: username.map(|(text, key)| Username::from_stored(text, key)),
            email: row.opt_parsed("email", address)?,
            pending_email: match row.opt_parsed("pending_email", address)? {
                None => None,
                Some(address) => Some(PendingEmail {
                    address,
                    requested_at: row.time("pending_email_at")?,
                    requested_by: row.parsed("pending_email_by", RequestedBy::from_name)?,
                }),
            },
            name: row.opt_text("name")?.map(Name::from_stored),
            role: row.parsed("role", Role::from_name)?,
            status: row.parsed("status", Status::from_name)?,
            data: match row.is_read("data") {
                true => row.parsed("data", data)?,
                false => Data::not_loaded(),
            },
            locale: row.parsed("locale", Locale::from_tag)?,
            preferred_locale: row
                .opt_text("preferred_locale")?
                .map(LanguageTag::from_stored),
            security_epoch: row.int("security_epoch")?,
            void_undo_links: row
                .parsed("void_undo_links", |text| serde_json::from_str(text).ok())?,
            deletion: match row.opt_time("deletion_at")? {
                None => None,
                Some(at) => Some(PendingDeletion {
                    at,
                    remind_at: row.opt_time("deletion_reminder_at")?,
                }),
            },
            invitation: Invitation::read(row)?,
            version: Version(row.int("version")?),
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

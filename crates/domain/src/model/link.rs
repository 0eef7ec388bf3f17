//! A mailed link: valid for one purpose, one user, one use and a limited time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::{BadRow, Condition, Kind, Query, Record, Row, RowReader, Table, Value, Write};
use crate::string_enum::string_enum;
use crate::values::{Digest, EmailAddress, UserId};

string_enum! {
    /// Purpose of a link. A link is valid for no other purpose. A node rejects the links of a newer release's purposes.
    Purpose {
        /// Confirms the address it was mailed to, for a new user or an address change.
        Confirmation => "confirmation",
        /// Sets a new password.
        Recovery => "recovery",
        /// Undoes an address change; mailed to the previous address.
        EmailUndo => "email-undo",
        /// Removes all second factors; mailed when the first one is added (M-02).
        FactorUndo => "factor-undo",
        /// Cancels a deletion that was requested.
        DeletionUndo => "deletion-undo",
        /// Accepts an invitation: sets the first password, and confirms the address that it was mailed to.
        Invitation => "invitation",
    }
}

/// A stored link: the digest of its secret, and the state that it is bound to. Each use compares that with the
/// stored user, so that deleting a void link is cleanup only.
///
/// | purpose | is void when |
/// | --- | --- |
/// | confirmation | the user's pending address is gone or was requested again (`requested_at`) |
/// | recovery | the user's security epoch is higher than `epoch`, or a newer link replaced this one |
/// | email undo, factor undo | it is used, the user is not active, or the user's `void_undo_links` cover it (`requested_at`) |
/// | deletion undo | as above, or the user's deletion is not at `expires_at`: it was cancelled, or requested again |
/// | invitation | the user has accepted or is not pending, the user's security epoch is higher than `epoch`, the pending address is not the one it was mailed to, or a newer link replaced this one |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Digest of the secret in the mail; unique.
    pub digest: Digest,
    /// The owner.
    pub user_id: UserId,
    /// The purpose.
    pub purpose: Purpose,
    /// The address it was mailed to, and the only one it can confirm. `None` if it was shown to an admin instead.
    pub email: Option<EmailAddress>,
    /// The user's security epoch when the link was created.
    pub epoch: i64,
    /// When the pending address, the recovery or the address change that the link is for was requested, or the factor was
    /// added. For a deletion, when the mail was queued.
    pub requested_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires; checked at every use.
    pub expires_at: Timestamp,
    /// When it was used; `None` if it was not.
    pub used_at: Option<Timestamp>,
}

/// What a link is bound to, as JSON.
#[derive(Serialize, Deserialize)]
struct Data {
    email: Option<String>,
    epoch: i64,
    requested_at: Timestamp,
}

impl Link {
    /// The unique column of the digest.
    pub const DIGEST: &'static str = "digest";

    /// Returns `true` if it was mailed to this address.
    pub fn was_mailed_to(&self, email: Option<&EmailAddress>) -> bool {
        let mailed_to = self.email.as_ref().map(EmailAddress::key);
        mailed_to.is_some() && mailed_to == email.map(EmailAddress::key)
    }

    /// A user's links, valid or not.
    pub fn of_user(user_id: UserId) -> Query {
        let purposes = Purpose::ALL.iter().map(|purpose| purpose.as_str().into());
        Query::by::<Self>(&["user_id"])
            .equal(user_id)
            .only(Condition::one_of("purpose", purposes))
    }

    /// Marks the link as used. Fails with `Stale` if it is used, replaced, deleted or expired at `at`.
    pub fn mark_used(&self, at: Timestamp) -> Write {
        let when = vec![
            Condition::is(Self::DIGEST, &self.digest),
            Condition::is_null("used_at"),
            Condition::above("expires_at", at),
        ];
        Write::update::<Self, 1>(self.id(), [("used_at", at.into())], when)
    }

    /// The key: a user has one recovery link, so that a new one replaces it, or before that one link of an invitation.
    /// Other links have one each.
    fn id(&self) -> Value {
        match self.purpose {
            Purpose::Recovery | Purpose::Invitation => self.user_id.into(),
            Purpose::Confirmation
            | Purpose::EmailUndo
            | Purpose::FactorUndo
            | Purpose::DeletionUndo => self.digest.prefix().as_slice().into(),
        }
    }
}

impl Record for Link {
    const TABLE: &'static Table = &Table {
        unique: &[Self::DIGEST],
        expires: Some("expires_at"),
        owner: Some("user_id"),
        indexes: &[&["user_id"], &["expires_at"]],
        columns: &[
            Kind::Id.column("id"),
            Kind::Digest.column("digest"),
            Kind::Id.column("user_id"),
            Kind::Key.column("purpose"),
            Kind::Text.column("data"),
            Kind::Int.column("created_at"),
            Kind::Int.column("expires_at"),
            Kind::Int.nullable("used_at"),
        ],
        ..Table::new("links")
    };

    fn to_row(&self) -> Row {
        let data = Data {
            email: self.email.as_ref().map(|email| email.as_str().to_owned()),
            epoch: self.epoch,
            requested_at: self.requested_at,
        };
        let data = serde_json::to_string(&data).expect("texts and numbers are JSON");
        Self::row([
            ("id", self.id()),
            ("digest", (&self.digest).into()),
            ("user_id", self.user_id.into()),
            ("purpose", self.purpose.as_str().into()),
            ("data", data.into()),
            ("created_at", self.created_at.into()),
            ("expires_at", self.expires_at.into()),
            ("used_at", self.used_at.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        let data: Data = row.parsed("data", |text| serde_json::from_str(text).ok())?;
        Ok(Self {
            digest: Digest::from_bytes(row.array("digest")?),
            user_id: UserId::from_bytes(row.array("user_id")?),
            purpose: row.parsed("purpose", Purpose::from_name)?,
            email: data.email.map(EmailAddress::from_stored),
            epoch: data.epoch,
            requested_at: data.requested_at,
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
            used_at: row.opt_time("used_at")?,
        })
    }
}

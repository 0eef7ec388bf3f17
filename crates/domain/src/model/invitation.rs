//! The invitation of a user: columns of the user, set once an admin has invited them.

use jiff::Timestamp;

use super::User;
use crate::store::{BadRow, Condition, Query, RowReader, Value};
use crate::string_enum::string_enum;
use crate::values::UserId;

string_enum! {
    /// How the link of an invitation reaches the user.
    InvitationDelivery {
        /// By mail. The link confirms the address that it was mailed to.
        Mail => "mail",
        /// It is shown to the admin once, who passes it on. It confirms no address.
        Link => "link",
    }
}

string_enum! {
    /// Status of an invitation.
    InvitationStatus {
        /// The user can accept it.
        Pending => "pending",
        /// The user has accepted it, and has chosen a password.
        Accepted => "accepted",
        /// The user has not accepted it in time.
        Expired => "expired",
    }
}

/// An invitation. Its link is a [`Link`](super::Link) of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// How the link reaches the user.
    pub delivery: InvitationDelivery,
    /// The admin who has sent it last; `None` for the operator.
    pub invited_by: Option<UserId>,
    /// When it was sent last.
    pub invited_at: Timestamp,
    /// When its link expires; `None` once it is accepted.
    pub expires_at: Option<Timestamp>,
}

/// Values of the column `invitation`.
const OPEN: &str = "open";
const ACCEPTED: &str = "accepted";

impl Invitation {
    /// This invitation once it is accepted.
    #[must_use]
    pub fn accepted(self) -> Self {
        Self {
            expires_at: None,
            ..self
        }
    }

    /// The status at this time.
    pub fn status(&self, now: Timestamp) -> InvitationStatus {
        match self.expires_at {
            None => InvitationStatus::Accepted,
            Some(at) if at > now => InvitationStatus::Pending,
            Some(_) => InvitationStatus::Expired,
        }
    }

    /// Users whose invitation has this status, the newest user first, older than `before`.
    pub fn of_users(status: InvitationStatus, now: Timestamp, before: Option<UserId>) -> Query {
        let (state, is_in_time) = match status {
            InvitationStatus::Pending => (OPEN, Some(Condition::above(Self::EXPIRES_AT, now))),
            InvitationStatus::Expired => (OPEN, Some(Condition::at_most(Self::EXPIRES_AT, now))),
            InvitationStatus::Accepted => (ACCEPTED, None),
        };
        let users = Query::by::<User>(&["invitation"]).equal(state).descending();
        let users = match is_in_time {
            Some(condition) => users.only(condition),
            None => users,
        };
        match before {
            // No user has the lowest id.
            Some(id) => users.at_most(id.before().unwrap_or(id)),
            None => users,
        }
    }

    /// Users who have not accepted an invitation that expired before this time, the oldest user first. Few invitations are
    /// open, so it needs no index by that time.
    pub fn expired_before(before: Timestamp) -> Query {
        let before = before.as_microsecond() - 1;
        Query::by::<User>(&["invitation"])
            .equal(OPEN)
            .only(Condition::at_most(Self::EXPIRES_AT, before))
    }

    /// The column with the time at which the link expires. NULL if the user was not invited or has accepted the invitation.
    pub(super) const EXPIRES_AT: &'static str = "invitation_expires_at";

    /// The columns of a user.
    pub(super) fn columns(invitation: Option<&Self>) -> [(&'static str, Value); 5] {
        let state = |invitation: &Self| match invitation.expires_at {
            Some(_) => OPEN,
            None => ACCEPTED,
        };
        let delivery = |invitation: &Self| invitation.delivery.as_str();
        let (by, expires_at) = (
            invitation.and_then(|invitation| invitation.invited_by),
            invitation.and_then(|invitation| invitation.expires_at),
        );
        [
            ("invitation", invitation.map(state).into()),
            ("invitation_delivery", invitation.map(delivery).into()),
            ("invited_by", by.into()),
            (
                "invited_at",
                invitation.map(|invitation| invitation.invited_at).into(),
            ),
            (Self::EXPIRES_AT, expires_at.into()),
        ]
    }

    /// Reads the columns of a user.
    pub(super) fn read(row: &RowReader<'_>) -> Result<Option<Self>, BadRow> {
        let delivery = row.opt_parsed("invitation_delivery", InvitationDelivery::from_name)?;
        let Some(delivery) = delivery else {
            return Ok(None);
        };
        Ok(Some(Self {
            delivery,
            invited_by: row.opt_array("invited_by")?.map(UserId::from_bytes),
            invited_at: row.time("invited_at")?,
            expires_at: row.opt_time(Self::EXPIRES_AT)?,
        }))
    }
}

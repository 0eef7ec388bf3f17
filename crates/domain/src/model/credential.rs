//! A credential: a password, or another means by which a user proves who they are.

use jiff::Timestamp;

use crate::store::{BadRow, Condition, Kind, Query, Record, Row, RowReader, Table, Write};
use crate::string_enum::string_enum;
use crate::values::{CredentialId, Digest, Secret, UserId};

string_enum! {
    /// Kind of a credential.
    CredentialKind {
        /// A password. `data` is its hash: a PHC string, or an imported format that `passwords::hashing::foreign` parses.
        Password => "password",
        /// The list of a user's second factors, with their recovery codes (`model/factor_set.rs`).
        FactorSet => "factor-set",
        /// The list of the enrolments that a user has begun (`factors::enrolment_list`).
        EnrolmentList => "enrolment-list",
        /// An authenticator app (`factors::totp`).
        Totp => "totp",
    }
}

impl CredentialKind {
    /// Returns `true` if the credential is a second factor.
    pub(crate) fn is_second_factor(self) -> bool {
        match self {
            Self::Password | Self::FactorSet | Self::EnrolmentList => false,
            Self::Totp => true,
        }
    }
}

/// What a user can prove who they are with. It is useless once its user is deleted.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its id. A user has one password, whose id is the user's, and one set of second factors and one list of unfinished
    /// enrolments, whose ids are derived.
    pub id: CredentialId,
    /// The owner.
    pub user_id: UserId,
    /// The kind, which says what `data` contains.
    pub kind: CredentialKind,
    /// Unique key for a sign-in that sends no identifier, such as a passkey. `None` if the user is found first.
    pub lookup: Option<Digest>,
    /// What the kind stores: at most 1,024 bytes.
    pub data: Secret<String>,
    /// When it was set, or replaced by the same in another form, as a password's hash.
    pub updated_at: Timestamp,
}

impl Credential {
    /// The unique column of the lookup.
    pub const LOOKUP: &'static str = "lookup";

    /// A user's password.
    pub fn password(user_id: UserId, hash: Secret<String>, updated_at: Timestamp) -> Self {
        Self {
            id: CredentialId::of_password(user_id),
            user_id,
            kind: CredentialKind::Password,
            lookup: None,
            data: hash,
            updated_at,
        }
    }

    /// Writes the credential in place of one with this data. The batch is stale if the stored data is another. `None` if
    /// there must be no credential: then the key is taken if there is one.
    pub(crate) fn replace(&self, stored: Option<&Secret<String>>) -> Write {
        let Some(stored) = stored else {
            return Write::insert(self);
        };
        let set = [
            ("data", self.data.expose().as_str().into()),
            ("updated_at", self.updated_at.into()),
        ];
        Write::update::<Self, 2>(self.id, set, Self::has_data(stored))
    }

    /// The condition that the stored data is as it was read.
    pub(crate) fn has_data(read: &Secret<String>) -> Vec<Condition> {
        vec![Condition::is("data", read.expose().as_str())]
    }

    /// A user's credentials.
    pub fn of_user(user_id: UserId) -> Query {
        Query::by::<Self>(&["user_id"]).equal(user_id)
    }

    /// The sets of second factors, by the id of their user.
    pub(crate) fn factor_sets() -> Query {
        Query::by::<Self>(&["kind", "user_id"]).equal(CredentialKind::FactorSet.as_str())
    }
}

impl Record for Credential {
    const TABLE: &'static Table = &Table {
        unique: &[Self::LOOKUP],
        owner: Some("user_id"),
        indexes: &[&["user_id"], &["kind", "user_id"]],
        // Only sets are listed by kind, so the others need no entry.
        common: &[
            ("kind", "password"),
            ("kind", "enrolment-list"),
            ("kind", "totp"),
        ],
        columns: &[
            Kind::Id.column("id"),
            Kind::Id.column("user_id"),
            Kind::Key.column("kind"),
            Kind::Digest.nullable(Self::LOOKUP),
            Kind::Key.column("data"),
            Kind::Int.column("updated_at"),
        ],
        ..Table::new("credentials")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("id", self.id.into()),
            ("user_id", self.user_id.into()),
            ("kind", self.kind.as_str().into()),
            (Self::LOOKUP, self.lookup.as_ref().into()),
            ("data", self.data.expose().as_str().into()),
            ("updated_at", self.updated_at.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            id: CredentialId::from_bytes(row.array("id")?),
            user_id: UserId::from_bytes(row.array("user_id")?),
            kind: row.parsed("kind", CredentialKind::from_name)?,
            lookup: row.opt_array(Self::LOOKUP)?.map(Digest::from_bytes),
            data: Secret::new(row.text("data")?),
            updated_at: row.time("updated_at")?,
        })
    }
}

//! A session. The store contains only the digest of the secret in its token (S-01).

use std::net::IpAddr;

use jiff::Timestamp;

use crate::store::{BadRow, Condition, Kind, Query, Record, Row, RowReader, Table};
use crate::string_enum::string_enum;
use crate::values::{Digest, FactorKind, SessionId, UserId};

/// Number of generations between two replacements of the token: more than the renewals of any session.
const RENEWALS_PER_REPLACEMENT: i64 = 1 << 32;

string_enum! {
    /// A way in which a user proves who they are, with the names of RFC 8176 in the stores, and in `amr` of
    /// views and tokens.
    AuthMethod {
        /// A password.
        Password => "pwd",
        /// A one-time code of an authenticator app.
        OneTimeCode => "otp",
        /// More than one factor.
        MultiFactor => "mfa",
    }
}

impl AuthMethod {
    /// The methods of a sign-in, or of a later proof, with a password and a second factor.
    pub fn with_factor(kind: FactorKind) -> Vec<Self> {
        match kind.is_one_time_password() {
            true => vec![Self::Password, Self::OneTimeCode, Self::MultiFactor],
            false => vec![Self::Password, Self::MultiFactor],
        }
    }

    /// Writes the methods of a session as words with spaces between.
    pub fn join(methods: &[Self]) -> String {
        let words: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
        words.join(" ")
    }

    /// Reads words written by [`join`](Self::join). Omits those that only a newer release knows, so that its sessions are
    /// valid on older nodes, too.
    pub fn split(text: &str) -> Vec<Self> {
        text.split(' ').filter_map(Self::from_name).collect()
    }
}

/// An open session. Its token contains a 256-bit secret, of which only the digest is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The public id.
    pub id: SessionId,
    /// Digest of the secret in the token; unique.
    pub digest: Digest,
    /// The owner.
    pub user_id: UserId,
    /// The user's `security_epoch` at creation. The session is invalid if the user's is higher.
    pub epoch: i64,
    /// Counts renewals in its lower half and replacements in its upper half. A token contains the generation in
    /// which it was issued, so that an older token is recognised.
    pub generation: i64,
    /// When the newest token was issued. The previous one stays valid for the renewal grace period.
    pub renewed_at: Timestamp,
    /// When the user signed in. The absolute lifetime starts here.
    pub created_at: Timestamp,
    /// When the user last proved who they are. A renewal does not count.
    pub auth_time: Timestamp,
    /// How the user proved it.
    pub amr: Vec<AuthMethod>,
    /// Approximate time of the last use.
    pub last_seen_at: Timestamp,
    /// When it expires unless renewed.
    pub expires_at: Timestamp,
    /// IP address of the client that signed in.
    pub address: Option<IpAddr>,
    /// User agent of that client, cut to 256 characters.
    pub user_agent: Option<String>,
}

impl Session {
    /// Generation of the first token. The first token, and the first after a replacement, have no predecessor.
    pub const FIRST_GENERATION: i64 = 1;

    /// Returns `true` if the newest token has a predecessor, which may be in its grace period.
    pub(crate) fn has_previous(&self) -> bool {
        self.generation % RENEWALS_PER_REPLACEMENT != Self::FIRST_GENERATION
    }

    /// Generation of a token that replaces all previous ones.
    pub(crate) fn generation_after_replacement(&self) -> i64 {
        (replacements(self.generation) + 1) * RENEWALS_PER_REPLACEMENT + Self::FIRST_GENERATION
    }
}

impl Session {
    /// The unique column of the digest.
    pub const DIGEST: &'static str = "digest";

    /// A user's sessions that have not expired at `now`, newest first.
    pub fn of_user(user_id: UserId, now: Timestamp) -> Query {
        Query::by::<Self>(&["user_id"])
            .equal(user_id)
            .only(Condition::above("expires_at", now))
            .descending()
    }
}

impl Record for Session {
    const TABLE: &'static Table = &Table {
        unique: &[Self::DIGEST],
        expires: Some("expires_at"),
        owner: Some("user_id"),
        indexes: &[&["user_id"], &["expires_at"]],
        columns: &[
            Kind::Id.column("id"),
            Kind::Digest.column(Self::DIGEST),
            Kind::Id.column("user_id"),
            Kind::Int.column("epoch"),
            Kind::Int.column("generation"),
            Kind::Int.column("renewed_at"),
            Kind::Int.column("created_at"),
            Kind::Int.column("auth_time"),
            Kind::Text.column("amr"),
            Kind::Int.column("last_seen_at"),
            Kind::Int.column("expires_at"),
            Kind::Text.nullable("address"),
            Kind::Text.nullable("user_agent"),
        ],
        ..Table::new("sessions")
    };

    fn to_row(&self) -> Row {
        let address = self.address.map(|address| address.to_string());
        Self::row([
            ("id", self.id.into()),
            (Self::DIGEST, (&self.digest).into()),
            ("user_id", self.user_id.into()),
            ("epoch", self.epoch.into()),
            ("generation", self.generation.into()),
            ("renewed_at", self.renewed_at.into()),
            ("created_at", self.created_at.into()),
            ("auth_time", self.auth_time.into()),
            ("amr", AuthMethod::join(&self.amr).into()),
            ("last_seen_at", self.last_seen_at.into()),
            ("expires_at", self.expires_at.into()),
            ("address", address.into()),
            ("user_agent", self.user_agent.as_deref().into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            id: SessionId::from_bytes(row.array("id")?),
            digest: Digest::from_bytes(row.array(Self::DIGEST)?),
            user_id: UserId::from_bytes(row.array("user_id")?),
            epoch: row.int("epoch")?,
            generation: row.int("generation")?,
            renewed_at: row.time("renewed_at")?,
            created_at: row.time("created_at")?,
            auth_time: row.time("auth_time")?,
            amr: AuthMethod::split(&row.text("amr")?),
            last_seen_at: row.time("last_seen_at")?,
            expires_at: row.time("expires_at")?,
            address: row.opt_parsed("address", |text| text.parse().ok())?,
            user_agent: row.opt_text("user_agent")?,
        })
    }
}

/// Number of replacements before a token of this generation.
pub(crate) fn replacements(generation: i64) -> i64 {
    generation / RENEWALS_PER_REPLACEMENT
}

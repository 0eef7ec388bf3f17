//! A stored key pair for signing tokens.

use jiff::Timestamp;

use crate::store::{BadRow, Kind, Query, Record, Row, RowReader, Table};

/// An Ed25519 key pair. The private key is sealed with the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The id in token headers and the JWKS.
    pub kid: String,
    /// The position in the order of the keys; unique, so that of two nodes that create the next key only one
    /// succeeds. It does not depend on the nodes' clocks.
    pub position: i64,
    /// The public key, 32 bytes.
    pub public: [u8; 32],
    /// The sealed private key; `keys::seal` opens it.
    pub sealed: Vec<u8>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When a newer key replaced it. It verifies tokens until the last one it signed has expired.
    pub retired_at: Option<Timestamp>,
}

impl SigningKey {
    /// All keys, newest first.
    pub fn newest_first() -> Query {
        Query::by::<Self>(&["position"]).descending()
    }
}

impl Record for SigningKey {
    const TABLE: &'static Table = &Table {
        unique: &["position"],
        indexes: &[&["position"]],
        columns: &[
            Kind::Key.column("kid"),
            Kind::Int.column("position"),
            Kind::Blob.column("public_half"),
            Kind::Blob.column("sealed"),
            Kind::Int.column("created_at"),
            Kind::Int.nullable("retired_at"),
        ],
        ..Table::new("signing_keys")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("kid", self.kid.as_str().into()),
            ("position", self.position.into()),
            ("public_half", self.public.as_slice().into()),
            ("sealed", self.sealed.as_slice().into()),
            ("created_at", self.created_at.into()),
            ("retired_at", self.retired_at.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            kid: row.text("kid")?,
            position: row.int("position")?,
            public: row.array("public_half")?,
            sealed: row.bytes("sealed")?,
            created_at: row.time("created_at")?,
            retired_at: row.opt_time("retired_at")?,
        })
    }
}

//! A key pair that tokens are signed with, as it is kept.

use jiff::Timestamp;

/// An Ed25519 key pair; the private half sealed with the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its name in token headers and the JWKS.
    pub kid: String,
    /// The public half, 32 bytes.
    pub public: [u8; 32],
    /// The private half, sealed; `tokens::seal` opens it.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a newer one took over. It verifies until the last token of its own has expired.
    pub retired_at: Option<Timestamp>,
}

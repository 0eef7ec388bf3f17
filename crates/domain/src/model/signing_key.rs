//! A stored key pair for signing tokens.

use jiff::Timestamp;

/// An Ed25519 key pair. The private key is sealed with the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The id in token headers and the JWKS.
    pub kid: String,
    /// The public key, 32 bytes.
    pub public: [u8; 32],
    /// The sealed private key; `tokens::seal` opens it.
    pub sealed: Vec<u8>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When a newer key replaced it. It verifies tokens until the last one it signed has expired.
    pub retired_at: Option<Timestamp>,
}

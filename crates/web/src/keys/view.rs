//! The views of a signing key.

use doorward_domain::keys::KeyUse;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The signing keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKeyList)]
pub(crate) struct SigningKeyListView {
    /// The keys, newest first.
    pub(super) items: Vec<SigningKeyView>,
}

/// A signing key. Its public half is in the JWKS.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub(crate) struct SigningKeyView {
    /// Key id, as in token headers and the JWKS.
    #[schema(example = "JzVvN7a0n5D9uRkX")]
    kid: String,
    /// Creation time.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// When a newer key replaced it; null if none has.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    retired_at: Option<Timestamp>,
    /// `true` if new session tokens are signed with it.
    signs_sessions: bool,
    /// `true` if new audience tokens are signed with it: a new key signs them ten minutes later, when services have loaded it.
    signs_audience_tokens: bool,
    /// When it is deleted, since the last token that it signed has expired; null if no newer key has replaced it.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    verifies_until: Option<Timestamp>,
}

impl From<&KeyUse> for SigningKeyView {
    fn from(key_use: &KeyUse) -> Self {
        Self {
            kid: key_use.key.kid.clone(),
            created_at: key_use.key.created_at,
            retired_at: key_use.key.retired_at,
            signs_sessions: key_use.signs_sessions,
            signs_audience_tokens: key_use.signs_audience_tokens,
            verifies_until: key_use.verifies_until,
        }
    }
}

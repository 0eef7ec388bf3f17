//! Signing keys, and what is signed and encrypted with them.
//!
//! Signing keys are created at the first start, rotated by age, by the operator or by an admin, and stored until all tokens that
//! they signed have expired (J-06). A key that may be compromised is revoked at once: `rotation`. `store` loads them into the
//! `keyring`.
//!
//! Signed tokens are two kinds of JWT with one algorithm (`jwt`). They follow RFC 8725: the header is compared, never followed (3.1), each
//! kind has its own `typ` (3.11), every claim is read into a strict struct (3.8). `seal` encrypts private keys, the secrets of
//! authenticator apps and the cookie of a sign-up under the master key. `counter_keys` (keys of rate limit counters) are not JWTs.

mod counter_keys;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod jwt;
mod keyring;
mod rotation;
mod seal;
mod store;

use jiff::SignedDuration;

pub use counter_keys::CounterKeys;
pub use jwt::{AudienceClaims, SessionClaims};
pub(crate) use keyring::KeyringVersion;
pub use keyring::{Keyring, KeyringError, PublicKey, Verified};
pub use rotation::{KeyUse, Keys};
pub use seal::{MasterKey, UnsealError};
pub use store::KeysError;
pub(crate) use store::{KeyStore, RefreshReason};

/// Time that a new key is in the JWKS before it signs audience tokens. Other services may cache the JWKS for five
/// minutes, and many libraries refresh it for an unknown key at most every 30 seconds. Without this delay, each
/// rotation would make them reject valid tokens.
pub(crate) const JWKS_LEAD_TIME: SignedDuration = SignedDuration::from_mins(10);

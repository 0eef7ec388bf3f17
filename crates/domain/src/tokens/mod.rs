//! Signed tokens: two kinds of JWT with one algorithm.
//!
//! They follow RFC 8725: the header is compared, never followed (3.1), each kind has its own `typ` (3.11), every
//! claim is read into a strict struct (3.8). `jwt` contains the format, `keyring` the keys, `seal` the encryption
//! of private keys. `counter_keys` (keys of rate limit counters) are not JWTs.

mod counter_keys;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod jwt;
mod keyring;
mod seal;

pub use counter_keys::CounterKeys;
pub use jwt::{AudienceClaims, SessionClaims};
pub(crate) use keyring::KeyringVersion;
pub use keyring::{Keyring, KeyringError, PublicKey, Verified};
pub use seal::{MasterKey, UnsealError};

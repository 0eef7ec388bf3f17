//! Fuzz target for the device cookie; see [`crate::fuzzing`].

use jiff::Timestamp;

use super::super::MasterKey;
use crate::ctx::KnownDevice;
use crate::devices::DeviceCookies;
use crate::model::AuthMethod;
use crate::values::{Digest, Secret, UserId};

fn master() -> MasterKey {
    MasterKey::from_secret(Secret::new(vec![7; 32])).expect("32 bytes are a key")
}

/// only genuine entries of a cookie are accepted; each `*` of the input becomes one. A sign-in puts its
/// account first and retains the other genuine entries, and the cookie stays small.
pub fn device_cookies(data: &[u8]) {
    let now = Timestamp::UNIX_EPOCH;
    let devices = DeviceCookies::new(master().mac_key("device"));
    let device = |byte, amr: &[_]| {
        let owner = (UserId::from_bytes([byte; 16]), 1);
        KnownDevice::of_sign_in(owner, &Digest::of(&[byte]), amr, now)
    };
    let own = devices.write(None, &device(1, &[AuthMethod::MultiFactor]));
    let text = String::from_utf8_lossy(data).replace('*', own.expose());
    let known = devices.read(&text, now);
    let genuine = text.split('.').filter(|part| part == own.expose()).count();
    assert!(known.len() <= genuine.min(5));
    let other = device(2, &[]);
    let after = devices.write(Some(&text), &other);
    let after = after.expose();
    assert!(after.len() < 600 && after.is_ascii());
    let again = devices.read(after, now);
    assert_eq!(again.first(), Some(&other));
    assert_eq!(again[1..], known[..known.len().min(4)]);
}

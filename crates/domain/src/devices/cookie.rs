//! The cookie of a known device: proof that a client has signed in to an account before.
//!
//! It grants no access. A known device has its own backoff, so that other clients' wrong passwords do not delay or
//! lock out the owner. An entry contains the user, the sign-in that created it, the account's security epoch and
//! the time, under an HMAC. A new epoch (new password, recovery, another address, all sessions ended) voids it
//! . One cookie contains several entries, for users who share a browser. The tag of an entry also says whether the
//! sign-in has passed a second factor: such a device has its own count of wrong codes.

use std::iter::once;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::hmac;

use crate::ctx::KnownDevice;
use crate::values::{Secret, UserId};

/// Time for which a device is known after its last sign-in.
pub const KNOWN_DEVICE_LIFETIME: Duration = Duration::from_secs(180 * 24 * 3600);
/// Maximum number of accounts in one cookie; beyond it, the oldest is dropped.
const MAX_ENTRIES: usize = 5;
/// User id, sign-in, epoch, seconds.
const SIGNED_LEN: usize = 16 + 16 + 8 + 8;
/// What follows the signed bytes under the HMAC if the sign-in has passed a second factor.
const WITH_FACTOR: &[u8] = b"factor";
/// The signed bytes and a MAC, in base64.
const TEXT_LEN: usize = ((SIGNED_LEN + 32) * 4).div_ceil(3);

/// Creates and reads device cookies.
pub(crate) struct DeviceCookies(hmac::Key);

impl DeviceCookies {
    pub(crate) fn new(key: hmac::Key) -> Self {
        Self(key)
    }

    /// The valid entries of a cookie, newest first; others are ignored.
    pub(crate) fn read(&self, cookie: &str, now: Timestamp) -> Vec<KnownDevice> {
        let entries = self.entries(cookie, now);
        entries.map(|(_, device)| device).collect()
    }

    /// The cookie after a sign-in on this device: a new entry for its user, and those of other users in `before`.
    pub(crate) fn write(&self, before: Option<&str>, device: &KnownDevice) -> Secret<String> {
        let signed = [
            device.user_id.as_bytes().as_slice(),
            &device.sign_in,
            &device.epoch.to_be_bytes(),
            &device.signed_in_at.as_second().to_be_bytes(),
        ]
        .concat();
        let tagged = tagged(&signed, device.passed_factor);
        let tag = hmac::sign(&self.0, &tagged);
        let newest = URL_SAFE_NO_PAD.encode([signed.as_slice(), tag.as_ref()].concat());
        let others = self
            .entries(before.unwrap_or_default(), device.signed_in_at)
            .filter(|(_, other)| other.user_id != device.user_id)
            .map(|(text, _)| text.to_owned());
        let all: Vec<_> = once(newest).chain(others).take(MAX_ENTRIES).collect();
        Secret::new(all.join("."))
    }

    fn entries<'a>(
        &'a self,
        cookie: &'a str,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'a str, KnownDevice)> {
        let parts = cookie.split('.').take(MAX_ENTRIES);
        parts.filter_map(move |text| Some((text, self.entry(text, now)?)))
    }

    fn entry(&self, text: &str, now: Timestamp) -> Option<KnownDevice> {
        if text.len() != TEXT_LEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signed, tag) = bytes.split_at_checked(SIGNED_LEN)?;
        let passed_factor = [false, true].into_iter().find(|passed_factor| {
            let tagged = tagged(signed, *passed_factor);
            hmac::verify(&self.0, &tagged, tag).is_ok()
        })?;
        let (user_id, rest) = signed.split_first_chunk::<16>()?;
        let (sign_in, rest) = rest.split_first_chunk::<16>()?;
        let (epoch, at) = rest.split_first_chunk::<8>()?;
        let at = i64::from_be_bytes(at.try_into().ok()?);
        let age = now.as_second().checked_sub(at)?;
        let signed_in_at = Timestamp::from_second(at).ok()?;
        let is_current = age <= i64::try_from(KNOWN_DEVICE_LIFETIME.as_secs()).ok()?;
        is_current.then(|| KnownDevice {
            user_id: UserId::from_bytes(*user_id),
            sign_in: *sign_in,
            epoch: i64::from_be_bytes(*epoch),
            passed_factor,
            signed_in_at,
        })
    }
}

/// What the HMAC of an entry covers.
fn tagged(signed: &[u8], passed_factor: bool) -> Vec<u8> {
    let suffix = if passed_factor { WITH_FACTOR } else { &[] };
    [signed, suffix].concat()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::keys::MasterKey;
    use crate::model::AuthMethod;
    use crate::values::Digest;

    fn cookies(byte: u8, purpose: &str) -> DeviceCookies {
        let master = MasterKey::from_secret(Secret::new(vec![byte; 32])).unwrap();
        DeviceCookies::new(master.mac_key(purpose))
    }

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    fn user(byte: u8) -> UserId {
        UserId::from_bytes([byte; 16])
    }

    fn device(byte: u8, amr: &[AuthMethod]) -> KnownDevice {
        KnownDevice::of_sign_in((user(byte), 1), &Digest::of(&[byte]), amr, now())
    }

    /// several users share a browser; the sixth account replaces the oldest.
    #[test]
    fn a_cookie_holds_the_last_five_accounts() {
        let cookies = cookies(1, "device");
        let mut cookie = None;
        for byte in [1, 2, 1, 3, 4, 5, 6] {
            let before = cookie.as_ref().map(Secret::expose).map(String::as_str);
            cookie = Some(cookies.write(before, &device(byte, &[])));
        }
        let cookie = cookie.unwrap();
        let known = cookies.read(cookie.expose(), now());
        let ids: Vec<_> = known.iter().map(|known| known.user_id).collect();
        assert_eq!(ids, [6, 5, 4, 3, 1].map(user));
        assert!(cookie.expose().len() < 600);
    }

    /// an entry says whether its sign-in has passed a second factor.
    #[test]
    fn a_cookie_says_whether_the_factor_was_passed() {
        let cookies = cookies(1, "device");
        for amr in [
            &[AuthMethod::Password][..],
            &[AuthMethod::Password, AuthMethod::MultiFactor],
        ] {
            let device = device(1, amr);
            let cookie = cookies.write(None, &device);
            assert_eq!(cookies.read(cookie.expose(), now()), [device]);
        }
    }

    /// a cookie is valid for 180 days, under this server's key, and unmodified.
    #[test]
    fn a_cookie_is_valid_unmodified_and_for_180_days() {
        let known = cookies(1, "device");
        let cookie = known.write(None, &device(1, &[]));
        let text = cookie.expose().as_str();
        let later = |days: i64| now() + SignedDuration::from_hours(24 * days);
        assert_eq!(known.read(text, later(180)).len(), 1);
        assert_eq!(known.read(text, later(181)), []);
        assert_eq!(cookies(2, "device").read(text, now()), []);
        assert_eq!(cookies(1, "form").read(text, now()), []);
        for at in 0..text.len() {
            let mut modified = text.to_owned().into_bytes();
            modified[at] = if modified[at] == b'A' { b'B' } else { b'A' };
            let modified = String::from_utf8(modified).unwrap();
            assert_eq!(known.read(&modified, now()), [], "{at}");
            assert_eq!(known.read(&text[..at], now()), [], "{at}");
        }
        for invalid in [
            "",
            ".",
            "....",
            "é",
            &"A".repeat(TEXT_LEN),
            &"A.".repeat(9000),
        ] {
            assert_eq!(known.read(invalid, now()), [], "{invalid}");
        }
        let two = format!("x.{text}");
        assert_eq!(known.read(&two, now()).len(), 1, "the valid entry counts");
    }
}

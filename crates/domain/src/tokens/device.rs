//! What a browser keeps to be known again: proof that somebody has signed in here before.
//!
//! It opens nothing: whoever shows it has guesses at that account's password of their own, so that strangers
//! cannot use up the owner's. It says which account was signed in to, in which of its epochs, by which
//! sign-in and when, under a MAC. Whatever begins a new epoch (a new password, a recovery, another address,
//! the end of all sessions) ends it as it ends sessions. The session of that sign-in, its token and this
//! count as one. One cookie holds several, for the people who share a browser.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::hmac;

use crate::model::{Session, User};
use crate::throttle::KNOWN_FOR;
use crate::values::{Digest, Secret, UserId};

/// How many accounts one browser is known to; the oldest makes room.
const MOST: usize = 5;
/// User id, sign-in, epoch, seconds, MAC.
const LEN: usize = 16 + 16 + 8 + 8 + 32;
const SIGNED: usize = LEN - 32;
/// The same in base64.
const TEXT_LEN: usize = (LEN * 4).div_ceil(3);

/// An account that a client has signed in to before, as it can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquaintance {
    /// Which account.
    pub user_id: UserId,
    /// What its guesses are counted under.
    pub(crate) key: String,
    when: When,
}

/// Of when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Of that epoch of the account.
    Epoch(i64),
    /// From that second: a session's token does not tell an epoch.
    IssuedAt(i64),
}

impl Acquaintance {
    /// What an open session shows.
    pub fn of_session(session: &Session) -> Self {
        Self {
            user_id: session.user_id,
            key: key_of(&sign_in_of(&session.digest)),
            when: When::Epoch(session.epoch),
        }
    }

    /// What a session's token shows, though the session may be over.
    pub(crate) fn of_token(user_id: UserId, session: &Digest, issued_at: i64) -> Self {
        Self {
            user_id,
            key: key_of(&sign_in_of(session)),
            when: When::IssuedAt(issued_at),
        }
    }

    /// Whether it tells that it is of that account as it is now.
    pub(crate) fn is_of(&self, user: &User) -> bool {
        self.user_id == user.id && self.when == When::Epoch(user.session_epoch)
    }

    /// From which second it is, where it does not tell the account's epoch.
    pub(crate) fn issued_at(&self) -> Option<i64> {
        match self.when {
            When::Epoch(_) => None,
            When::IssuedAt(at) => Some(at),
        }
    }

    /// Whose budget it takes from at a door.
    pub(crate) fn door_key(&self) -> String {
        match self.when {
            When::Epoch(epoch) => format!("user/{}/{epoch}", self.user_id),
            When::IssuedAt(_) => self.key.clone(),
        }
    }
}

/// Which sign-in that was, by the digest of its session's secret.
fn sign_in_of(session: &Digest) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&session.as_bytes()[..16]);
    id
}

/// What the guesses of one sign-in are counted under, whatever of it is shown.
fn key_of(sign_in: &[u8; 16]) -> String {
    format!("client/{}", URL_SAFE_NO_PAD.encode(sign_in))
}

/// Makes and reads them.
pub(crate) struct Devices(hmac::Key);

impl Devices {
    pub(crate) fn new(key: hmac::Key) -> Self {
        Self(key)
    }

    /// What holds in a cookie, newest first; anything else in it counts for nothing.
    pub(crate) fn read(&self, cookie: &str, now: Timestamp) -> Vec<Acquaintance> {
        let entries = self.entries(cookie, now);
        entries.map(|(_, acquaintance)| acquaintance).collect()
    }

    /// The cookie after a sign-in that made this session: what it held of others, and this account anew. A
    /// stolen copy of the old one is another device from now on, with the few guesses that it has left.
    pub(crate) fn write(
        &self,
        before: Option<&str>,
        (user_id, epoch): (UserId, i64),
        session: &Digest,
        now: Timestamp,
    ) -> Secret<String> {
        let id = sign_in_of(session);
        let at = now.as_second().to_be_bytes();
        let epoch = epoch.to_be_bytes();
        let signed = [user_id.as_bytes().as_slice(), &id, &epoch, &at].concat();
        let tag = hmac::sign(&self.0, &signed);
        let newest = URL_SAFE_NO_PAD.encode([signed.as_slice(), tag.as_ref()].concat());
        let others = self.entries(before.unwrap_or_default(), now);
        let others = others
            .filter(|(_, other)| other.user_id != user_id)
            .map(|(text, _)| text.to_owned());
        let all: Vec<_> = std::iter::once(newest).chain(others).take(MOST).collect();
        Secret::new(all.join("."))
    }

    fn entries<'a>(
        &'a self,
        cookie: &'a str,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'a str, Acquaintance)> {
        let parts = cookie.split('.').take(MOST);
        parts.filter_map(move |text| Some((text, self.entry(text, now)?)))
    }

    fn entry(&self, text: &str, now: Timestamp) -> Option<Acquaintance> {
        if text.len() != TEXT_LEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signed, tag) = bytes.split_at_checked(SIGNED)?;
        hmac::verify(&self.0, signed, tag).ok()?;
        let (user_id, rest) = signed.split_first_chunk::<16>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (epoch, at) = rest.split_first_chunk::<8>()?;
        let at = i64::from_be_bytes(at.try_into().ok()?);
        let age = now.as_second().checked_sub(at)?;
        let is_known = age <= i64::try_from(KNOWN_FOR.as_secs()).ok()?;
        is_known.then(|| Acquaintance {
            user_id: UserId::from_bytes(*user_id),
            key: key_of(id),
            when: When::Epoch(i64::from_be_bytes(*epoch)),
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::tokens::MasterKey;

    fn devices(byte: u8, purpose: &str) -> Devices {
        let master = MasterKey::from_secret(Secret::new(vec![byte; 32])).unwrap();
        Devices::new(master.mac_key(purpose))
    }

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    fn user(byte: u8) -> UserId {
        UserId::from_bytes([byte; 16])
    }

    /// several people share a browser; the sixth makes the first one a stranger.
    #[test]
    fn a_cookie_holds_the_last_few_accounts() {
        let devices = devices(1, "device");
        let mut cookie = None;
        for byte in [1, 2, 1, 3, 4, 5, 6] {
            let before = cookie.as_ref().map(Secret::expose).map(String::as_str);
            cookie = Some(devices.write(before, (user(byte), 1), &Digest::of(&[byte]), now()));
        }
        let cookie = cookie.unwrap();
        let known = devices.read(cookie.expose(), now());
        let ids: Vec<_> = known.iter().map(|known| known.user_id).collect();
        assert_eq!(ids, [6, 5, 4, 3, 1].map(user));
        assert!(cookie.expose().len() < 600, "with room in a cookie");
    }

    /// known for 180 days, by the key of this server alone, and as it was written.
    #[test]
    fn a_cookie_holds_as_it_was_written_and_for_half_a_year() {
        let known = devices(1, "device");
        let cookie = known.write(None, (user(1), 1), &Digest::of(b"a"), now());
        let text = cookie.expose().as_str();
        let later = |days: i64| now() + SignedDuration::from_hours(24 * days);
        assert_eq!(known.read(text, later(180)).len(), 1);
        assert_eq!(known.read(text, later(181)), []);
        assert_eq!(devices(2, "device").read(text, now()), []);
        assert_eq!(devices(1, "form").read(text, now()), []);
        for at in 0..text.len() {
            let mut touched = text.to_owned().into_bytes();
            touched[at] = if touched[at] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(touched).unwrap();
            assert_eq!(known.read(&touched, now()), [], "{at}");
            assert_eq!(known.read(&text[..at], now()), [], "{at}");
        }
        for odd in [
            "",
            ".",
            "....",
            "é",
            &"A".repeat(TEXT_LEN),
            &"A.".repeat(9000),
        ] {
            assert_eq!(known.read(odd, now()), [], "{odd}");
        }
        let two = format!("x.{text}");
        assert_eq!(known.read(&two, now()).len(), 1, "the sound one counts");
    }
}

//! What the fuzzer asks of what a browser brings back; see [`crate::fuzzing`].

use jiff::Timestamp;

use super::super::{Devices, FormTokens, MasterKey, ShownTo};
use crate::memory::SeededSecrets;
use crate::values::{Digest, Secret, UserId};

fn master() -> MasterKey {
    MasterKey::from_secret(Secret::new(vec![7; 32])).expect("32 bytes are a key")
}

/// W-03: the first line is the name of a visit, the rest a form's token. None is known that was not made
/// for that visit, and what was made has one spelling and one owner.
pub fn form_tokens(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (visit, token) = text.split_once('\n').unwrap_or((&text, ""));
    let tokens = FormTokens::new(master().mac_key("form"));
    let visitor = ShownTo::Visit(visit.to_owned());
    let link = ShownTo::Link(visit.to_owned());
    let made = tokens.make(&visitor, &SeededSecrets::new(1));
    assert!(tokens.knows(&visitor, &made) && !tokens.knows(&link, &made));
    assert_eq!(tokens.knows(&visitor, token), token == made, "{token}");
    assert!(!tokens.knows(&link, token));
    for spelled in [format!("{made}{token}"), format!("{token}{made}")] {
        assert_eq!(tokens.knows(&visitor, &spelled), token.is_empty());
    }
}

/// in a cookie only our own entries count, and each `*` becomes one. A sign-in puts its account in
/// front, keeps others that count, and the cookie stays small.
pub fn device_cookies(data: &[u8]) {
    let now = Timestamp::UNIX_EPOCH;
    let devices = Devices::new(master().mac_key("device"));
    let own = devices.write(
        None,
        (UserId::from_bytes([1; 16]), 1),
        &Digest::of(b"a"),
        now,
    );
    let text = String::from_utf8_lossy(data).replace('*', own.expose());
    let known = devices.read(&text, now);
    let genuine = text.split('.').filter(|part| part == own.expose()).count();
    assert!(known.len() <= genuine.min(5));
    let who = UserId::from_bytes([2; 16]);
    let after = devices.write(Some(&text), (who, 1), &Digest::of(b"b"), now);
    let after = after.expose();
    assert!(after.len() < 600 && after.is_ascii());
    let again = devices.read(after, now);
    assert_eq!(again.first().map(|known| known.user_id), Some(who));
    assert_eq!(again[1..], known[..known.len().min(4)]);
}

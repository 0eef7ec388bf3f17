//! Form tokens: whether a form was sent by the browser that it was shown to (W-03).
//!
//! A page's form carries `random || HMAC(key, whom it was shown to || random)`. Another site can make
//! a browser send a form, and the cookies with it, but cannot know what belongs into the form. Nothing
//! is kept: the key comes from the master key, so that every node takes what any of them gave out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::ports::Secrets;
use crate::values::SessionId;

const RANDOM_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// Whom a form was shown to.
#[derive(Clone, PartialEq, Eq)]
pub enum ShownTo {
    /// Somebody who is signed in.
    Session(SessionId),
    /// A browser that is not, by the name of its visit: chance, and good for nothing else (S-02).
    Visit(String),
    /// Whoever has a mailed link, by the secret in its address, which no other site knows: mail is read
    /// in browsers that keep no cookies, and what a link does is done to no session.
    Link(String),
}

impl ShownTo {
    /// What goes into the digest. The first byte tells the kinds apart: a visit never stands for a
    /// session, whatever it is called.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Session(id) => [b"s", id.to_string().as_bytes()].concat(),
            Self::Visit(name) => [b"v", name.as_bytes()].concat(),
            Self::Link(secret) => [b"l", secret.as_bytes()].concat(),
        }
    }
}

/// Makes form tokens, and knows its own.
pub struct FormTokens(hmac::Key);

impl FormTokens {
    pub(crate) fn new(key: hmac::Key) -> Self {
        Self(key)
    }

    /// A name for a visit that begins: 128 random bits.
    pub fn new_visit(secrets: &dyn Secrets) -> String {
        let mut name = [0; RANDOM_BYTES];
        secrets.fill(&mut name);
        URL_SAFE_NO_PAD.encode(name)
    }

    /// A token, another one each time, so that compression tells nothing of it.
    pub fn make(&self, shown_to: &ShownTo, secrets: &dyn Secrets) -> String {
        let mut random = [0; RANDOM_BYTES];
        secrets.fill(&mut random);
        let mac = hmac::sign(&self.0, &[&shown_to.bytes(), random.as_slice()].concat());
        URL_SAFE_NO_PAD.encode([random.as_slice(), mac.as_ref()].concat())
    }

    /// Whether it was made for them. Compared in constant time (C-04).
    pub fn knows(&self, shown_to: &ShownTo, token: &str) -> bool {
        let decoded = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        if decoded.len() != RANDOM_BYTES + MAC_BYTES {
            return false;
        }
        let (random, mac) = decoded.split_at(RANDOM_BYTES);
        let said = [&shown_to.bytes(), random].concat();
        hmac::verify(&self.0, &said, mac).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SeededSecrets;
    use crate::tokens::MasterKey;
    use crate::values::Secret;

    fn tokens(master: u8, purpose: &str) -> FormTokens {
        let master = MasterKey::from_secret(Secret::new(vec![master; 32])).unwrap();
        FormTokens::new(master.mac_key(purpose))
    }

    /// W-03: by the browser it was shown to, on every node of one master key, and nothing else.
    #[test]
    fn a_token_is_good_for_whom_it_was_made_for_alone() {
        let secrets = SeededSecrets::new(1);
        let (ours, again) = (tokens(1, "form"), tokens(1, "form"));
        let visit = ShownTo::Visit(FormTokens::new_visit(&secrets));
        let token = ours.make(&visit, &secrets);
        assert!(ours.knows(&visit, &token) && again.knows(&visit, &token));
        assert_ne!(ours.make(&visit, &secrets), token);
        let other = ShownTo::Visit(FormTokens::new_visit(&secrets));
        let session = SessionId::generate(jiff::Timestamp::UNIX_EPOCH, &secrets);
        let called_alike = ShownTo::Visit(session.to_string());
        assert!(!ours.knows(&other, &token));
        let of_session = ours.make(&ShownTo::Session(session), &secrets);
        assert!(ours.knows(&ShownTo::Session(session), &of_session));
        assert!(!ours.knows(&called_alike, &of_session));
        let link = ShownTo::Link(session.to_string());
        assert!(
            !ours.knows(&link, &of_session)
                && !ours.knows(&called_alike, &ours.make(&link, &secrets))
        );
        for stranger in [tokens(2, "form"), tokens(1, "other")] {
            assert!(!stranger.knows(&visit, &token));
        }
    }

    /// W-03: T-TOKEN of it.
    #[test]
    fn a_token_that_was_cut_or_touched_is_none() {
        let secrets = SeededSecrets::new(1);
        let (ours, visit) = (tokens(1, "form"), ShownTo::Visit(String::new()));
        let token = ours.make(&visit, &secrets);
        for length in 0..token.len() {
            assert!(!ours.knows(&visit, &token[..length]), "{length}");
            let mut touched = token.clone().into_bytes();
            touched[length] = if touched[length] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(touched).unwrap();
            assert!(!ours.knows(&visit, &touched), "{length}");
        }
        for wrong in ["null", "0", "[]", " ", "\0"] {
            assert!(!ours.knows(&visit, wrong) && !ours.knows(&visit, &format!("{token}{wrong}")));
        }
        assert!(!ours.knows(&visit, &format!("{token}=")));
    }
}

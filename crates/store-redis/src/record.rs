//! A session as a Redis hash: numbers in decimal, without missing values and without what the key contains.
//!
//! Redis stores a small hash compactly if no value is longer than 64 bytes, which halves the memory of a
//! session. The user agent is longer, so it is stored in pieces.

use std::collections::HashMap;

use doorward_domain::model::{AuthMethod, Session};
use doorward_domain::values::{Digest, SessionId, UserId};
use jiff::Timestamp;
use redis::FromRedisValue;

use crate::fault::RedisFault;

const PIECE_BYTES: usize = 64;

/// Fields of the pieces of the user agent: up to 256 characters of four bytes.
const PIECES: [&str; 18] = [
    "agent", "agent1", "agent2", "agent3", "agent4", "agent5", "agent6", "agent7", "agent8",
    "agent9", "agent10", "agent11", "agent12", "agent13", "agent14", "agent15", "agent16",
    "agent17",
];

/// Time to live of a session in milliseconds, from the moment it is written. It does not depend on the
/// clock of Redis.
pub(crate) fn lifetime(session: &Session) -> i64 {
    let written_at = session.created_at.max(session.renewed_at);
    let micros = session
        .expires_at
        .as_microsecond()
        .saturating_sub(written_at.as_microsecond());
    // Rounded up: the stored expiry is checked at every read.
    micros.saturating_add(999).div_euclid(1000).max(1)
}

/// Fields and values of a session.
pub(crate) fn write(session: &Session) -> Vec<(&'static str, String)> {
    let Session {
        id,
        digest: _,
        user_id: _,
        epoch,
        generation,
        renewed_at,
        created_at,
        auth_time,
        amr,
        last_seen_at,
        expires_at,
        address,
        user_agent,
    } = session;
    let micros = |at: &Timestamp| at.as_microsecond().to_string();
    let mut fields = vec![
        ("id", id.to_string()),
        ("epoch", epoch.to_string()),
        ("generation", generation.to_string()),
        ("renewed_at", micros(renewed_at)),
        ("created_at", micros(created_at)),
        ("auth_time", micros(auth_time)),
        ("amr", AuthMethod::join(amr)),
        ("last_seen_at", micros(last_seen_at)),
        ("expires_at", micros(expires_at)),
    ];
    fields.extend(address.map(|address| ("address", address.to_string())));
    if let Some(text) = user_agent {
        fields.extend(PIECES.into_iter().zip(pieces(text)));
    }
    fields
}

/// Splits a text into pieces of at most 64 bytes. An empty text is one piece. The last piece may be longer.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for sign in text.chars() {
        let is_last = pieces.len() == PIECES.len();
        match pieces.last_mut() {
            Some(piece) if is_last || piece.len() + sign.len_utf8() <= PIECE_BYTES => {
                piece.push(sign);
            }
            _ => pieces.push(sign.to_string()),
        }
    }
    pieces
}

/// Fields and values of a hash.
pub(crate) struct SessionRecord(HashMap<String, String>);

impl FromRedisValue for SessionRecord {
    fn from_redis_value(value: redis::Value) -> Result<Self, redis::ParsingError> {
        HashMap::from_redis_value(value).map(Self)
    }
}

impl SessionRecord {
    /// Returns the session. `None` if the hash does not exist.
    pub(crate) fn read(
        self,
        user_id: UserId,
        digest: Digest,
    ) -> Result<Option<Session>, RedisFault> {
        if self.0.is_empty() {
            return Ok(None);
        }
        Ok(Some(Session {
            id: self.parsed::<SessionId>("id")?,
            digest,
            user_id,
            epoch: self.parsed("epoch")?,
            generation: self.parsed("generation")?,
            renewed_at: self.moment("renewed_at")?,
            created_at: self.moment("created_at")?,
            auth_time: self.moment("auth_time")?,
            amr: self.methods()?,
            last_seen_at: self.moment("last_seen_at")?,
            expires_at: self.moment("expires_at")?,
            address: match self.0.contains_key("address") {
                true => Some(self.parsed("address")?),
                false => None,
            },
            user_agent: self.user_agent(),
        }))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, RedisFault> {
        let parsed = self.0.get(name).and_then(|text| text.parse().ok());
        parsed.ok_or(RedisFault::InvalidValue(name))
    }

    fn moment(&self, name: &'static str) -> Result<Timestamp, RedisFault> {
        Timestamp::from_microsecond(self.parsed(name)?).map_err(|_| RedisFault::InvalidValue(name))
    }

    fn methods(&self) -> Result<Vec<AuthMethod>, RedisFault> {
        let words = self.0.get("amr").map(|text| AuthMethod::split(text));
        words.ok_or(RedisFault::InvalidValue("amr"))
    }

    fn user_agent(&self) -> Option<String> {
        let mut pieces = PIECES.iter().map_while(|name| self.0.get(*name));
        let first = pieces.next()?.clone();
        Some(pieces.fold(first, |text, piece| text + piece))
    }
}

/// Parses a digest in hexadecimal.
pub(crate) fn digest(text: &str) -> Result<Digest, RedisFault> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| RedisFault::InvalidValue("digest"))?;
    Ok(Digest::from_bytes(bytes))
}

//! A session as a hash of Redis: a field a name, numbers in decimal, what is not there left out.

use std::collections::HashMap;

use doorward_domain::model::Session;
use doorward_domain::values::{Digest, SessionId, UserId};
use jiff::Timestamp;
use redis::FromRedisValue;

use crate::fault::Fault;
use crate::keys::hex;

/// How long a session is kept from the moment it was written, in milliseconds: a distance, so that
/// it does not matter what time Redis thinks it is.
pub(crate) fn lifetime(session: &Session) -> i64 {
    let written_at = session.created_at.max(session.renewed_at);
    let micros = session
        .expires_at
        .as_microsecond()
        .saturating_sub(written_at.as_microsecond());
    // Rounded up: its own deadline, to the microsecond, is looked at beside this.
    micros.saturating_add(999).div_euclid(1000).max(1)
}

/// Field by field, names and values in turn. The digest and the user are in the key, and here.
pub(crate) fn write(session: &Session) -> Vec<(&'static str, String)> {
    let Session {
        id,
        digest,
        user_id,
        epoch,
        generation,
        renewed_at,
        created_at,
        last_seen_at,
        expires_at,
        address,
        user_agent,
    } = session;
    let micros = |at: &Timestamp| at.as_microsecond().to_string();
    let mut fields = vec![
        ("id", id.to_string()),
        ("digest", hex(digest)),
        ("user_id", user_id.to_string()),
        ("epoch", epoch.to_string()),
        ("generation", generation.to_string()),
        ("renewed_at", micros(renewed_at)),
        ("created_at", micros(created_at)),
        ("last_seen_at", micros(last_seen_at)),
        ("expires_at", micros(expires_at)),
    ];
    fields.extend(address.map(|address| ("address", address.to_string())));
    fields.extend(user_agent.clone().map(|text| ("user_agent", text)));
    fields
}

/// The fields of a hash, as Redis gives them.
pub(crate) struct Record(HashMap<String, String>);

impl FromRedisValue for Record {
    fn from_redis_value(value: redis::Value) -> Result<Self, redis::ParsingError> {
        HashMap::from_redis_value(value).map(Self)
    }
}

impl Record {
    /// The session, or none where there is no such hash.
    pub(crate) fn read(self) -> Result<Option<Session>, Fault> {
        if self.0.is_empty() {
            return Ok(None);
        }
        Ok(Some(Session {
            id: self.parsed::<SessionId>("id")?,
            digest: self.digest()?,
            user_id: self.parsed::<UserId>("user_id")?,
            epoch: self.parsed("epoch")?,
            generation: self.parsed("generation")?,
            renewed_at: self.moment("renewed_at")?,
            created_at: self.moment("created_at")?,
            last_seen_at: self.moment("last_seen_at")?,
            expires_at: self.moment("expires_at")?,
            address: match self.0.contains_key("address") {
                true => Some(self.parsed("address")?),
                false => None,
            },
            user_agent: self.0.get("user_agent").cloned(),
        }))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, Fault> {
        let parsed = self.0.get(name).and_then(|text| text.parse().ok());
        parsed.ok_or(Fault::Nonsense(name))
    }

    fn moment(&self, name: &'static str) -> Result<Timestamp, Fault> {
        Timestamp::from_microsecond(self.parsed(name)?).map_err(|_| Fault::Nonsense(name))
    }

    fn digest(&self) -> Result<Digest, Fault> {
        let text = self.0.get("digest").map(String::as_bytes);
        let text = text.filter(|text| text.len() == 64);
        let mut bytes = [0; 32];
        for (byte, pair) in bytes
            .iter_mut()
            .zip(text.ok_or(Fault::Nonsense("digest"))?.chunks(2))
        {
            *byte = std::str::from_utf8(pair)
                .ok()
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or(Fault::Nonsense("digest"))?;
        }
        Ok(Digest::from_bytes(bytes))
    }
}

//! What the log says of a flood: a line when it begins, and one a minute while it lasts.

use std::time::Duration;

use tokio::time::Instant;

/// How often it is said.
const EVERY: Duration = Duration::from_mins(1);

/// Why somebody was turned away, or sent off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// All connections that may be open are at work.
    Full,
    /// All that one address may have are.
    Address,
    /// A connection that waited for its client was closed for a newcomer.
    MadeRoom,
    /// Too many requests were in at once.
    Requests,
    /// Took too long to say something, or to read an answer.
    Slow,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Full,
        Self::Address,
        Self::MadeRoom,
        Self::Requests,
        Self::Slow,
    ];

    /// As figures and the log name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
            Self::MadeRoom => "made_room",
            Self::Requests => "requests",
            Self::Slow => "slow",
        }
    }
}

/// How many there were since the last line.
#[derive(Debug, Default)]
pub struct Crowd {
    counts: [u64; Why::ALL.len()],
    said_at: Option<Instant>,
}

impl Crowd {
    /// One more, with so many connections open.
    pub fn note(&mut self, why: Why, connections: usize) {
        self.counts[why as usize] += 1;
        // That one takes too long is no flood yet.
        let is_news = why != Why::Slow || self.counts[Why::Slow as usize] >= 100;
        let is_time = self.said_at.is_none_or(|at| at.elapsed() >= EVERY);
        if !is_news || !is_time {
            return;
        }
        let [full, address, made_room, requests, slow] = std::mem::take(&mut self.counts);
        self.said_at = Some(Instant::now());
        tracing::warn!(
            connections.open = connections,
            refused.full = full,
            refused.address = address,
            refused.requests = requests,
            closed.made_room = made_room,
            closed.slow = slow,
            "more connections or requests than are taken in: some were refused, or closed for others. This is said once a minute; `limits.connections` and `limits.connections_per_address` set how many there may be; if they all come through a proxy, name it in `trusted_proxies`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::heard::Heard;

    /// T-FLOOD: the log tells, and is not flooded itself.
    #[tokio::test(start_paused = true)]
    async fn a_flood_is_told_of_once_a_minute() {
        let heard = Heard::default();
        let _hearing = heard.hear();
        let mut crowd = Crowd::default();
        for _ in 0..99 {
            crowd.note(Why::Slow, 1);
        }
        assert_eq!(heard.count("more connections"), 0);
        for _ in 0..10_000 {
            crowd.note(Why::Full, 4096);
        }
        assert_eq!(heard.count("more connections"), 1);
        tokio::time::advance(EVERY).await;
        for _ in 0..10_000 {
            crowd.note(Why::MadeRoom, 4096);
        }
        assert_eq!(heard.count("refused.full=9999"), 1, "{heard:?}");
        assert_eq!(heard.count("more connections"), 2);
    }
}

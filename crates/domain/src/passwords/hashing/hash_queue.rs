//! The queue of passwords to hash, and its order (P-10, A-08; decision 0032).
//!
//! Known clients and unknown clients each have a bounded FIFO. Known clients come first, but every fourth turn
//! serves an unknown client if both wait. A full FIFO rejects the new job and evicts none, so a flood of unknown
//! clients takes no place and few turns from a known device.
//!
//! This module does not depend on hashing. To change which clients are known: [`HashClient::from_ctx`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::ctx::{Actor, Ctx};

/// Maximum wait of a password, so that a response is sent within five seconds (P-10).
pub(super) const MAX_WAIT: Duration = Duration::from_secs(4);
/// Number of consecutive turns of known clients after which an unknown client has one.
const KNOWN_PER_UNKNOWN: usize = 3;

/// The client for which a request hashes passwords. All hashes with the same value share one maximum wait.
#[derive(Debug, Clone, Copy)]
pub struct HashClient {
    kind: ClientKind,
    since: Instant,
}

#[derive(Debug, Clone, Copy)]
enum ClientKind {
    Known,
    Unknown,
}

impl HashClient {
    /// A known client if the request has a session, else an unknown one.
    pub fn from_ctx(ctx: &Ctx) -> Self {
        match ctx.actor {
            Actor::User { .. } => Self::known_device(),
            _ => Self::new(ClientKind::Unknown),
        }
    }

    /// A known device, or a client that has already authenticated.
    pub(crate) fn known_device() -> Self {
        Self::new(ClientKind::Known)
    }

    fn new(kind: ClientKind) -> Self {
        // Monotonic time, for the maximum wait only, so it does not come through a port.
        let since = Instant::now();
        Self { kind, since }
    }
}

/// The queue.
#[derive(Debug)]
pub(super) struct HashQueue<J> {
    known: VecDeque<WaitingJob<J>>,
    unknown: VecDeque<WaitingJob<J>>,
    /// Maximum length of each of the two.
    limit: usize,
    known_in_a_row: usize,
}

#[derive(Debug)]
struct WaitingJob<J> {
    job: J,
    since: Instant,
}

impl<J> HashQueue<J> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            known: VecDeque::new(),
            unknown: VecDeque::new(),
            limit,
            known_in_a_row: 0,
        }
    }

    /// Adds a job. Returns it if the FIFO of its client is full.
    pub(super) fn push(&mut self, client: &HashClient, job: J) -> Result<(), J> {
        let fifo = match client.kind {
            ClientKind::Known => &mut self.known,
            ClientKind::Unknown => &mut self.unknown,
        };
        if fifo.len() >= self.limit {
            return Err(job);
        }
        let since = client.since;
        fifo.push_back(WaitingJob { job, since });
        Ok(())
    }

    /// Number of waiting jobs that have their turns before a new job of this client.
    pub(super) fn ahead_of(&self, client: &HashClient) -> usize {
        let (known, unknown) = (self.known.len(), self.unknown.len());
        match client.kind {
            ClientKind::Known => known + unknown.min(known / KNOWN_PER_UNKNOWN + 1),
            ClientKind::Unknown => unknown + known.min((unknown + 1) * KNOWN_PER_UNKNOWN),
        }
    }

    /// Removes the next job.
    pub(super) fn pop(&mut self) -> Option<J> {
        let is_unknown_turn = self.known_in_a_row >= KNOWN_PER_UNKNOWN && !self.unknown.is_empty();
        if !is_unknown_turn && let Some(first) = self.known.pop_front() {
            self.known_in_a_row += 1;
            return Some(first.job);
        }
        self.known_in_a_row = 0;
        Some(self.unknown.pop_front()?.job)
    }

    /// Removes the jobs that have waited too long.
    pub(super) fn take_expired(&mut self, now: Instant) -> Vec<J> {
        let mut late = Vec::new();
        for fifo in [&mut self.known, &mut self.unknown] {
            // The second hash of a request has the time of the first, and may be behind younger jobs.
            let (expired, rest): (VecDeque<_>, VecDeque<_>) = std::mem::take(fifo)
                .into_iter()
                .partition(|waiting| now.saturating_duration_since(waiting.since) > MAX_WAIT);
            *fifo = rest;
            late.extend(expired.into_iter().map(|waiting| waiting.job));
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> HashClient {
        HashClient::known_device()
    }

    fn unknown() -> HashClient {
        HashClient::new(ClientKind::Unknown)
    }

    /// A queue with these jobs, in which each FIFO has eight places.
    fn queue_with(known_jobs: &[u32], unknown_jobs: &[u32]) -> HashQueue<u32> {
        let mut queue = HashQueue::new(8);
        for job in known_jobs {
            queue.push(&known(), *job).unwrap();
        }
        for job in unknown_jobs {
            queue.push(&unknown(), *job).unwrap();
        }
        queue
    }

    fn turns(mut queue: HashQueue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    /// P-10: jobs of the same kind of client have their turns in the order of their arrival.
    #[test]
    fn clients_of_one_kind_are_served_in_order() {
        assert_eq!(turns(queue_with(&[1, 2, 3], &[])), [1, 2, 3]);
        assert_eq!(turns(queue_with(&[], &[1, 2, 3, 4, 5])), [1, 2, 3, 4, 5]);
    }

    /// a known device comes before all unknown clients.
    #[test]
    fn a_known_device_comes_before_unknown_clients() {
        assert_eq!(turns(queue_with(&[100], &[1, 2, 3])), [100, 1, 2, 3]);
    }

    /// P-10, T-FLOOD: many known clients leave every fourth turn to unknown clients, and have it if none waits.
    #[test]
    fn every_fourth_job_is_of_an_unknown_client() {
        let both = queue_with(&[101, 102, 103, 104, 105, 106, 107], &[1, 2, 3, 4]);
        let expected = [101, 102, 103, 1, 104, 105, 106, 2, 107, 3, 4];
        assert_eq!(turns(both), expected);
        let mut one = queue_with(&[101, 102, 103, 104, 105], &[]);
        let first_four: Vec<_> = std::iter::from_fn(|| one.pop()).take(4).collect();
        assert_eq!(first_four, [101, 102, 103, 104]);
        one.push(&unknown(), 1).unwrap();
        assert_eq!(turns(one), [1, 105]);
    }

    /// P-10, A-08, T-FLOOD: a full FIFO rejects its own new jobs, evicts none, and takes no place from the other.
    #[test]
    fn a_full_queue_of_unknown_clients_has_room_for_known_devices() {
        let mut queue = queue_with(&[], &[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(queue.push(&unknown(), 9), Err(9));
        for job in 101..=108 {
            assert_eq!(queue.push(&known(), job), Ok(()));
        }
        assert_eq!(queue.push(&known(), 109), Err(109));
        assert_eq!(queue.pop(), Some(101));
        assert_eq!(queue.push(&known(), 109), Ok(()));
        assert_eq!(queue.push(&unknown(), 9), Err(9));
        assert_eq!(turns(queue).len(), 16);
    }

    /// P-10: the expected wait counts the jobs that are served before a new one.
    #[test]
    fn the_queue_length_counts_the_jobs_that_run_before_a_new_one() {
        for (known_count, unknown_count) in [(0, 0), (0, 7), (7, 0), (1, 7), (3, 7), (7, 1), (7, 7)]
        {
            for client in [known(), unknown()] {
                let jobs: Vec<_> = (0..7).collect();
                let mut queue = queue_with(&jobs[..known_count], &jobs[..unknown_count]);
                let expected = queue.ahead_of(&client);
                queue.push(&client, 100).unwrap();
                let counted = turns(queue).iter().position(|job| *job == 100).unwrap();
                let case = format!("{known_count} {unknown_count} {client:?}");
                assert!((counted..=counted + 1).contains(&expected), "{case}");
            }
        }
    }

    /// P-10: no job waits longer than four seconds, at any position.
    #[test]
    fn a_job_that_has_waited_too_long_is_removed() {
        let mut queue = HashQueue::new(8);
        let (early, mut later) = (unknown(), unknown());
        later.since = early.since + Duration::from_secs(1);
        queue.push(&later, "later").unwrap();
        queue.push(&early, "early").unwrap();
        let mut known = known();
        known.since = early.since;
        queue.push(&known, "known").unwrap();
        assert!(queue.take_expired(early.since + MAX_WAIT).is_empty());
        let late = queue.take_expired(early.since + Duration::from_millis(4900));
        assert_eq!(late, ["known", "early"]);
        assert_eq!((queue.pop(), queue.pop()), (Some("later"), None));
    }
}

//! Who is in: how many connections there are, of whom, and which of them makes room (H-05).
//!
//! A connection that waits for its client makes room for a newcomer, the one that has waited longest
//! first, and so does one of whose requests more than half do, where no more may be in. Any other for whom this
//! server works keeps its seat. So whoever holds thousands open keeps nobody out: an honest client needs its seat for a
//! moment, and is the newest in it. What becomes of one of them, [`seat`](super::seat) knows; sockets and
//! HTTP are known to neither.
//!
//! A request locks its own seat and counts itself in two numbers; what all share is locked when somebody
//! comes or goes. So the queues are looked at late: an entry may say that somebody waits since earlier
//! than they do, never since later. Whoever looks for the first puts right what comes before it.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_domain::fair;
use doorward_domain::throttle::address_key;
use doorward_web::TrustedProxies;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::crowd::{Crowd, Why};
use super::seat::{Chair, Seat, State};

/// How many requests are in at once. A body has at most 64 KiB.
const MAX_REQUESTS: usize = 2048;
/// Where none has a place, those make room that wait for their clients: for who has fewer than so many,
/// so many at a time, and where there are none, looked for again so much later.
const FEW: usize = 32;
const FREED: usize = 64;
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long a newcomer is one: what it asks is on its way. Others of its own address do not push it out.
const NEW: Duration = Duration::from_secs(1);

/// How many there may be.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one address; an IPv6 network of 64 bits counts as one.
    pub per_address: usize,
    /// They speak for many, and may have all.
    pub trusted: TrustedProxies,
}

/// Told of what happens; for figures.
pub trait Watch: Send + Sync {
    /// How many connections there are now.
    fn open(&self, connections: usize);
    /// Somebody was turned away, or sent off.
    fn turned_away(&self, why: Why);
}

/// All seats of the listener.
pub struct Seats {
    limits: Limits,
    room: Mutex<Room>,
    /// Of all connections.
    requests: AtomicUsize,
    crowd: Mutex<Crowd>,
    watch: Option<Arc<dyn Watch>>,
    emptied: Notify,
}

#[derive(Default)]
struct Room {
    next: u64,
    seated: HashMap<u64, Arc<Chair>>,
    origins: HashMap<Arc<str>, Group>,
    queue: Queue,
    /// When requests were looked for that could make room, and none were found.
    looked_at: Option<Instant>,
}

/// Those that wait for their clients, by since when; and some that no longer do.
type Queue = BTreeSet<(Instant, u64)>;

/// The connections of one address.
struct Group {
    origin: Arc<Origin>,
    connections: usize,
    queue: Queue,
}

/// One address, as its connections know it.
pub(super) struct Origin {
    key: Arc<str>,
    requests: AtomicUsize,
}

impl Origin {
    /// How many it has in.
    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Seats {
    /// None is taken.
    pub fn new(limits: Limits, watch: Option<Arc<dyn Watch>>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            room: Mutex::default(),
            requests: AtomicUsize::new(0),
            crowd: Mutex::default(),
            watch,
            emptied: Notify::new(),
        })
    }

    /// A seat, for which another may have to go; or why there is none.
    pub fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Seat, Why> {
        let key = (!self.limits.trusted.has(peer)).then(|| address_key(peer));
        let mut room = self.room();
        let group = key.as_deref().and_then(|key| room.origins.get(key));
        let is_many = group.is_some_and(|group| group.connections >= self.limits.per_address);
        if is_many {
            let Some(oldest) = room.longest_waiting(key.as_deref(), is_dispensable) else {
                return Err(self.turned_away(room.seated.len(), Why::Address));
            };
            self.send_off(&mut room, oldest);
        } else if room.seated.len() >= self.limits.connections {
            let Some(oldest) = room.longest_waiting(None, |_| true) else {
                return Err(self.turned_away(room.seated.len(), Why::Full));
            };
            self.send_off(&mut room, oldest);
        }
        let chair = room.sit(key);
        self.tell(room.seated.len());
        drop(room);
        Ok(Seat::new(self.clone(), chair))
    }

    /// Sends off whoever has waited longest, where files are short; whether there was anybody.
    pub fn make_room(&self) -> bool {
        let mut room = self.room();
        let oldest = room.longest_waiting(None, |_| true);
        if let Some(oldest) = oldest {
            self.send_off(&mut room, oldest);
        }
        oldest.is_some()
    }

    /// How many connections there are.
    pub fn taken(&self) -> usize {
        self.room().seated.len()
    }

    /// When nobody is left.
    pub async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.taken() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Counts a request, where there is room for it, or can be made.
    pub(super) fn begin(&self, origin: Option<&Origin>) -> Result<(), Why> {
        let has_room = self.count(origin) || (self.free_requests(origin) && self.count(origin));
        has_room
            .then_some(())
            .ok_or_else(|| self.turned_away(self.taken(), Why::Requests))
    }

    /// Counts a request, where its address has a share left. Of two that come for the last place at once,
    /// both may find none.
    fn count(&self, origin: Option<&Origin>) -> bool {
        let others = self.requests.fetch_add(1, Ordering::Relaxed);
        let own = origin.map(|origin| origin.requests.fetch_add(1, Ordering::Relaxed));
        let free = MAX_REQUESTS.saturating_sub(others);
        let is_fair = own.map_or(free > 0, |own| fair::may_have_one_more(own, free));
        if !is_fair {
            self.ended(origin, 1);
        }
        is_fair
    }

    /// Sends off those whose requests wait for their clients, of whoever has most in and then those that have
    /// waited longest, for an address that has few in, where that helps it; whether it does. Those that come
    /// one after the other can have all shares without doing anything for it: begin a body, or leave an answer
    /// where it is. Who has more than the asker is not spared for being new: what is taken back and begun
    /// again is always new.
    fn free_requests(&self, origin: Option<&Origin>) -> bool {
        let own = origin.map_or(0, Origin::requests);
        if own >= FEW {
            return false;
        }
        let mut room = self.room();
        let now = Instant::now();
        if room.looked_at.is_some_and(|at| now < at + LOOK_AGAIN) {
            return false;
        }
        let held = |chair: &Arc<Chair>| {
            let (since, requests) = chair.state().held_up()?;
            let all = chair.origin.as_ref().map_or(0, |origin| origin.requests());
            let goes = all > own + 1 || since + NEW <= now;
            goes.then_some((std::cmp::Reverse(all), since, chair.id, requests))
        };
        let mut held: Vec<_> = room.seated.values().filter_map(held).collect();
        held.sort_unstable();
        let mut freed = 0;
        let going = held.into_iter().take_while(|(_, _, _, requests)| {
            let goes_too = freed < FREED;
            freed += requests;
            goes_too
        });
        let going: Vec<_> = going.map(|(_, _, id, requests)| (id, requests)).collect();
        let free = MAX_REQUESTS.saturating_sub(self.requests.load(Ordering::Relaxed));
        let freed: usize = going.iter().map(|(_, requests)| requests).sum();
        let helps = freed > 0 && fair::may_have_one_more(own, free + freed);
        room.looked_at = going.is_empty().then_some(now);
        for (id, _) in going.into_iter().filter(|_| helps) {
            self.send_off(&mut room, id);
        }
        helps
    }

    /// So many requests are over.
    pub(super) fn ended(&self, origin: Option<&Origin>, requests: usize) {
        self.requests.fetch_sub(requests, Ordering::Relaxed);
        if let Some(origin) = origin {
            origin.requests.fetch_sub(requests, Ordering::Relaxed);
        }
    }

    /// One that had left the queues waits again.
    pub(super) fn queue(&self, chair: &Chair) {
        let mut room = self.room();
        if room.seated.contains_key(&chair.id) {
            room.queue(chair);
        }
    }

    /// One has gone by itself.
    pub(super) fn left(&self, chair: &Chair) {
        let mut room = self.room();
        if room.seated.contains_key(&chair.id) {
            self.stand_up(&mut room, chair);
        }
        self.tell(room.seated.len());
        if room.seated.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// One was sent away for taking too long.
    pub(super) fn was_slow(&self) {
        self.turned_away(self.taken(), Why::Slow);
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is no longer counted from now on, though its end may take a moment.
    fn send_off(&self, room: &mut Room, id: u64) {
        if let Some(chair) = room.seated.get(&id).cloned() {
            self.stand_up(room, &chair);
            chair.leave.notify_one();
            self.turned_away(room.seated.len(), Why::MadeRoom);
        }
    }

    fn stand_up(&self, room: &mut Room, chair: &Chair) {
        let requests = room.stand_up(chair);
        self.ended(chair.origin.as_deref(), requests);
    }

    fn turned_away(&self, connections: usize, why: Why) -> Why {
        let mut crowd = self.crowd.lock().unwrap_or_else(PoisonError::into_inner);
        crowd.note(why, connections);
        if let Some(watch) = &self.watch {
            watch.turned_away(why);
        }
        why
    }

    fn tell(&self, connections: usize) {
        if let Some(watch) = &self.watch {
            watch.open(connections);
        }
    }
}

/// Whether one may go for another of its own address: unless it has only just come, or begun to ask. Who
/// has had an answer and asks nothing is no newcomer, however short a time ago that was: a proxy's
/// connections are like that.
fn is_dispensable(state: &State) -> bool {
    state.since.elapsed() >= NEW || state.is_idle()
}

impl Room {
    fn sit(&mut self, key: Option<String>) -> Arc<Chair> {
        let id = self.next;
        self.next += 1;
        let origin = key.map(|key| {
            let key: Arc<str> = key.into();
            let group = self.origins.entry(key.clone()).or_insert_with(|| Group {
                origin: Arc::new(Origin {
                    key,
                    requests: AtomicUsize::new(0),
                }),
                connections: 0,
                queue: Queue::new(),
            });
            group.connections += 1;
            group.origin.clone()
        });
        let chair = Arc::new(Chair::new(id, origin));
        self.seated.insert(id, chair.clone());
        self.queue(&chair);
        chair
    }

    /// How many requests it has left behind.
    fn stand_up(&mut self, chair: &Chair) -> usize {
        self.seated.remove(&chair.id);
        let mut state = chair.state();
        self.move_to(chair, &mut state, None);
        if let Some(origin) = &chair.origin
            && let Some(group) = self.origins.get_mut(&origin.key)
        {
            group.connections -= 1;
            if group.connections == 0 {
                self.origins.remove(&origin.key);
            }
        }
        state.leave()
    }

    fn queue(&mut self, chair: &Chair) {
        let mut state = chair.state();
        let place = state.is_waiting().then_some(state.since);
        self.move_to(chair, &mut state, place);
    }

    /// Takes one to another place in the queues, or out of them.
    fn move_to(&mut self, chair: &Chair, state: &mut State, place: Option<Instant>) {
        let origin = chair.origin.as_ref();
        let group = origin.and_then(|origin| self.origins.get_mut(&origin.key));
        let of_group = group.map(|group| &mut group.queue);
        for queue in [Some(&mut self.queue), of_group].into_iter().flatten() {
            if let Some(before) = state.queued {
                queue.remove(&(before, chair.id));
            }
            if let Some(place) = place {
                queue.insert((place, chair.id));
            }
        }
        state.queued = place;
    }

    /// Of an address, or of all: the one that has waited longest, of those that may go.
    fn longest_waiting(
        &mut self,
        of: Option<&str>,
        may_go: impl Fn(&State) -> bool,
    ) -> Option<u64> {
        let now = Instant::now();
        let mut after = Bound::Unbounded;
        loop {
            let queue = match of {
                Some(key) => &self.origins.get(key)?.queue,
                None => &self.queue,
            };
            let next @ (queued, id) = *queue.range((after, Bound::Unbounded)).next()?;
            let chair = self.seated.get(&id)?.clone();
            let mut state = chair.state();
            let waits_since = state.is_waiting().then_some(state.since);
            // Whoever asks again and again meanwhile is looked at once.
            if waits_since.is_none_or(|since| since > queued && queued < now) {
                self.move_to(&chair, &mut state, waits_since);
            } else if may_go(&state) {
                return Some(id);
            } else {
                after = Bound::Excluded(next);
            }
        }
    }
}

#[cfg(test)]
mod tests;

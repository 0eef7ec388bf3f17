//! Who is in: how many connections there are, of whom, and which of them could make room (H-05).
//!
//! A connection that waits for its client (that has said nothing yet, is half way through a head or
//! a body, has had its answer, or does not read it) makes room for a newcomer, the one that has
//! waited longest first. One for whom this server works keeps its seat. So whoever holds thousands
//! open keeps nobody out: an honest client needs its seat for a moment, and is the newest in it.
//! It knows nothing of sockets and of HTTP; it is told what happens.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_domain::fair;
use doorward_domain::throttle::address_key;
use doorward_web::TrustedProxies;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::crowd::{Crowd, Why};

/// How many requests are in at once. A body has at most 64 KiB.
const MAX_REQUESTS: usize = 2048;
/// How long a connection may wait for its next request (H-05).
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a newcomer is one: what it asks is on its way. Others of its own address do not push it out.
const NEW: Duration = Duration::from_secs(1);
/// How long an answer may take to be read, from its first byte on; and how many bytes of a long one give
/// it a second more, so that who reads on an ordinary line reads to its end.
const ANSWER: Duration = Duration::from_secs(60);
const BYTES_A_SECOND: u64 = 8 * 1024;
/// How long nothing of what is written may be taken.
const STALL: Duration = Duration::from_secs(20);
/// The same once the server stops.
const STALL_AT_THE_END: Duration = Duration::from_secs(3);
/// How long nothing may be asked then.
const IDLE_AT_THE_END: Duration = Duration::from_secs(2);

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
    watch: Option<Arc<dyn Watch>>,
    emptied: Notify,
}

#[derive(Default)]
struct Room {
    next: u64,
    seated: HashMap<u64, Seated>,
    origins: HashMap<String, Origin>,
    /// Those that wait for their clients, by since when.
    waiting: BTreeSet<(Instant, u64)>,
    requests: usize,
    crowd: Crowd,
}

/// One address.
#[derive(Default)]
struct Origin {
    connections: usize,
    requests: usize,
    waiting: BTreeSet<(Instant, u64)>,
}

struct Seated {
    origin: Option<String>,
    leave: Arc<Notify>,
    /// Since when it waits for its client, where it does.
    since: Instant,
    is_waiting: bool,
    has_asked: bool,
    /// Requests that were begun and whose answers have not gone out.
    open: usize,
    /// Those among them that this server works on.
    at_work: usize,
    /// Since when the client takes nothing of what is written.
    stalled: Option<Instant>,
    /// Its answers that go out.
    answers: Vec<Answering>,
}

/// An answer on its way out.
struct Answering {
    number: u64,
    since: Instant,
    bytes: u64,
}

impl Answering {
    /// When it is too late for the rest of it.
    fn end(&self) -> Instant {
        self.since + ANSWER + Duration::from_secs(self.bytes / BYTES_A_SECOND)
    }
}

/// A place for one connection, given back with the last clone.
#[derive(Clone)]
pub struct Seat(Arc<Held>);

struct Held {
    id: u64,
    seats: Arc<Seats>,
    leave: Arc<Notify>,
}

/// What is to become of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// To be looked at again then.
    Until(Instant),
    /// Nothing has been asked for too long.
    Idle,
    /// What it was sent is not read.
    Stalled,
}

impl Seats {
    /// None is taken.
    pub fn new(limits: Limits, watch: Option<Arc<dyn Watch>>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            room: Mutex::default(),
            watch,
            emptied: Notify::new(),
        })
    }

    /// A seat, for which another may have to go; or why there is none.
    pub fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Seat, Why> {
        let origin = (!self.limits.trusted.has(peer)).then(|| address_key(peer));
        let mut room = self.room();
        let of_origin = origin.as_ref().and_then(|origin| room.origins.get(origin));
        let is_many = of_origin.is_some_and(|origin| origin.connections >= self.limits.per_address);
        if is_many {
            let oldest = of_origin.and_then(|origin| room.dispensable(origin));
            let Some(oldest) = oldest else {
                return Err(self.turned_away(&mut room, Why::Address));
            };
            self.send_off(&mut room, oldest);
        } else if room.seated.len() >= self.limits.connections {
            let Some(&(_, oldest)) = room.waiting.first() else {
                return Err(self.turned_away(&mut room, Why::Full));
            };
            self.send_off(&mut room, oldest);
        }
        let id = room.next;
        room.next += 1;
        let leave = Arc::new(Notify::new());
        room.sit(id, origin, leave.clone());
        self.tell(room.seated.len());
        drop(room);
        let seats = self.clone();
        Ok(Seat(Arc::new(Held { id, seats, leave })))
    }

    /// Sends off whoever has waited longest, where files are short; whether there was anybody.
    pub fn make_room(&self) -> bool {
        let mut room = self.room();
        let oldest = room.waiting.first().copied();
        if let Some((_, oldest)) = oldest {
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

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is no longer counted from now on, though its end may take a moment.
    fn send_off(&self, room: &mut Room, id: u64) {
        if let Some(gone) = room.stand_up(id) {
            gone.leave.notify_one();
            self.turned_away(room, Why::MadeRoom);
        }
    }

    fn turned_away(&self, room: &mut Room, why: Why) -> Why {
        let connections = room.seated.len();
        room.crowd.note(why, connections);
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

impl Room {
    fn sit(&mut self, id: u64, origin: Option<String>, leave: Arc<Notify>) {
        if let Some(origin) = &origin {
            self.origins.entry(origin.clone()).or_default().connections += 1;
        }
        let seated = Seated {
            origin,
            leave,
            since: Instant::now(),
            is_waiting: false,
            has_asked: false,
            open: 0,
            at_work: 0,
            stalled: None,
            answers: Vec::new(),
        };
        self.seated.insert(id, seated);
        self.change(id, |_| {});
    }

    /// Which one of an address may go for another of its own: the one that has waited longest, unless it
    /// has only just come, or begun to ask. Who has had an answer and asks nothing is no newcomer, however
    /// short a time ago that was: a proxy's connections are like that.
    fn dispensable(&self, origin: &Origin) -> Option<u64> {
        let mut waiting = origin.waiting.iter();
        let may_go = |(since, id): &&(Instant, u64)| {
            let seated = self.seated.get(id);
            since.elapsed() >= NEW || seated.is_some_and(Seated::is_idle)
        };
        waiting.find(may_go).map(|(_, id)| *id)
    }

    fn stand_up(&mut self, id: u64) -> Option<Seated> {
        let gone = self.seated.remove(&id)?;
        self.waiting.remove(&(gone.since, id));
        self.requests -= gone.open;
        if let Some(key) = &gone.origin
            && let Some(origin) = self.origins.get_mut(key)
        {
            origin.connections -= 1;
            origin.requests -= gone.open;
            origin.waiting.remove(&(gone.since, id));
            if origin.connections == 0 {
                self.origins.remove(key);
            }
        }
        Some(gone)
    }

    /// Changes one, and keeps the lists of those that wait in step.
    fn change<T>(&mut self, id: u64, change: impl FnOnce(&mut Seated) -> T) -> Option<T> {
        let seated = self.seated.get_mut(&id)?;
        let (before, was_waiting) = (seated.since, seated.is_waiting);
        let changed = change(seated);
        seated.is_waiting = seated.at_work == 0 || seated.stalled.is_some();
        if was_waiting == seated.is_waiting && before == seated.since {
            return Some(changed);
        }
        let origin = seated.origin.as_ref();
        let mut of_origin = origin.and_then(|origin| self.origins.get_mut(origin));
        if was_waiting {
            self.waiting.remove(&(before, id));
            if let Some(origin) = &mut of_origin {
                origin.waiting.remove(&(before, id));
            }
        }
        if seated.is_waiting {
            self.waiting.insert((seated.since, id));
            if let Some(origin) = of_origin {
                origin.waiting.insert((seated.since, id));
            }
        }
        Some(changed)
    }
}

impl Seated {
    /// Whether it has had its answers, and asks nothing.
    fn is_idle(&self) -> bool {
        self.has_asked && self.open == 0
    }
}

impl Seat {
    /// When it has to go, at once.
    pub async fn sent_off(&self) {
        self.0.leave.notified().await;
    }

    /// A request has come in. None where there are too many: every address has its share.
    pub fn begin(&self) -> Option<Visit> {
        let seats = &self.0.seats;
        let mut room = seats.room();
        let key = room.seated.get(&self.0.id)?.origin.clone();
        let own = key.as_ref().and_then(|key| room.origins.get(key));
        let free = MAX_REQUESTS.saturating_sub(room.requests);
        let is_fair = own.map_or(free > 0, |own| fair::may_have_one_more(own.requests, free));
        if !is_fair {
            seats.turned_away(&mut room, Why::Requests);
            return None;
        }
        room.requests += 1;
        if let Some(own) = key.and_then(|key| room.origins.get_mut(&key)) {
            own.requests += 1;
        }
        let number = room.next;
        room.next += 1;
        let now = Instant::now();
        room.change(self.0.id, |seated| {
            seated.open += 1;
            seated.has_asked = true;
            // From now on it is this request that is waited for.
            seated.since = now;
        });
        drop(room);
        Some(Visit {
            seat: self.clone(),
            number,
            is_at_work: false,
        })
    }

    /// The client takes nothing of what is written.
    pub fn stalled(&self) {
        let now = Instant::now();
        self.change(|seated| {
            seated.stalled = Some(now);
            seated.since = now;
        });
    }

    /// It does again.
    pub fn flowing(&self) {
        self.change(|seated| seated.stalled = None);
    }

    /// What is to become of it, if nothing happens.
    pub fn patience(&self, is_stopping: bool) -> Patience {
        let room = self.0.seats.room();
        let now = Instant::now();
        let Some(seated) = room.seated.get(&self.0.id) else {
            return Patience::Until(now + KEEP_ALIVE);
        };
        let stall = if is_stopping { STALL_AT_THE_END } else { STALL };
        let stalled = seated.stalled.map(|since| since + stall);
        let answers = seated.answers.iter().map(|answer| match is_stopping {
            true => answer.since + STALL_AT_THE_END,
            false => answer.end(),
        });
        let ends = stalled.into_iter().chain(answers).min();
        if ends.is_some_and(|end| end <= now) {
            return Patience::Stalled;
        }
        let idle = if is_stopping {
            IDLE_AT_THE_END
        } else {
            KEEP_ALIVE
        };
        let idle = seated.since + idle;
        if seated.open == 0 && idle <= now {
            return Patience::Idle;
        }
        // What is not there yet may begin right now.
        let soonest = now + stall;
        let next = ends.map_or(soonest, |end| end.min(soonest));
        let idle = if seated.open == 0 { idle } else { next };
        Patience::Until(next.min(idle))
    }

    /// It was sent away for taking too long.
    pub fn was_slow(&self) {
        let seats = &self.0.seats;
        seats.turned_away(&mut seats.room(), Why::Slow);
    }

    fn change(&self, change: impl FnOnce(&mut Seated)) {
        self.0.seats.room().change(self.0.id, change);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut room = self.seats.room();
        room.stand_up(self.id);
        self.seats.tell(room.seated.len());
        if room.seated.is_empty() {
            self.seats.emptied.notify_waiters();
        }
    }
}

/// One request, until its answer has gone out.
pub struct Visit {
    seat: Seat,
    number: u64,
    is_at_work: bool,
}

impl Visit {
    /// It is in, as far as it is wanted: from now on it is this server that is waited for.
    pub fn is_in(&mut self) {
        if !self.is_at_work {
            self.is_at_work = true;
            self.seat.change(|seated| seated.at_work += 1);
        }
    }

    /// There is an answer, which goes out from now on.
    pub fn answered(&mut self) {
        let (now, number) = (Instant::now(), self.number);
        let was_at_work = std::mem::take(&mut self.is_at_work);
        self.seat.change(|seated| {
            seated.at_work -= usize::from(was_at_work);
            seated.since = now;
            let (since, bytes) = (now, 0);
            seated.answers.push(Answering {
                number,
                since,
                bytes,
            });
        });
    }

    /// So much more of it goes out.
    pub fn wrote(&mut self, count: usize) {
        let number = self.number;
        self.seat.change(|seated| {
            let mut answers = seated.answers.iter_mut();
            if let Some(answer) = answers.find(|answer| answer.number == number) {
                answer.bytes += count as u64;
            }
        });
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let (now, number, was_at_work) = (Instant::now(), self.number, self.is_at_work);
        let id = self.seat.0.id;
        let mut room = self.seat.0.seats.room();
        let gone = room.change(id, |seated| {
            seated.at_work -= usize::from(was_at_work);
            seated.since = now;
            seated.open -= 1;
            seated.answers.retain(|answer| answer.number != number);
            seated.origin.clone()
        });
        // Who has been sent off took its requests along.
        let Some(origin) = gone else { return };
        room.requests -= 1;
        if let Some(own) = origin.and_then(|key| room.origins.get_mut(&key)) {
            own.requests -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(connections: usize, per_address: usize, trusted: &str) -> Arc<Seats> {
        let trusted = trusted.parse().unwrap();
        let limits = Limits {
            connections,
            per_address,
            trusted,
        };
        Seats::new(limits, None)
    }

    fn peer(number: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + number).to_be_bytes())
    }

    fn is_sent_off(seat: &Seat) -> bool {
        let mut sent_off = std::pin::pin!(seat.sent_off());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        sent_off.as_mut().poll(&mut context).is_ready()
    }

    fn at_work(seat: &Seat) -> Visit {
        let mut visit = seat.begin().unwrap();
        visit.is_in();
        visit
    }

    /// H-05: one address has its limit, and its own oldest make room, nobody else's.
    #[tokio::test(start_paused = true)]
    async fn an_address_has_its_share_and_its_own_make_room() {
        let seats = seats(10, 2, "10.0.0.9");
        let other = seats.take(peer(2)).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let first = seats.take(peer(1)).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let second = seats.take(peer(1)).unwrap();
        let _second = at_work(&second);
        let third = seats.take(peer(1)).unwrap();
        assert!(is_sent_off(&first) && !is_sent_off(&second) && !is_sent_off(&other));
        // The third has only just come.
        assert_eq!(seats.take(peer(1)).err(), Some(Why::Address));
        tokio::time::advance(NEW).await;
        let _third = at_work(&third);
        assert_eq!(seats.take(peer(1)).err(), Some(Why::Address));
        // A proxy speaks for many.
        let proxied: Vec<_> = (0..5).map(|_| seats.take(peer(9)).unwrap()).collect();
        drop((first, proxied));
        assert_eq!(seats.taken(), 3);
        // In IPv6 a network of 64 bits is one address.
        for address in ["2001:db8::1", "2001:db8::2"] {
            std::mem::forget(seats.take(address.parse().unwrap()).unwrap());
        }
        let room = seats.room();
        assert_eq!(room.origins["2001:db8:0:0::/64"].connections, 2);
    }

    /// H-05: the connections of a proxy that is not named, or of an office, are used again and again. Who
    /// has just had an answer makes room for another of the same address; who has just come or asks does not.
    #[tokio::test(start_paused = true)]
    async fn who_has_had_an_answer_is_no_newcomer() {
        let seats = seats(10, 3, "");
        let taken: Vec<_> = (0..3).map(|_| seats.take(peer(1)).unwrap()).collect();
        assert_eq!(seats.take(peer(1)).err(), Some(Why::Address));
        let mut answered = at_work(&taken[1]);
        answered.answered();
        let _asking = taken[2].begin().unwrap();
        assert_eq!(seats.take(peer(1)).err(), Some(Why::Address));
        drop(answered);
        let _fourth = seats.take(peer(1)).unwrap();
        assert!(is_sent_off(&taken[1]));
        assert_eq!(seats.take(peer(1)).err(), Some(Why::Address));
    }

    /// H-05, T-FLOOD: whoever waits longest goes; whoever is worked for stays.
    #[tokio::test(start_paused = true)]
    async fn the_longest_waiting_make_room_and_those_at_work_do_not() {
        let seats = seats(3, 3, "");
        let mut taken = Vec::new();
        for number in 0..3 {
            taken.push(seats.take(peer(number)).unwrap());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let mut visit = at_work(&taken[0]);
        let newcomer = seats.take(peer(7)).unwrap();
        assert!(is_sent_off(&taken[1]) && !is_sent_off(&taken[0]));
        let _visits = (at_work(&taken[2]), at_work(&newcomer));
        assert_eq!(seats.take(peer(8)).err(), Some(Why::Full));
        // Who does not read an answer is no better than who says nothing.
        visit.answered();
        taken[0].stalled();
        assert!(seats.take(peer(8)).is_ok());
        assert!(is_sent_off(&taken[0]));
        drop(visit);
    }

    /// H-05: nobody keeps a seat for ever.
    #[tokio::test(start_paused = true)]
    async fn patience_ends_with_who_asks_nothing_and_who_reads_nothing() {
        let seats = seats(3, 3, "");
        let seat = seats.take(peer(1)).unwrap();
        let advance = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        advance(74).await;
        assert!(matches!(seat.patience(false), Patience::Until(_)));
        advance(1).await;
        assert_eq!(seat.patience(false), Patience::Idle);
        let mut visit = at_work(&seat);
        advance(100).await;
        assert!(matches!(seat.patience(false), Patience::Until(_)));
        visit.answered();
        advance(59).await;
        assert!(matches!(seat.patience(false), Patience::Until(_)));
        assert_eq!(seat.patience(true), Patience::Stalled);
        advance(1).await;
        assert_eq!(seat.patience(false), Patience::Stalled);
        drop(visit);
        // A long one that is read has longer, by its bytes.
        let mut visit = at_work(&seat);
        visit.answered();
        visit.wrote(usize::try_from(30 * BYTES_A_SECOND).unwrap());
        advance(89).await;
        assert!(matches!(seat.patience(false), Patience::Until(_)));
        advance(1).await;
        assert_eq!(seat.patience(false), Patience::Stalled);
        drop(visit);
        seat.stalled();
        advance(19).await;
        assert!(matches!(seat.patience(false), Patience::Until(_)));
        advance(1).await;
        assert_eq!(seat.patience(false), Patience::Stalled);
        seat.flowing();
        assert!(matches!(seat.patience(false), Patience::Until(_)));
    }

    /// H-05: one address never has all requests that may be in at once.
    #[tokio::test]
    async fn requests_are_shared_fairly() {
        let seats = seats(3, 3, "");
        let flood = seats.take(peer(1)).unwrap();
        let visits: Vec<_> = std::iter::from_fn(|| flood.begin()).collect();
        assert_eq!(visits.len(), MAX_REQUESTS / 2);
        let honest = seats.take(peer(2)).unwrap();
        assert!(honest.begin().is_some());
        drop(visits);
        assert_eq!(seats.room().requests, 0);
        drop((flood, honest));
        assert!(seats.room().origins.is_empty() && seats.room().waiting.is_empty());
    }
}

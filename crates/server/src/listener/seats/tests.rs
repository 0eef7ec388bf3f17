//! Floods on seats alone: no socket, and time that is moved.

use super::*;
use crate::listener::seat::Visit;

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
    let visit = seat.begin().unwrap();
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
    let answered = at_work(&taken[1]);
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
    let visit = at_work(&taken[0]);
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

/// H-05, T-FLOOD: whoever takes what is left, one address after the other, has all places; who asks for
/// nothing else has one all the same, however new is what they keep the server waiting with.
#[tokio::test(start_paused = true)]
async fn requests_whose_clients_are_waited_for_make_room() {
    let seats = seats(100, 100, "");
    let honest = seats.take(peer(99)).unwrap();
    let flood: Vec<_> = (0..40).map(|n| seats.take(peer(n)).unwrap()).collect();
    // What is worked on is not given up, whoever asks.
    let all_of = |seat: &Seat| {
        let at_work = || seat.begin().inspect(Visit::is_in);
        std::iter::from_fn(at_work).collect::<Vec<_>>()
    };
    let visits: Vec<_> = flood.iter().map(all_of).collect();
    let all = || visits.iter().flatten();
    assert_eq!(all().count(), MAX_REQUESTS);
    assert!(honest.begin().is_none());
    tokio::time::advance(10 * NEW).await;
    assert!(honest.begin().is_none());
    all().for_each(Visit::answered);
    tokio::time::advance(LOOK_AGAIN).await;
    let asked: Vec<_> = (0..FEW).map(|_| honest.begin()).collect();
    assert!(asked.iter().all(Option::is_some));
    let gone = flood.iter().filter(|seat| is_sent_off(seat)).count();
    assert!(gone > 0 && !is_sent_off(&honest), "{gone}");
}

/// H-05, T-FLOOD: nor do many addresses with few requests each keep out who has none.
#[tokio::test(start_paused = true)]
async fn many_with_few_make_room_too() {
    let seats = seats(100, 100, "");
    let honest = seats.take(peer(99)).unwrap();
    let flood: Vec<_> = (0..90).map(|n| seats.take(peer(n)).unwrap()).collect();
    let few_of = |seat: &Seat| {
        let at_work = || seat.begin().inspect(Visit::is_in);
        std::iter::from_fn(at_work)
            .take(FEW - 1)
            .collect::<Vec<_>>()
    };
    let visits: Vec<_> = flood.iter().map(few_of).collect();
    assert!(honest.begin().is_none());
    visits.iter().flatten().for_each(Visit::answered);
    tokio::time::advance(LOOK_AGAIN).await;
    assert!(honest.begin().is_some());
}

/// H-05: those of a proxy, which speaks for many, go once they have kept the server waiting for a second.
#[tokio::test(start_paused = true)]
async fn what_is_new_is_spared_where_nobody_has_many() {
    let seats = seats(3, 3, "10.0.0.0/8");
    let proxy = seats.take(peer(0)).unwrap();
    let honest = seats.take("192.0.2.1".parse().unwrap()).unwrap();
    let visits: Vec<_> = std::iter::from_fn(|| proxy.begin()).collect();
    assert_eq!(visits.len(), MAX_REQUESTS);
    visits.iter().for_each(Visit::is_in);
    visits.iter().for_each(Visit::answered);
    assert!(honest.begin().is_none());
    tokio::time::advance(NEW).await;
    // What those who wait do meanwhile on the same connection makes them no newer.
    proxy.flowing();
    proxy.stalled();
    assert!(honest.begin().is_some() && is_sent_off(&proxy));
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
    assert_eq!(seats.requests.load(Ordering::Relaxed), 0);
    drop((flood, honest));
    assert!(seats.room().origins.is_empty() && seats.room().queue.is_empty());
}

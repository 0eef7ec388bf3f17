//! Sessions: valid until their expiry, renewed by one client, ended permanently.

use std::sync::Arc;

use doorward_domain::model::{AuthMethod, Credential, EndedSession, Session};
use doorward_domain::sessions::SessionStore;
use doorward_domain::sessions::{LastSeen, SessionUpdate};
use doorward_domain::store::Write;
use doorward_domain::values::FactorKind;

use super::race;
use crate::fixtures::{self, later, now};

async fn open(port: &SessionStore, session: &Session) {
    port.open(session, Vec::new()).await.unwrap();
}

fn renewal(expected: i64) -> SessionUpdate {
    SessionUpdate::Renewal { expected }
}

async fn find(port: &SessionStore, session: &Session) -> Option<Session> {
    port.find(session.user_id, &session.digest, now())
        .await
        .unwrap()
}

pub async fn every_field_comes_back(port: Arc<SessionStore>) {
    for address in ["192.0.2.1", "2001:db8::ff", "::ffff:192.0.2.1", "::1"] {
        let session = Session {
            address: Some(address.parse().unwrap()),
            epoch: i64::MAX,
            ..fixtures::session(fixtures::user_id())
        };
        open(&port, &session).await;
        assert_eq!(find(&port, &session).await, Some(session));
    }
    assert_eq!(
        port.find(fixtures::user_id(), &fixtures::digest(), now())
            .await
            .unwrap(),
        None
    );
}

pub async fn the_smallest_and_largest_numbers_are_stored(port: Arc<SessionStore>) {
    for number in [i64::MIN, i64::MAX - 1, (1 << 53) + 1] {
        let session = Session {
            epoch: number,
            generation: number,
            user_agent: Some(String::new()),
            ..fixtures::session(fixtures::user_id())
        };
        open(&port, &session).await;
        assert_eq!(find(&port, &session).await.as_ref(), Some(&session));
        let renewed = Session {
            generation: number + 1,
            ..session.clone()
        };
        let wrong = port.update(&renewed, renewal(number.wrapping_add(1))).await;
        assert!(!wrong.unwrap(), "{number} is not its neighbour");
        assert!(port.update(&renewed, renewal(number)).await.unwrap());
        assert_eq!(find(&port, &session).await, Some(renewed));
    }
}

pub async fn long_names_of_devices_are_stored(port: Arc<SessionStore>) {
    let part = "🦊ü€a";
    for length in [1, 63, 64, 65, 128, 255, 256] {
        for start in 0..4 {
            let text: String = part.chars().cycle().skip(start).take(length).collect();
            let session = Session {
                user_agent: Some(text),
                ..fixtures::session(fixtures::user_id())
            };
            open(&port, &session).await;
            assert_eq!(find(&port, &session).await.as_ref(), Some(&session));
        }
    }
    let foxes = Session {
        user_agent: Some("🦊".repeat(256)),
        ..fixtures::session(fixtures::user_id())
    };
    open(&port, &foxes).await;
    assert_eq!(find(&port, &foxes).await.as_ref(), Some(&foxes));
    let listed = port.list(foxes.user_id, now()).await.unwrap();
    assert_eq!(listed, [foxes]);
}

pub async fn empty_fields_stay_empty(port: Arc<SessionStore>) {
    let session = Session {
        address: None,
        user_agent: None,
        epoch: 0,
        generation: 0,
        ..fixtures::session(fixtures::user_id())
    };
    open(&port, &session).await;
    assert_eq!(find(&port, &session).await, Some(session));
}

/// S-03: the expiry is checked at the read, before and after a sweep. It is an hour away, since a store may also
/// delete sessions by its own clock.
pub async fn a_session_expires_on_time(port: Arc<SessionStore>) {
    let hour = 3_600_000_000;
    let session = Session {
        expires_at: later(hour),
        ..fixtures::session(fixtures::user_id())
    };
    open(&port, &session).await;
    for (at, lives) in [(hour - 1, true), (hour, false), (hour + 1, false)] {
        let found = port
            .find(session.user_id, &session.digest, later(at))
            .await
            .unwrap();
        assert_eq!(found.is_some(), lives, "found at {at}");
        let listed = port.list(session.user_id, later(at)).await.unwrap();
        assert_eq!(listed.len() == 1, lives, "listed at {at}");
    }
}

pub async fn sessions_are_listed_newest_first(port: Arc<SessionStore>) {
    let user = fixtures::user_id();
    let mut sessions: Vec<_> = (0..4).map(|_| fixtures::session(user)).collect();
    for number in [2, 0, 3, 1] {
        open(&port, &sessions[number]).await;
    }
    open(&port, &fixtures::session(fixtures::user_id())).await;
    sessions.reverse();
    assert_eq!(port.list(user, now()).await.unwrap(), sessions);
    assert_eq!(port.list(fixtures::user_id(), now()).await.unwrap(), []);
}

/// J-08.
pub async fn a_renewal_needs_the_generation_it_read(port: Arc<SessionStore>) {
    let session = fixtures::session(fixtures::user_id());
    let renewed = Session {
        generation: session.generation + 1,
        renewed_at: later(50),
        expires_at: later(1_000_000),
        ..session.clone()
    };
    assert!(
        !port
            .update(&renewed, renewal(session.generation))
            .await
            .unwrap(),
        "there is none yet"
    );
    open(&port, &session).await;
    assert!(
        !port
            .update(&renewed, renewal(session.generation - 1))
            .await
            .unwrap()
    );
    assert_eq!(find(&port, &session).await.as_ref(), Some(&session));
    assert!(
        port.update(&renewed, renewal(session.generation))
            .await
            .unwrap()
    );
    assert_eq!(find(&port, &session).await.as_ref(), Some(&renewed));
    assert!(
        !port
            .update(&renewed, renewal(session.generation))
            .await
            .unwrap()
    );
}

/// J-08, T-RACE.
pub async fn one_of_fifty_renewals_wins(port: Arc<SessionStore>) {
    let session = fixtures::session(fixtures::user_id());
    open(&port, &session).await;
    let won = race(50, |_| {
        let (port, session) = (port.clone(), session.clone());
        async move {
            let renewed = Session {
                generation: session.generation + 1,
                ..session.clone()
            };
            port.update(&renewed, renewal(session.generation))
                .await
                .unwrap()
        }
    });
    assert_eq!(won.await.into_iter().filter(|won| *won).count(), 1);
    assert_eq!(
        find(&port, &session).await.unwrap().generation,
        session.generation + 1
    );
}

/// S-06: two nodes change the session from the same copy, in either order.
pub async fn a_renewal_and_a_new_epoch_do_not_overwrite_each_other(port: Arc<SessionStore>) {
    for renews_first in [true, false] {
        let (session, other) = (
            fixtures::session(fixtures::user_id()),
            fixtures::session(fixtures::user_id()),
        );
        open(&port, &session).await;
        open(&port, &other).await;
        let renewed = Session {
            generation: session.generation + 1,
            renewed_at: later(50),
            expires_at: later(1_000_000),
            ..session.clone()
        };
        let kept = Session {
            epoch: session.epoch + 1,
            ..session.clone()
        };
        let renew = (&renewed, renewal(session.generation));
        let keep = (
            &kept,
            SessionUpdate::Epoch {
                expected: session.epoch,
            },
        );
        let updates = match renews_first {
            true => [renew, keep],
            false => [keep, renew],
        };
        for (changed, update) in updates {
            assert!(port.update(changed, update).await.unwrap(), "{update:?}");
        }
        let expected = Session {
            epoch: kept.epoch,
            ..renewed
        };
        assert_eq!(find(&port, &session).await.as_ref(), Some(&expected));
        assert!(!port.update(&kept, keep.1).await.unwrap(), "it is set once");
        assert_eq!(find(&port, &session).await, Some(expected));
        assert_eq!(find(&port, &other).await, Some(other));
    }
}

/// S-06: a session that a security event has ended stays so after every later update.
pub async fn an_update_revives_no_session(port: Arc<SessionStore>) {
    let session = fixtures::session(fixtures::user_id());
    open(&port, &session).await;
    let newer = Session {
        epoch: session.epoch + 2,
        generation: session.generation + 1,
        ..session.clone()
    };
    let newer_epoch = SessionUpdate::Epoch {
        expected: session.epoch + 1,
    };
    assert!(!port.update(&newer, newer_epoch).await.unwrap());
    assert!(
        port.update(&newer, renewal(session.generation))
            .await
            .unwrap()
    );
    assert_eq!(find(&port, &session).await.unwrap().epoch, session.epoch);
    assert!(port.delete(session.user_id, session.id).await.unwrap());
    for update in [
        renewal(newer.generation),
        SessionUpdate::Epoch {
            expected: session.epoch,
        },
    ] {
        assert!(!port.update(&newer, update).await.unwrap(), "{update:?}");
        assert_eq!(find(&port, &session).await, None);
    }
    assert_eq!(port.list(session.user_id, now()).await.unwrap(), []);
}

/// A-13, S-02: the time and the methods of a proof, and the new token, in one write. Every other field stays.
pub async fn a_proof_is_recorded_with_a_new_generation(port: Arc<SessionStore>) {
    let session = fixtures::session(fixtures::user_id());
    open(&port, &session).await;
    let proved = Session {
        generation: session.generation + 1,
        renewed_at: later(50),
        auth_time: later(50),
        amr: AuthMethod::with_factor(FactorKind::Totp),
        ..session.clone()
    };
    let changed = Session {
        epoch: session.epoch + 1,
        last_seen_at: later(60),
        ..proved.clone()
    };
    let proof = SessionUpdate::Proof {
        expected: session.generation,
    };
    assert!(port.update(&changed, proof).await.unwrap());
    assert_eq!(find(&port, &session).await.as_ref(), Some(&proved));
    assert!(
        !port.update(&changed, proof).await.unwrap(),
        "it is made once"
    );
    assert_eq!(find(&port, &session).await, Some(proved));
}

pub async fn the_last_use_is_recorded(port: Arc<SessionStore>) {
    let (first, second) = (
        fixtures::session(fixtures::user_id()),
        fixtures::session(fixtures::user_id()),
    );
    open(&port, &first).await;
    open(&port, &second).await;
    let seen = |user_id, id, seconds| LastSeen {
        user_id,
        id,
        at: later(seconds),
    };
    let seen = [
        seen(second.user_id, second.id, 70),
        seen(second.user_id, fixtures::session_id(), 71),
        seen(first.user_id, first.id, 72),
        seen(second.user_id, first.id, 73),
    ];
    port.touch(&seen).await.unwrap();
    port.touch(&[]).await.unwrap();
    assert_eq!(find(&port, &first).await.unwrap().last_seen_at, later(72));
    let expected = Session {
        last_seen_at: later(70),
        ..second.clone()
    };
    assert_eq!(find(&port, &second).await, Some(expected));
}

pub async fn a_session_is_ended_by_its_user_alone(port: Arc<SessionStore>) {
    let session = fixtures::session(fixtures::user_id());
    open(&port, &session).await;
    assert!(!port.delete(fixtures::user_id(), session.id).await.unwrap());
    assert!(find(&port, &session).await.is_some());
    assert!(port.delete(session.user_id, session.id).await.unwrap());
    assert_eq!(find(&port, &session).await, None);
    assert_eq!(port.list(session.user_id, now()).await.unwrap(), []);
    assert!(!port.delete(session.user_id, session.id).await.unwrap());
}

/// L-01: neither is written without the other.
pub async fn a_batch_is_written_when_a_session_begins_and_ends(port: Arc<SessionStore>) {
    let session = fixtures::session(fixtures::user_id());
    let ended = EndedSession {
        id: session.id,
        user_id: session.user_id,
        ends_at: later(9),
    };
    let other = fixtures::user_id();
    let failing = || vec![Write::check::<Credential>(other, Vec::new())];
    assert!(port.open(&session, failing()).await.is_err());
    assert_eq!(find(&port, &session).await, None);
    open(&port, &session).await;
    assert!(!matches!(port.end(&ended, failing()).await, Ok(true)));
    assert_eq!(find(&port, &session).await.as_ref(), Some(&session));
    assert!(!port.has_ended(session.id).await.unwrap());
    assert!(port.end(&ended, Vec::new()).await.unwrap());
    assert_eq!(find(&port, &session).await, None);
}

pub async fn a_ping_succeeds(port: Arc<SessionStore>) {
    port.ping().await.unwrap();
}

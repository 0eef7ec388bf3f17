//! Conversations, whole and in pieces.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::listener::passage::STAND_IN;
use crate::listener::seats::{Limits, Seats};

const LIMIT: Duration = Duration::from_secs(10);

fn seat() -> Seat {
    let limits = Limits {
        connections: 1,
        per_address: 1,
        trusted: "".parse().unwrap(),
    };
    let seats = Seats::new(limits, None);
    seats.take([127, 0, 0, 1].into()).unwrap()
}

fn gate() -> (DuplexStream, Gate<DuplexStream>) {
    let (client, server) = duplex(64 * 1024);
    (client, Gate::new(server, LIMIT, seat()))
}

/// What hyper would be given of this, until the client is waited for too long, or for ever.
async fn handed_on(said: &[u8]) -> (String, bool) {
    let (mut client, mut gate) = gate();
    client.write_all(said).await.unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let reading = tokio::time::timeout(2 * LIMIT, gate.read(&mut buffer));
        match reading.await {
            Ok(Ok(count)) => heard.extend_from_slice(&buffer[..count]),
            Ok(Err(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                return (String::from_utf8(heard).unwrap(), false);
            }
            Err(_) => return (String::from_utf8(heard).unwrap(), true),
        }
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// H-05: time is moved, so that nobody waits for it.
#[tokio::test(start_paused = true)]
async fn heads_are_hurried_and_what_is_between_them_is_not() {
    let half = format!("{GET}GET / HTTP/1.1\r\n");
    for said in [
        "",
        "P",
        "G",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
        "GET / HTTP/1.1\r\nHost:",
        &half,
    ] {
        let (heard, is_waited_for) = handed_on(said.as_bytes()).await;
        assert!(!is_waited_for, "{said}");
        // Nothing of a head that is not whole.
        assert_eq!(heard, if said == half { GET } else { "" });
    }
    let body = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf";
    for said in [
        GET,
        body,
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x02\0\0\0\0\0\x01a",
    ] {
        assert_eq!(handed_on(said.as_bytes()).await, (said.to_owned(), true));
    }
}

/// H-05: in HTTP/2 a head is whole with its last frame, and h2 waits for that.
#[tokio::test(start_paused = true)]
async fn half_a_head_of_http_2_is_hurried() {
    let begun = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let frame = |kind: char, flags: char| format!("\0\0\x03{kind}{flags}\0\0\0\x01abc");
    let (open, whole) = (frame('\x01', '\0'), frame('\x01', '\x04'));
    let (more, last) = (frame('\x09', '\0'), frame('\x09', '\x04'));
    for (said, is_whole) in [
        (format!("{begun}{whole}"), true),
        (format!("{begun}{whole}{}", &whole[..5]), false),
        (format!("{begun}{}", &whole[..11]), false),
        (format!("{begun}{open}"), false),
        (format!("{begun}{open}{more}"), false),
        (format!("{begun}{open}{more}{last}"), true),
    ] {
        assert_eq!(handed_on(said.as_bytes()).await, (said.clone(), is_whole));
    }
}

/// H-05: who says nothing more after a whole request is waited with for the answer, and not for ever:
/// they may as well be gone. Who breaks off is.
#[tokio::test(start_paused = true)]
async fn who_half_closes_is_answered_and_who_is_gone_is_forgotten() {
    let half = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf";
    let is_at_end = async |gate: &mut Gate<DuplexStream>, time| {
        let mut buffer = [0; 4096];
        let reading = tokio::time::timeout(time, gate.read(&mut buffer));
        reading.await.is_ok_and(|read| read.unwrap() == 0)
    };
    for (said, requests, is_whole) in [("", 0, false), (GET, 1, true), (half, 1, false)] {
        for is_answered in [false, true] {
            let (mut client, mut gate) = gate();
            client.write_all(said.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            if requests > 0 {
                assert_eq!(gate.read(&mut [0; 4096]).await.unwrap(), said.len());
            }
            let answer = (0..requests).map(|_| gate.conversation().begin().0);
            let answer: Vec<_> = answer.collect();
            let soon = HALF_CLOSED.mul_f32(0.9);
            assert_eq!(is_at_end(&mut gate, soon).await, !is_whole, "{said}");
            if !is_answered {
                tokio::time::advance(HALF_CLOSED).await;
                assert!(is_at_end(&mut gate, Duration::ZERO).await, "{said}");
                continue;
            }
            // Whoever reads hears at once that it has gone out.
            let begun = tokio::time::Instant::now();
            let answered = async move { drop(answer) };
            let (is_over, ()) = tokio::join!(is_at_end(&mut gate, HALF_CLOSED), answered);
            assert!(is_over && begun.elapsed().is_zero(), "{said}");
        }
    }
}

/// H-13: in place of what is refused comes what stands for it, and nothing after it.
#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_handed_on() {
    let stand_in = std::str::from_utf8(STAND_IN).unwrap();
    let sized = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\n\n\n";
    let chunked =
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\n\n\n\r\n0\r\n\r\n";
    for before in ["", GET, sized, chunked] {
        for torn in [
            "GET /\n",
            "GET / HTTP/1.1\r\nHost: x\r\nA_b: c\r\n\r\n",
            "\r\n\r\n\r\n",
            "\0",
        ] {
            let said = format!("{before}{torn}{GET}{GET}");
            let (heard, is_waited_for) = handed_on(said.as_bytes()).await;
            assert_eq!(heard, format!("{before}{stand_in}"), "{said:?}");
            assert!(is_waited_for);
        }
    }
}

/// H-13: however it comes in pieces, the same is handed on, no later than it may be.
#[tokio::test(start_paused = true)]
async fn pieces_make_no_difference() {
    let sized = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    let chunked =
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for said in [
        format!("{GET}{GET}"),
        format!("{sized}{GET}{sized}"),
        format!("{GET}{chunked}{GET}"),
        format!("{sized}{sized}"),
        format!("{GET}\r\n{GET}"),
    ] {
        let expected = said.replace("\n\r\n\r\nGET", "\n\r\nGET");
        for size in [1, 2, 3, GET.len(), sized.len(), sized.len() - 1, said.len()] {
            let (mut client, mut gate) = gate();
            let mut heard = Vec::new();
            for piece in said.as_bytes().chunks(size) {
                client.write_all(piece).await.unwrap();
                let mut buffer = [0; 4096];
                while let Ok(count) =
                    tokio::time::timeout(LIMIT / 1000, gate.read(&mut buffer)).await
                {
                    heard.extend_from_slice(&buffer[..count.unwrap()]);
                }
            }
            assert_eq!(String::from_utf8(heard).unwrap(), expected, "by {size}");
        }
    }
}

/// H-05, T-FLOOD: who leaves what they are sent where it is, or is cut off for being slow, loses it with the
/// connection; who was answered is not cut off.
#[tokio::test]
async fn what_a_slow_client_leaves_is_not_kept() {
    for (is_full, was_slow) in [(false, false), (true, false), (false, true)] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (mut client, server) = (client.unwrap(), accepted.unwrap().0);
        server.writable().await.unwrap();
        let seat = seat();
        let mut gate = Gate::new(server, LIMIT, seat.clone());
        gate.write_all(b"an answer").await.unwrap();
        if is_full {
            let piece = [0; 16 * 1024];
            let mut context = Context::from_waker(std::task::Waker::noop());
            while pin!(&mut gate).poll_write(&mut context, &piece).is_ready() {}
        }
        if was_slow {
            seat.was_slow();
        }
        drop(gate);
        let mut heard = Vec::new();
        let outcome = client.read_to_end(&mut heard).await;
        let kind = outcome.err().map(|error| error.kind());
        let is_reset = kind == Some(io::ErrorKind::ConnectionReset);
        assert_eq!(
            is_reset,
            is_full || was_slow,
            "{is_full} {was_slow} {kind:?}"
        );
        assert!(is_reset || heard == b"an answer");
    }
}

/// H-13: what came before a chunk that cannot be read is handed on, so that it is answered.
#[tokio::test]
async fn a_head_is_handed_on_before_its_broken_chunk() {
    let (mut client, mut gate) = gate();
    let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let said = format!("{head}+5\r\nabcde\r\n0\r\n\r\n");
    client.write_all(said.as_bytes()).await.unwrap();
    let mut heard = [0; 4096];
    let count = gate.read(&mut heard).await.unwrap();
    assert_eq!(&heard[..count], head.as_bytes());
    for _ in 0..2 {
        let error = gate.read(&mut [0; 16]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}

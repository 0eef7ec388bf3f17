//! What the fuzzer asks of those who read the bytes of strangers before hyper does; see [`crate::fuzzing`].

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use tokio::io::ReadBuf;

use super::chunks::Chunks;
use super::head::{self, Length, Refusal};
use super::passage::{PREFACE, Passage, STAND_IN, STAND_IN_FOR_HEAD};

/// More fields than a head may have, so that the other reader never runs out of room first.
const ROOM: usize = 256;

/// H-13: a head that is taken is one for hyper's own reader too, ends where it ends for that, has the
/// fields that it sees, and says one length.
pub fn request_heads(data: &[u8]) {
    // The listener hands over what ends with the first empty line.
    let end = data.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.map(|end| end + 4);
    assert_eq!(head::end_of(data), end);
    let Some(head) = end.map(|end| &data[..end]) else {
        assert!(head::examine(data).is_err());
        return;
    };
    let Ok(length) = head::examine(head) else {
        return;
    };
    let mut fields = [httparse::EMPTY_HEADER; ROOM];
    let mut request = httparse::Request::new(&mut fields);
    let read = request.parse(data);
    assert_eq!(read, Ok(httparse::Status::Complete(head.len())));
    let lines = head.windows(2).filter(|two| *two == b"\r\n").count();
    assert_eq!(request.headers.len(), lines - 2, "one field a line");
    // What hyper makes of it is not left to chance either.
    let target = request.path.expect("a whole head has a target");
    assert!(Uri::try_from(target).is_ok(), "{target:?}");
    for field in request.headers.iter() {
        assert!(HeaderName::from_bytes(field.name.as_bytes()).is_ok());
        assert!(HeaderValue::from_bytes(field.value).is_ok());
    }
    let of = |name: &str| {
        let named = request.headers.iter();
        let named = named.filter(|field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| field.value).collect::<Vec<_>>()
    };
    assert!(of("host").len() <= 1);
    match (
        of("content-length").as_slice(),
        of("transfer-encoding").as_slice(),
    ) {
        ([], []) => assert_eq!(length, Length::Bytes(0)),
        ([bytes], []) => {
            let bytes = std::str::from_utf8(bytes).expect("a number is text");
            let bytes = bytes.trim().parse().expect("it is a number");
            assert_eq!(length, Length::Bytes(bytes));
        }
        ([], [coding]) => {
            assert!(coding.trim_ascii().eq_ignore_ascii_case(b"chunked"));
            assert_eq!(length, Length::Chunks);
        }
        several => panic!("{several:?} says more than one length"),
    }
}

/// H-13: a body of chunks ends where it ends for another reader, in however many pieces it comes.
pub fn chunks(data: &[u8]) {
    let ours = end_of(data, data.len().max(1));
    for piece in [1, 2, 3, 7] {
        assert_eq!(end_of(data, piece), ours, "in pieces of {piece}");
    }
    if let (Some(ours), Some(theirs)) = (ours, end_for_another(data)) {
        assert_eq!(ours, theirs);
    }
}

/// Where the body ends, if it does.
fn end_of(data: &[u8], piece: usize) -> Option<usize> {
    let mut chunks = Chunks::default();
    let mut end = 0;
    for piece in data.chunks(piece) {
        let taken = chunks.take(piece).ok()?;
        assert!(taken <= piece.len());
        end += taken;
        if chunks.is_over() {
            return Some(end);
        }
        assert_eq!(taken, piece.len(), "all of it belongs to the body");
    }
    None
}

/// The same by the reader of sizes and trailers that hyper's is built on.
fn end_for_another(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(&data[at..])
        else {
            return None;
        };
        at += line;
        if size == 0 {
            break;
        }
        at = at.checked_add(usize::try_from(size).ok()?)?;
        if data.get(at..at.checked_add(2)?)? != b"\r\n" {
            return None;
        }
        at += 2;
    }
    let mut trailers = [httparse::EMPTY_HEADER; ROOM];
    match httparse::parse_headers(&data[at..], &mut trailers) {
        Ok(httparse::Status::Complete((read, _))) => Some(at + read),
        _ => None,
    }
}

/// H-13, H-05: of a conversation the same is handed on in however many pieces it comes; another reader finds as many
/// whole requests in that as were counted, and nothing after a refusal. Frames of HTTP/2 pass as they are, and end
/// where they end for another reader. The first byte is how long the pieces are.
pub fn conversations(data: &[u8]) {
    let Some((length, said)) = data.split_first() else {
        return;
    };
    let ours = heard(said, said.len().max(1));
    for length in [1, 2, 3, usize::from(*length).max(1)] {
        let pieces = heard(said, length);
        if ours.is_broken || pieces.is_broken {
            // How much of a broken body comes before its end is known depends on how it comes.
            let common = ours.bytes.len().min(pieces.bytes.len());
            assert_eq!(ours.bytes[..common], pieces.bytes[..common]);
            assert!(ours.is_broken && pieces.is_broken);
        } else {
            assert_eq!(pieces.bytes, ours.bytes, "in pieces of {length}");
            assert_eq!(pieces.awaited, ours.awaited, "in pieces of {length}");
        }
        assert_eq!(pieces.requests, ours.requests, "in pieces of {length}");
        assert_eq!(pieces.refused, ours.refused, "in pieces of {length}");
    }
    if let Some(frames) = said.strip_prefix(PREFACE) {
        assert_eq!(ours.bytes, said);
        assert_eq!(ours.awaited, amid_frames(frames));
    } else {
        assert_eq!(ours.requests, requests_for_another(&ours.bytes));
        let ends = [STAND_IN, STAND_IN_FOR_HEAD].map(|end| ours.bytes.ends_with(end));
        assert!(ours.refused.is_none() || ends.contains(&true));
    }
}

/// What hyper has been given.
struct Heard {
    bytes: Vec<u8>,
    requests: u64,
    refused: Option<Refusal>,
    is_broken: bool,
    awaited: Option<u64>,
}

/// As the gate does it.
fn heard(said: &[u8], length: usize) -> Heard {
    let mut passage = Passage::new();
    let mut bytes = Vec::new();
    let mut room = [0; 512];
    for piece in said.chunks(length) {
        if passage.is_broken() || passage.refused().is_some() {
            break;
        }
        if passage.pass_as_it_is(piece) {
            bytes.extend_from_slice(piece);
            continue;
        }
        passage.take(piece);
        loop {
            let mut buffer = ReadBuf::new(&mut room);
            if !passage.hand_on(&mut buffer) {
                break;
            }
            bytes.extend_from_slice(buffer.filled());
        }
    }
    Heard {
        bytes,
        requests: passage.requests(),
        refused: passage.refused(),
        is_broken: passage.is_broken(),
        awaited: passage.awaited(),
    }
}

/// How many requests there are for another reader.
fn requests_for_another(bytes: &[u8]) -> u64 {
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let mut fields = [httparse::EMPTY_HEADER; ROOM];
        let mut request = httparse::Request::new(&mut fields);
        let Ok(httparse::Status::Complete(head)) = request.parse(rest) else {
            panic!("what is handed on begins with a whole head");
        };
        count += 1;
        at += head;
        at += match head::examine(&rest[..head]).expect("it was handed on") {
            Length::Bytes(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
            Length::Chunks => match end_of(&rest[head..], rest.len()) {
                Some(end) => end,
                // Half a body, after which nothing can come.
                None => return count,
            },
        }
        .min(bytes.len() - at);
    }
    count
}

/// The frame of HTTP/2 that is half there, by how many are whole, where it is no body.
fn amid_frames(mut bytes: &[u8]) -> Option<u64> {
    let (mut whole, mut is_open) = (0, false);
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let Some((_, after)) = rest.split_at_checked(usize::try_from(length).ok()?) else {
            break;
        };
        if matches!(head[3], 1 | 9) {
            is_open = head[4] & 4 == 0;
        }
        whole += u64::from(!is_open);
        bytes = after;
    }
    let is_body = bytes.get(3) == Some(&0);
    (is_open || !(bytes.is_empty() || is_body)).then_some(whole)
}

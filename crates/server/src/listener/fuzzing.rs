//! What the fuzzer asks of those who read the bytes of strangers before hyper does; see [`crate::fuzzing`].

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};

use super::chunks::Chunks;
use super::head::{self, Length};

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

//! The head of an HTTP/1 request, byte by byte: what two readers could take for two things is
//! refused before anybody reads it (H-13).
//!
//! hyper is lenient where a proxy in front may not be: it takes a bare line feed for the end of a
//! line, and `Transfer-Encoding` beside `Content-Length`. This knows only what is needed to say no,
//! and where the body ends; hyper reads the request itself. What is refused here gets its answer
//! from the web part like everything else, so that it is a problem with a request id (H-01).

use hyper::Uri;
use memchr::{memchr, memchr_iter};

pub use doorward_web::Refusal;

/// The longest target of a request, in bytes (H-05).
pub const MAX_URI_BYTES: usize = doorward_web::MAX_URI_BYTES;
/// The largest head, in bytes: the request line and all fields (H-05).
pub const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The most fields (H-05).
pub const MAX_FIELDS: usize = doorward_web::MAX_FIELDS;
/// The longest method; the longest that is registered has 17.
const MAX_METHOD: usize = 32;
/// The longest body that may be spoken of. hyper has its own use for the largest numbers there are, and
/// some readers of JSON and JavaScript end here.
const MAX_LENGTH: u64 = 1 << 53;
/// What `Connection` may name. Anything else asks a proxy to take that field away on its way.
const CONNECTION_OPTIONS: [&str; 5] = ["close", "keep-alive", "upgrade", "http2-settings", "te"];

/// How long the body is that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many bytes.
    Bytes(u64),
    /// In chunks.
    Chunks,
}

/// Looks at a whole head, with the empty line that ends it.
pub fn examine(head: &[u8]) -> Result<Length, Refusal> {
    let lines = head.strip_suffix(b"\r\n\r\n").ok_or(Refusal::Malformed)?;
    let mut lines = Lines(Some(lines));
    let version = request_line(lines.next().unwrap_or_default())?;
    let mut fields = Fields::default();
    for (number, line) in lines.enumerate() {
        if number == MAX_FIELDS {
            return Err(Refusal::HeadersTooLarge);
        }
        fields.take(line)?;
    }
    fields.length(version)
}

/// Where the head that stands first ends, if all of it is there.
pub fn end_of(bytes: &[u8]) -> Option<usize> {
    let mut ends = memchr_iter(b'\n', bytes).map(|at| at + 1);
    ends.find(|end| bytes[..*end].ends_with(b"\r\n\r\n"))
}

/// What stands between `\r\n`. A byte of these that stands alone ends no line, and is refused with the
/// line that it is left in.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let end = memchr(b'\n', rest);
        self.0 = end.map(|end| &rest[end + 1..]);
        Some(match end {
            Some(end) => rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..=end]),
            None => rest,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    OneOne,
}

fn request_line(line: &[u8]) -> Result<Version, Refusal> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::Malformed);
    };
    if target.len() > MAX_URI_BYTES {
        return Err(Refusal::UriTooLong);
    }
    let is_method = (1..=MAX_METHOD).contains(&method.len()) && method.iter().all(is_token);
    if !is_method || !is_target(target) {
        return Err(Refusal::Malformed);
    }
    match version {
        b"HTTP/1.1" => Ok(Version::OneOne),
        b"HTTP/1.0" => Ok(Version::One),
        _ => Err(Refusal::Malformed),
    }
}

/// Whether hyper reads it as well. What nearly everybody asks for is known without a second reading.
fn is_target(target: &[u8]) -> bool {
    if target.first() == Some(&b'/') && target.iter().all(|byte| PLAIN[usize::from(*byte)]) {
        return true;
    }
    // A target has no fragment (RFC 9112, 3.2); `Uri` would pass over what stands in one.
    let is_text = std::str::from_utf8(target).is_ok() && !target.contains(&b'#');
    is_text && Uri::try_from(target).is_ok()
}

fn is_token(byte: &u8) -> bool {
    TOKEN[usize::from(*byte)]
}

/// What names are made of (RFC 9110, 5.6.2).
static TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~");
/// What no target is refused for.
static PLAIN: [bool; 256] = table(b"-._~/?&=%:@!$+,;");
/// What a host and its port are made of.
static HOST: [bool; 256] = table(b"-._~%!$&'()*+;=:[]");

/// Letters, digits and these.
const fn table(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
}

/// What the fields say of where the request goes and how long it is.
#[derive(Default)]
struct Fields {
    hosts: usize,
    length: Option<u64>,
    is_chunked: bool,
}

impl Fields {
    fn take(&mut self, line: &[u8]) -> Result<(), Refusal> {
        // What ends a line for some, or is a space for some, is not trimmed away below.
        // Looked at to the end, which a compiler does many bytes at a time.
        let is_odd = |byte: &u8| byte.is_ascii_control() & (*byte != b'\t');
        if line.iter().fold(false, |odd, byte| odd | is_odd(byte)) {
            return Err(Refusal::Malformed);
        }
        // A line that begins with a space goes on with the one before, for some.
        let colon = memchr(b':', line);
        let (name, value) = line.split_at(colon.ok_or(Refusal::Malformed)?);
        let value = value[1..].trim_ascii();
        let is_name = |byte: &u8| is_token(byte) && *byte != b'_';
        if name.is_empty() || !name.iter().all(is_name) {
            return Err(Refusal::Malformed);
        }
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        let is_sound = if is(b"host") {
            self.host(value)
        } else if is(b"content-length") {
            self.content_length(value)
        } else if is(b"transfer-encoding") {
            let is_first = !self.is_chunked;
            self.is_chunked = true;
            is_first && value.eq_ignore_ascii_case(b"chunked")
        } else if is(b"connection") {
            value.split(|byte| *byte == b',').all(is_known_option)
        } else {
            true
        };
        is_sound.then_some(()).ok_or(Refusal::Malformed)
    }

    fn host(&mut self, value: &[u8]) -> bool {
        self.hosts += 1;
        self.hosts == 1 && value.iter().all(|byte| HOST[usize::from(*byte)])
    }

    fn content_length(&mut self, value: &[u8]) -> bool {
        let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().filter(|_| is_number);
        let is_first = self.length.is_none();
        let number = number.and_then(|number| number.parse().ok());
        self.length = number.filter(|number| *number <= MAX_LENGTH);
        is_first && self.length.is_some()
    }

    fn length(self, version: Version) -> Result<Length, Refusal> {
        if self.hosts == 0 && version == Version::OneOne {
            return Err(Refusal::Malformed);
        }
        match (self.length, self.is_chunked) {
            (Some(_), true) => Err(Refusal::Malformed),
            (None, true) if version == Version::One => Err(Refusal::Malformed),
            (None, true) => Ok(Length::Chunks),
            (length, false) => Ok(Length::Bytes(length.unwrap_or(0))),
        }
    }
}

fn is_known_option(option: &[u8]) -> bool {
    let option = option.trim_ascii();
    let known = |known: &&str| option.eq_ignore_ascii_case(known.as_bytes());
    option.is_empty() || CONNECTION_OPTIONS.iter().any(known)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(fields: &str) -> Result<Length, Refusal> {
        examine(format!("POST /auth HTTP/1.1\r\nHost: x\r\n{fields}\r\n").as_bytes())
    }

    /// H-13: what one reader takes for one thing and another for another.
    #[test]
    fn what_could_be_read_two_ways_is_refused() {
        for fields in [
            "Content-Length: 2\r\nContent-Length: 2\r\n",
            "Content-Length: 2\r\nContent-Length: 3\r\n",
            "Content-Length: 2, 2\r\n",
            "Content-Length: +2\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 0x2\r\n",
            "Content-Length: \r\n",
            "Content-Length:\u{c}2\r\n",
            "X:\u{b}a\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 18446744073709551615\r\n",
            "Content-Length: 18446744073709551614\r\n",
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: \x0bchunked\r\n",
            "Transfer_Encoding: chunked\r\n",
            "X_Forwarded_For: 10.0.0.1\r\n",
            "X-A: b\r\n c\r\n",
            "X-A: b\r\n\tc\r\n",
            "X-A : b\r\n",
            "X-A\r\n",
            ": b\r\n",
            "X-A: \0\r\n",
            "X-A:\n\r2\r\n",
            "X-A: 2\n\r\n",
            "X-A: \x7f\r\n",
            "Host: y\r\n",
            "Connection: close, X-Forwarded-For\r\n",
            "Connection: cookie\r\n",
        ] {
            assert_eq!(head(fields), Err(Refusal::Malformed), "{fields:?}");
        }
        for (fields, length) in [
            ("", Length::Bytes(0)),
            ("Content-Length: 2\r\n", Length::Bytes(2)),
            ("content-length:\t2 \r\n", Length::Bytes(2)),
            ("Transfer-Encoding: Chunked\r\n", Length::Chunks),
            (
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
                Length::Bytes(0),
            ),
            (
                "Connection: keep-alive\r\nX-A:\r\nX-B: \u{e9}\r\n",
                Length::Bytes(0),
            ),
        ] {
            assert_eq!(head(fields), Ok(length), "{fields:?}");
        }
    }

    proptest! {
        /// H-13: whatever byte stands wherever, hyper reads what is taken, and reads the same.
        #[test]
        fn what_is_taken_hyper_takes_too(
            target in any::<[u8; 2]>(),
            name in any::<[u8; 2]>(),
            value in any::<[u8; 2]>(),
        ) {
            for (target, name, value) in [
                ([b'/', target[0]], *b"ab", *b"ab"),
                (target, *b"ab", *b"ab"),
                (*b"/a", name, *b"ab"),
                (*b"/a", *b"ab", value),
            ] {
                let line = [b"GET ", &target[..], b" HTTP/1.1\r\nHost: x\r\n"].concat();
                let head = [&line, &name[..], b": ", &value, b"\r\n\r\n"].concat();
                crate::listener::fuzzing::request_heads(&head);
            }
        }
    }

    /// H-13, H-05: the first line, and the limits at their edges.
    #[test]
    fn the_request_line_has_three_parts_and_the_head_its_limits() {
        for (line, host, expected) in [
            ("GET / HTTP/1.1", "", Err(Refusal::Malformed)),
            ("GET / HTTP/1.0", "", Ok(Length::Bytes(0))),
            ("GET / HTTP/1.1", "Host: a b\r\n", Err(Refusal::Malformed)),
            ("GET / HTTP/1.1", "Host: a@b\r\n", Err(Refusal::Malformed)),
            ("GET / HTTP/1.1", "Host: a/b\r\n", Err(Refusal::Malformed)),
            ("GET / HTTP/1.1", "Host: [::1]:80\r\n", Ok(Length::Bytes(0))),
            ("GET  / HTTP/1.1", "Host: x\r\n", Err(Refusal::Malformed)),
            ("GET /", "Host: x\r\n", Err(Refusal::Malformed)),
            ("GET / HTTP/1.2", "Host: x\r\n", Err(Refusal::Malformed)),
            ("GET / http/1.1", "Host: x\r\n", Err(Refusal::Malformed)),
            ("GET\t/ HTTP/1.1", "Host: x\r\n", Err(Refusal::Malformed)),
            ("GET /\x01 HTTP/1.1", "Host: x\r\n", Err(Refusal::Malformed)),
            ("G(T / HTTP/1.1", "Host: x\r\n", Err(Refusal::Malformed)),
            ("", "Host: x\r\n", Err(Refusal::Malformed)),
        ] {
            assert_eq!(
                examine(format!("{line}\r\n{host}\r\n").as_bytes()),
                expected,
                "{line} {host}"
            );
        }
        let target = |length: usize| {
            let target = "x".repeat(length - 1);
            examine(format!("GET /{target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
        };
        assert!(target(MAX_URI_BYTES).is_ok());
        assert_eq!(target(MAX_URI_BYTES + 1), Err(Refusal::UriTooLong));
        let fields = |count: usize| head(&"X-A: y\r\n".repeat(count - 1));
        assert!(fields(MAX_FIELDS).is_ok());
        assert_eq!(fields(MAX_FIELDS + 1), Err(Refusal::HeadersTooLarge));
    }
}

//! What of a conversation may be handed on to hyper: heads that are whole and can be read in one way alone,
//! and what belongs to them (H-13).
//!
//! In place of a head that is refused hyper is handed one that stands for it. Frames of HTTP/2 leave nothing
//! to read two ways, and pass as they are; h2 has the limits. This takes bytes and gives bytes: it knows
//! no stream, no time and no seat, which are the [`gate`](super::gate)'s.

use tokio::io::ReadBuf;

use super::chunks::Chunks;
use super::frames::Frames;
use super::head::{self, Length, Refusal};

/// What a client says first in HTTP/2 (RFC 9113, 3.4). Whatever else it says is HTTP/1.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Handed on in place of what is refused; a `HEAD` is answered without a body, as anybody expects who has
/// read it (H-03).
pub(super) const STAND_IN: &[u8] =
    b"GET /.refused HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";
pub(super) const STAND_IN_FOR_HEAD: &[u8] =
    b"HEAD /.refused HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";
/// How much more than its target the first line may have.
const MAX_LINE: usize = head::MAX_URI_BYTES + 64;
/// How many empty lines may come before a request: some old clients end a body with one.
const MAX_EMPTY_LINES: usize = 2;
/// Where in the conversation the next byte stands.
enum Place {
    /// Before it is clear which HTTP is spoken.
    Start,
    /// In a head, or before one.
    Head,
    /// In a body that has so many bytes more.
    Body(u64),
    /// In a body of chunks.
    Chunks(Chunks),
    /// HTTP/2.
    Frames(Frames),
    /// In a body that cannot be read further. What came before it is handed on, and so is answered.
    Broken,
    /// After a refusal: nothing more is handed on.
    Refused,
}

/// A conversation as far as it has come.
pub struct Passage {
    place: Place,
    /// What was read and not handed on yet.
    held: Vec<u8>,
    /// How much of it, from its beginning, may be.
    cleared: usize,
    /// How far the head that comes then was looked through, and how many lines of it have ended.
    scanned: usize,
    lines: usize,
    /// How many empty lines have come before it.
    empty_lines: usize,
    requests: u64,
    refused: Option<Refusal>,
}

impl Passage {
    /// Nothing has been said.
    pub fn new() -> Self {
        Self {
            place: Place::Start,
            held: Vec::new(),
            cleared: 0,
            scanned: 0,
            lines: 0,
            empty_lines: 0,
            requests: 0,
            refused: None,
        }
    }

    /// How many requests of HTTP/1 were handed on, those among them that stand for others.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Why the last of them was refused, if it was. None comes after it.
    pub fn refused(&self) -> Option<Refusal> {
        self.refused
    }

    /// Whether nothing more can be handed on, since what follows has no end that two readers would see alike.
    pub fn is_broken(&self) -> bool {
        matches!(self.place, Place::Broken)
    }

    /// The head that is being waited for, by a number of its own: the first from the beginning on, another
    /// from its first byte to its last.
    pub fn awaited(&self) -> Option<u64> {
        match &self.place {
            Place::Start => Some(0),
            Place::Head if self.cleared < self.held.len() || self.requests == 0 => {
                Some(self.requests)
            }
            Place::Frames(frames) if frames.is_amid() => Some(frames.whole()),
            _ => None,
        }
    }

    /// Whether all that was begun is whole, and nothing has been begun since.
    pub fn is_between_requests(&self) -> bool {
        matches!(self.place, Place::Head) && self.held.is_empty()
    }

    /// Whether all that was just read may be handed on as it is. It is where a client sends a head, with its
    /// body or without, and waits for the answer: then nothing is copied. What is not known for that at a
    /// glance, [`Passage::take`] looks at.
    pub fn pass_as_it_is(&mut self, bytes: &[u8]) -> bool {
        if !self.held.is_empty() {
            return false;
        }
        let fresh = bytes.len() as u64;
        match &mut self.place {
            Place::Frames(frames) => {
                frames.take(bytes);
                true
            }
            Place::Body(left) if fresh <= *left => {
                *left -= fresh;
                if *left == 0 {
                    self.place = Place::Head;
                }
                true
            }
            // The preface ends in a head as well, which is none.
            Place::Start | Place::Head if self.empty_lines == 0 => {
                let end = head::end_of(bytes).filter(|end| *end <= head::MAX_HEAD_BYTES);
                let length = end.and_then(|end| Some((end, head::examine(&bytes[..end]).ok()?)));
                let Some((end, Length::Bytes(length))) = length else {
                    return false;
                };
                let of_body = (bytes.len() - end) as u64;
                if of_body > length {
                    return false;
                }
                self.pass(Length::Bytes(length - of_body));
                true
            }
            _ => false,
        }
    }

    /// Takes in what was just read.
    pub fn take(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        loop {
            let fresh = self.held.len() - self.cleared;
            let is_over = match &mut self.place {
                Place::Start => !self.begin(),
                Place::Head => !self.head(),
                Place::Body(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(fresh);
                    *left -= taken as u64;
                    self.cleared += taken;
                    if *left > 0 {
                        true
                    } else {
                        self.place = Place::Head;
                        false
                    }
                }
                Place::Chunks(chunks) => match chunks.take(&self.held[self.cleared..]) {
                    Ok(taken) => {
                        self.cleared += taken;
                        let is_over = chunks.is_over();
                        if is_over {
                            self.place = Place::Head;
                        }
                        !is_over
                    }
                    Err(_) => {
                        self.place = Place::Broken;
                        false
                    }
                },
                Place::Frames(frames) => {
                    frames.take(&self.held[self.cleared..]);
                    self.cleared = self.held.len();
                    true
                }
                Place::Refused | Place::Broken => {
                    self.held.truncate(self.cleared);
                    true
                }
            };
            if is_over {
                return;
            }
        }
    }

    /// Whether it is clear now which HTTP is spoken.
    fn begin(&mut self) -> bool {
        let common = self.held.iter().zip(PREFACE);
        let common = common.take_while(|(one, other)| one == other).count();
        if common == PREFACE.len() {
            self.cleared = PREFACE.len();
            self.place = Place::Frames(Frames::default());
        } else if common < self.held.len() {
            self.place = Place::Head;
        } else {
            return false;
        }
        true
    }

    /// Whether there was a whole head, or one that is refused.
    fn head(&mut self) -> bool {
        let fresh = &self.held[self.cleared..];
        if fresh.is_empty() {
            return false;
        }
        while self.scanned < fresh.len() {
            let byte = fresh[self.scanned];
            self.scanned += 1;
            let before = self.scanned.checked_sub(2).map(|at| fresh[at]);
            let is_torn = match byte {
                b'\n' => before != Some(b'\r'),
                0 => true,
                // A carriage return ends a line with what follows, or it is no use.
                _ => before == Some(b'\r'),
            };
            if is_torn {
                return self.refuse(Refusal::Malformed);
            }
            if byte != b'\n' {
                match self.over_its_limit() {
                    Some(refusal) => return self.refuse(refusal),
                    None => continue,
                }
            }
            if self.scanned == 2 && self.lines == 0 {
                self.held.drain(self.cleared..self.cleared + 2);
                return self.skipped_a_line();
            }
            self.lines += 1;
            if fresh[..self.scanned].ends_with(b"\r\n\r\n") {
                let length = match head::examine(&fresh[..self.scanned]) {
                    Ok(length) => length,
                    Err(refusal) => return self.refuse(refusal),
                };
                self.cleared += self.scanned;
                self.pass(length);
                return true;
            }
        }
        false
    }

    fn over_its_limit(&self) -> Option<Refusal> {
        if self.lines == 0 && self.scanned > MAX_LINE {
            return Some(Refusal::UriTooLong);
        }
        (self.scanned > head::MAX_HEAD_BYTES).then_some(Refusal::HeadersTooLarge)
    }

    fn skipped_a_line(&mut self) -> bool {
        self.scanned = 0;
        self.empty_lines += 1;
        if self.empty_lines > MAX_EMPTY_LINES {
            return self.refuse(Refusal::Malformed);
        }
        true
    }

    /// A head was whole, and so much of its body is still to come.
    fn pass(&mut self, length: Length) {
        self.next_request();
        self.place = match length {
            Length::Bytes(0) => Place::Head,
            Length::Bytes(bytes) => Place::Body(bytes),
            Length::Chunks => Place::Chunks(Chunks::default()),
        };
    }

    fn refuse(&mut self, refusal: Refusal) -> bool {
        let stand_in = match self.held[self.cleared..].starts_with(b"HEAD ") {
            true => STAND_IN_FOR_HEAD,
            false => STAND_IN,
        };
        self.held.truncate(self.cleared);
        self.held.extend_from_slice(stand_in);
        self.cleared = self.held.len();
        self.next_request();
        self.refused = Some(refusal);
        self.place = Place::Refused;
        true
    }

    fn next_request(&mut self) {
        self.requests += 1;
        self.scanned = 0;
        self.lines = 0;
        self.empty_lines = 0;
    }

    /// Hands on what may be; whether there was anything.
    pub fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let count = self.cleared.min(buffer.remaining());
        buffer.put_slice(&self.held[..count]);
        self.held.drain(..count);
        self.cleared -= count;
        if self.held.is_empty() && self.held.capacity() > head::MAX_HEAD_BYTES {
            self.held = Vec::new();
        }
        count > 0
    }
}

//! Where the frames of HTTP/2 end (RFC 9113, 4.1), so that nobody is half way through a head for long (H-05).
//!
//! h2 reads them, and has the limits for what stands in them; but it waits for the rest of a head for as
//! long as its connection is alive. A head goes on in further frames until one of them says that it is the
//! last. A body is not hurried here: whoever reads it asks for its pace.

const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
/// A flag of the last two: it ends the head.
const END_HEADERS: u8 = 4;

/// How far the frames of a client have come.
#[derive(Debug, Default)]
pub struct Frames {
    /// How the frame begins: length, type, flags and stream.
    head: [u8; HEAD],
    /// How much of that is there.
    filled: usize,
    /// How much of what follows is not.
    left: usize,
    /// After a frame that begins a head and does not end it.
    is_head_open: bool,
    whole: u64,
}

impl Frames {
    /// So much more has come.
    pub fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let wanted = match self.filled {
                HEAD => self.left,
                filled => HEAD - filled,
            };
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            bytes = later;
            if self.filled == HEAD {
                self.left -= now.len();
            } else {
                self.head[self.filled..][..now.len()].copy_from_slice(now);
                self.filled += now.len();
                let [high, middle, low, ..] = self.head.map(usize::from);
                self.left = (high << 16) | (middle << 8) | low;
            }
            if self.filled == HEAD && self.left == 0 {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.filled = 0;
        if matches!(self.head[3], HEADERS | CONTINUATION) {
            self.is_head_open = self.head[4] & END_HEADERS == 0;
        }
        self.whole += u64::from(!self.is_head_open);
    }

    /// How many have come whole, a head in several of them counted as one.
    pub fn whole(&self) -> u64 {
        self.whole
    }

    /// Whether one is half there that is no body.
    pub fn is_amid(&self) -> bool {
        let is_body = self.filled > 3 && self.head[3] == DATA;
        self.is_head_open || (self.filled > 0 && !is_body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.resize(HEAD + usize::from(length), b'x');
        frame
    }

    /// H-05: in however many pieces they come.
    #[test]
    fn a_head_is_whole_with_its_last_frame() {
        let settings = frame(4, 0, 0);
        let whole = [settings.clone(), frame(HEADERS, END_HEADERS, 20)].concat();
        let open = frame(HEADERS, 0, 20);
        let goes_on = [open.clone(), frame(CONTINUATION, 0, 3)].concat();
        let ends = [goes_on.clone(), frame(CONTINUATION, END_HEADERS, 3)].concat();
        let body = frame(DATA, 0, 200);
        for (said, count, is_amid) in [
            (&[][..], 0, false),
            (&settings[..], 1, false),
            (&settings[..8], 0, true),
            (&whole, 2, false),
            (&whole[..20], 1, true),
            (&open, 0, true),
            (&goes_on, 0, true),
            (&ends, 1, false),
            (&body[..50], 0, false),
            (&body, 1, false),
            (&[&body[..], &whole[..]].concat(), 3, false),
        ] {
            for size in [1, 2, 5, 9, 10, 300] {
                let mut frames = Frames::default();
                said.chunks(size).for_each(|piece| frames.take(piece));
                assert_eq!((frames.whole(), frames.is_amid()), (count, is_amid));
            }
        }
    }
}

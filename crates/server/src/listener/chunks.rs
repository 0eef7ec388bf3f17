//! Where a body of chunks ends (RFC 9112, 7.1), read as strictly as its head.
//!
//! hyper takes the chunks apart; this only finds the end, so that the next head is known for one.
//! What both would not read alike is an error here, and the connection ends (H-13).

use std::io;

/// The longest line of a size, with its extensions, and of a trailer.
const MAX_LINE: usize = 256;
/// The most lines of trailers.
const MAX_TRAILERS: usize = 16;
/// The most digits of a size: no body that is read has so many bytes.
const MAX_DIGITS: usize = 8;

/// How far a body has come.
#[derive(Debug, Default)]
pub struct Chunks {
    line: Vec<u8>,
    /// Of the chunk, and of the `\r\n` after it.
    left: u64,
    /// In the trailers, after the last chunk.
    is_ending: bool,
    trailers: usize,
    is_over: bool,
}

impl Chunks {
    /// How many of these bytes are the body's.
    pub fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while taken < bytes.len() && !self.is_over {
            if self.left > 2 {
                let step = usize::try_from(self.left - 2).unwrap_or(usize::MAX);
                let step = step.min(bytes.len() - taken);
                self.left -= step as u64;
                taken += step;
                continue;
            }
            let byte = bytes[taken];
            taken += 1;
            match self.left {
                0 => self.line(byte)?,
                left => {
                    sound(byte == if left == 2 { b'\r' } else { b'\n' })?;
                    self.left -= 1;
                }
            }
        }
        Ok(taken)
    }

    /// Whether it has come to its end.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    fn line(&mut self, byte: u8) -> io::Result<()> {
        let before = self.line.last().copied();
        sound(byte != 0 && (byte == b'\n') == (before == Some(b'\r')))?;
        sound(self.line.len() < MAX_LINE)?;
        self.line.push(byte);
        if byte != b'\n' {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let line = &line[..line.len() - 2];
        if self.is_ending {
            self.trailers += 1;
            self.is_over = line.is_empty();
            return sound(self.trailers <= MAX_TRAILERS);
        }
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        sound((1..=MAX_DIGITS).contains(&digits.len()))?;
        sound(digits.iter().all(u8::is_ascii_hexdigit))?;
        let size = std::str::from_utf8(digits).unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(|_| broken())?;
        self.is_ending = size == 0;
        self.left = if self.is_ending { 0 } else { size + 2 };
        Ok(())
    }
}

fn sound(is_sound: bool) -> io::Result<()> {
    is_sound.then_some(()).ok_or_else(broken)
}

/// What is said of a body that cannot be taken apart.
pub(super) fn broken() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the chunks of a body cannot be read",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes are the body's, the same in one piece and byte by byte.
    fn length(text: &str) -> Option<usize> {
        let at_once = {
            let mut chunks = Chunks::default();
            let taken = chunks.take(text.as_bytes());
            taken.ok().filter(|_| chunks.is_over())
        };
        let mut chunks = Chunks::default();
        let mut taken = 0;
        for byte in text.as_bytes() {
            if chunks.is_over() {
                break;
            }
            match chunks.take(&[*byte]) {
                Ok(more) => taken += more,
                Err(_) => {
                    assert_eq!(at_once, None, "{text:?}");
                    return None;
                }
            }
        }
        assert_eq!(at_once, chunks.is_over().then_some(taken), "{text:?}");
        at_once
    }

    /// H-13: and what comes after it is the next head.
    #[test]
    fn the_end_is_found_and_what_is_no_chunk_is_refused() {
        assert_eq!(length("0\r\n\r\nGET"), Some(5));
        assert_eq!(length("2\r\n{}\r\n0\r\n\r\nGET"), Some(12));
        assert_eq!(length("2;a=b\r\n\r\n\r\n0\r\nA: b\r\n\r\nGET"), Some(22));
        for text in [
            "2\n{}\r\n0\r\n\r\n",
            "2\r\n{}\n0\r\n\r\n",
            "2\r\n{}x\r\n0\r\n\r\n",
            "2\r\n{}\r\n0\r\n\n",
            "\r\n{}",
            " 2\r\n{}\r\n0\r\n\r\n",
            "2 \r\n{}\r\n0\r\n\r\n",
            "0x2\r\n{}\r\n0\r\n\r\n",
            "-1\r\n\r\n",
            "100000000\r\n",
            "2\rx\n{}",
        ] {
            assert_eq!(length(text), None, "{text:?}");
        }
        assert_eq!(length(&format!("1;{}\r\n", "x".repeat(300))), None);
        let trailers = |count| format!("0\r\n{}\r\n", "A: b\r\n".repeat(count));
        assert!(length(&trailers(15)).is_some());
        assert_eq!(length(&trailers(16)), None);
    }
}

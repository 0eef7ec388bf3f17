//! Where users are read from: lines of JSON, one large JSON document, or CSV; a file or standard
//! input. However large it is, one user of it is in memory at a time.
//!
//! All of it blocks, and belongs on a thread of its own. `document` and `rows` know what their files
//! look like; neither keeps more of one user than [`MAX_USER`], or little more.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, IsTerminal, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use super::document::{Nested, read_document};
use super::rows::Rows;
use super::{Format, Rejection, doorward, firebase_csv, unquoted};

/// Enough of a file to tell whose it is.
const HEAD: u64 = 64 * 1024;
/// No user is longer, in bytes of a line, of a record or of a JSON object: 16 KiB of data,
/// escaped as badly as can be, have room several times over.
pub(super) const MAX_USER: u64 = 1024 * 1024;

/// Where in the file somebody stands, both counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line.
    Line(u64),
    /// A user in a document without lines that mean anything.
    Item(u64),
}

/// Takes what was read; breaks where nobody wants more.
pub type Sink<'a> = &'a mut dyn FnMut(Place, Result<Value, Rejection>) -> ControlFlow<()>;

/// A file that is about to be read.
pub struct Source {
    head: Vec<u8>,
    rest: Box<dyn Read + Send>,
    /// How many bytes have been read of how many, where that is known.
    size: Option<u64>,
    read: Arc<AtomicU64>,
    /// The device and the number of the file on it, whatever its names.
    identity: (u64, u64),
}

impl Source {
    /// Opens the file; `-` is standard input.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        let file = if path == Path::new("-") {
            if std::io::stdin().is_terminal() {
                bail!("say what to read: a file, or a pipe into standard input");
            }
            File::from(std::io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            File::open(path).with_context(|| format!("{} cannot be read", path.display()))?
        };
        let metadata = file.metadata()?;
        let size = metadata.is_file().then_some(metadata.len());
        let mut metered = Metered {
            inner: file,
            read: read.clone(),
        };
        let mut head = Vec::new();
        (&mut metered).take(HEAD).read_to_end(&mut head)?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            bail!("the file is UTF-16, as PowerShell's `>` writes; save it as UTF-8");
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        Ok(Self {
            head,
            rest: Box::new(metered),
            size,
            read,
            identity: (metadata.dev(), metadata.ino()),
        })
    }

    /// What the fuzzer writes instead of a file.
    #[cfg(any(test, fuzzing))]
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Self {
            head: bytes.to_vec(),
            rest: Box::new(std::io::empty()),
            size: None,
            read: Arc::default(),
            identity: (0, 0),
        }
    }

    /// Whether this is what is read, by that name or another.
    pub fn is_at(&self, path: &Path) -> bool {
        let there = std::fs::metadata(path);
        there.is_ok_and(|there| (there.dev(), there.ino()) == self.identity)
    }

    /// How many bytes there are, where that is known.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Counts the bytes that were read.
    pub fn meter(&self) -> Arc<AtomicU64> {
        self.read.clone()
    }

    /// Whose file it seems to be.
    pub fn detect(&self) -> anyhow::Result<Format> {
        let head = String::from_utf8_lossy(&self.head);
        let has_marks = |format: &Format| format.marks().iter().all(|mark| head.contains(mark));
        let first_line = head.lines().next().unwrap_or_default();
        if Format::Doorward
            .marks()
            .iter()
            .all(|mark| first_line.contains(mark))
        {
            return Ok(Format::Doorward);
        }
        let found: Vec<Format> = Format::ALL.into_iter().filter(has_marks).collect();
        match found.as_slice() {
            [one] => Ok(*one),
            _ => {
                let names = Format::ALL.map(Format::name).join(", ");
                bail!("it cannot be told whose file this is; say it with --format: {names}")
            }
        }
    }

    /// Hands over every user, in order.
    pub fn read(self, format: Format, sink: Sink<'_>) -> anyhow::Result<()> {
        let first = self
            .head
            .iter()
            .copied()
            .find(|byte| !byte.is_ascii_whitespace());
        let input = Cursor::new(self.head).chain(self.rest);
        let input = BufReader::with_capacity(HEAD as usize, input);
        match (format, first) {
            (_, None) => bail!("the file is empty"),
            (Format::Doorward, _) => read_lines(input, FirstLine::Header, json, sink),
            (Format::Django | Format::Supabase, Some(b'{')) => {
                read_lines(input, FirstLine::User, json, sink)
            }
            (Format::Django | Format::Supabase, Some(b'[')) => {
                read_document(input, Nested::Users, sink)
            }
            (Format::Keycloak | Format::Firebase, Some(b'{' | b'[')) => {
                read_document(input, Nested::Document, sink)
            }
            (Format::Firebase, _) => read_lines(input, FirstLine::User, firebase_csv::read, sink),
            (Format::Supabase, _) => read_csv(input, sink),
            (Format::Django | Format::Keycloak, _) => bail!("the file is not JSON"),
        }
    }
}

/// Counts what goes through.
struct Metered<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FirstLine {
    Header,
    User,
}

fn read_lines(
    mut input: impl BufRead,
    first: FirstLine,
    parse: fn(&[u8]) -> Result<Value, Rejection>,
    sink: Sink<'_>,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = (&mut input).take(MAX_USER).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        let is_whole = line.last() == Some(&b'\n') || (read as u64) < MAX_USER;
        if number == 1 && first == FirstLine::Header {
            doorward::check_header(&line)?;
            continue;
        }
        let value = if is_whole {
            match line.trim_ascii() {
                b"" => continue,
                text => parse(text),
            }
        } else {
            skip_line(&mut input)?;
            Err(Rejection::malformed("The line is longer than 1 MiB."))
        };
        if sink(Place::Line(number), value).is_break() {
            break;
        }
    }
    Ok(())
}

/// Passes over what is left of a line.
pub(super) fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        let is_over = end.is_some() || buffer.is_empty();
        input.consume(length);
        if is_over {
            return Ok(());
        }
    }
}

fn json(text: &[u8]) -> Result<Value, Rejection> {
    serde_json::from_slice(text).map_err(|error| {
        Rejection::malformed(format!("The line is not JSON: {}.", unquoted(&error)))
    })
}

fn read_csv(input: impl BufRead, sink: Sink<'_>) -> anyhow::Result<()> {
    let mut rows = Rows::new(input);
    let header = header(&mut rows)?;
    rows.columns = Some(header.len());
    while let Some(row) = rows.next()? {
        let value = row.fields.map(|fields| by_name(&header, &fields));
        if sink(Place::Line(row.line), value).is_break() {
            break;
        }
    }
    Ok(())
}

fn header(rows: &mut Rows<impl BufRead>) -> anyhow::Result<Vec<String>> {
    let Some(row) = rows.next()? else {
        bail!("the file is empty");
    };
    let names = match row.fields {
        Ok(names) => names,
        Err(rejection) => bail!("the first line is no header: {}", rejection.detail),
    };
    if !names.contains(&"id") {
        bail!("the first line names no column `id`; export the table with its header");
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!(
            "the first line names the column `{}` twice, and nobody knows which is meant; export the table auth.users alone",
            twice[0].escape_debug()
        );
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

fn by_name(header: &[String], fields: &[&str]) -> Value {
    let pairs = header.iter().zip(fields);
    let fields: Map<String, Value> = pairs
        .map(|(name, text)| (name.clone(), (*text).into()))
        .collect();
    Value::Object(fields)
}

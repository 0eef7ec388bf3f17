//! Reads users from a file or standard input: JSON lines, one large JSON document, or CSV. One user is in memory
//! at a time.
//!
//! All functions block and belong on a separate thread.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, IsTerminal, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use csv::StringRecord;
use serde_json::{Map, Value};

use crate::csv_reader::CsvReader;
use crate::document::{DocumentShape, read_document};
use crate::doorward_format;
use crate::format::Format;
use crate::json_fields;
use crate::translation::Rejection;

/// Number of bytes that the format is detected by.
const HEAD: u64 = 64 * 1024;
/// Maximum length of a line or a CSV record, in bytes: several times what 16 KiB of `data` take if every
/// character is escaped.
pub(crate) const MAX_USER_BYTES: u64 = 1024 * 1024;

/// Position of a user in the file, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// Line number.
    Line(u64),
    /// Number of the user in a JSON document.
    Item(u64),
}

/// Receives each user; breaks to stop reading.
pub type Sink<'a> = &'a mut dyn FnMut(Location, Result<Value, Rejection>) -> ControlFlow<()>;

/// An open file.
pub struct Source {
    head: Vec<u8>,
    rest: Box<dyn Read + Send>,
    /// Size in bytes, if known, and number of bytes read.
    size: Option<u64>,
    read: Arc<AtomicU64>,
}

impl Source {
    /// Opens the file; `-` is standard input.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        let file = if path == Path::new("-") {
            if std::io::stdin().is_terminal() {
                bail!("name a file, or pipe one to standard input");
            }
            File::from(std::io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            File::open(path).with_context(|| format!("cannot read {}", path.display()))?
        };
        let metadata = file.metadata()?;
        let size = metadata.is_file().then_some(metadata.len());
        let mut metered = CountingReader {
            inner: file,
            read: read.clone(),
        };
        let mut head = Vec::new();
        (&mut metered).take(HEAD).read_to_end(&mut head)?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            bail!("the file is UTF-16, as PowerShell's `>` writes it. Save it as UTF-8");
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        Ok(Self {
            head,
            rest: Box::new(metered),
            size,
            read,
        })
    }

    /// Reads from memory, for fuzzing.
    #[cfg(any(test, fuzzing))]
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self {
            head: bytes.to_vec(),
            rest: Box::new(std::io::empty()),
            size: None,
            read: Arc::default(),
        }
    }

    /// Size in bytes, if known.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Number of bytes read so far.
    pub fn bytes_read(&self) -> Arc<AtomicU64> {
        self.read.clone()
    }

    /// Detects the format.
    pub fn detect(&self) -> anyhow::Result<Format> {
        let head = String::from_utf8_lossy(&self.head);
        let has_marks =
            |format: &Format| format.signatures().iter().all(|mark| head.contains(mark));
        let first_line = head.lines().next().unwrap_or_default();
        if Format::Doorward
            .signatures()
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
                bail!("cannot detect the format. Pass --format: {names}")
            }
        }
    }

    /// Passes every user to `sink`, in order.
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
            (Format::Doorward, _) => read_lines(input, FirstLine::Header, sink),
            (Format::Django | Format::Supabase, Some(b'{')) => {
                read_lines(input, FirstLine::User, sink)
            }
            (Format::Django | Format::Supabase, Some(b'[')) => {
                read_document(input, DocumentShape::Users, sink)
            }
            (Format::Keycloak | Format::Firebase, Some(b'{' | b'[')) => {
                read_document(input, DocumentShape::Document, sink)
            }
            (Format::Supabase, _) => read_csv(input, sink),
            (Format::Django | Format::Keycloak | Format::Firebase, _) => {
                bail!("the file is not JSON")
            }
        }
    }
}

/// Counts the bytes read.
struct CountingReader<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
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

fn read_lines(mut input: impl BufRead, first: FirstLine, sink: Sink<'_>) -> anyhow::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = (&mut input)
            .take(MAX_USER_BYTES)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        let is_whole = line.last() == Some(&b'\n') || (read as u64) < MAX_USER_BYTES;
        if number == 1 && first == FirstLine::Header {
            doorward_format::check_header(&line)?;
            continue;
        }
        let value = if is_whole {
            match line.trim_ascii() {
                b"" => continue,
                text => json_fields::parse(text),
            }
        } else {
            skip_line(&mut input)?;
            Err(Rejection::malformed("The line is longer than 1 MiB."))
        };
        if sink(Location::Line(number), value).is_break() {
            break;
        }
    }
    Ok(())
}

/// Skips the rest of a line.
pub(super) fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        let is_finished = end.is_some() || buffer.is_empty();
        input.consume(length);
        if is_finished {
            return Ok(());
        }
    }
}

fn read_csv(input: impl BufRead, sink: Sink<'_>) -> anyhow::Result<()> {
    let mut rows = CsvReader::new(input);
    let header = header(&mut rows)?;
    rows.columns = Some(header.len());
    while let Some(row) = rows.next()? {
        let value = row.fields.map(|fields| by_name(&header, &fields));
        if sink(Location::Line(row.line), value).is_break() {
            break;
        }
    }
    Ok(())
}

fn header(rows: &mut CsvReader<impl BufRead>) -> anyhow::Result<Vec<String>> {
    let Some(row) = rows.next()? else {
        bail!("the file is empty");
    };
    let names: Vec<String> = match row.fields {
        Ok(names) => names.iter().map(str::to_owned).collect(),
        Err(rejection) => bail!("the first line is not a header: {}", rejection.detail),
    };
    if !names.iter().any(|name| name == "id") {
        bail!("the header has no column `id`. Export the table with its header");
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!(
            "the header has the column `{}` twice. Export the table auth.users alone",
            pair[0].escape_debug()
        );
    }
    Ok(names)
}

fn by_name(header: &[String], fields: &StringRecord) -> Value {
    let pairs = header.iter().zip(fields);
    let fields: Map<String, Value> = pairs
        .map(|(name, text)| (name.clone(), text.into()))
        .collect();
    Value::Object(fields)
}

//! CSV, one record at a time, parsed by the `csv` crate within bounds and strictly.
//!
//! That crate is lenient: with a missing quotation mark it would read the end of one line and the beginning of
//! another as one record, and make one user out of two. So a record that does not follow RFC 4180 exactly is
//! rejected, and reading continues with the next line.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use csv::{ReaderBuilder, StringRecord};

use crate::source::{MAX_USER_BYTES, skip_line};
use crate::translation::Rejection;

/// Maximum number of lines of a record.
const MAX_LINES: usize = 100;

/// Reads the records of a file.
pub(super) struct CsvReader<R> {
    input: R,
    /// Number of columns of each record, once known.
    pub(super) columns: Option<usize>,
    /// Lines that were read and belong to no record yet.
    lines: VecDeque<RawLine>,
    /// Number of the first of these lines, from 1.
    number: u64,
}

/// A record, or why it is rejected.
pub(super) struct CsvRow {
    /// The line it begins in, from 1.
    pub(super) line: u64,
    pub(super) fields: Result<StringRecord, Rejection>,
}

/// A line with its end; `None` if it is too long.
type RawLine = Option<Vec<u8>>;

impl<R: BufRead> CsvReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            columns: None,
            lines: VecDeque::new(),
            number: 1,
        }
    }

    /// Returns the next record, `None` at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<CsvRow>> {
        while !self.lines.is_empty() || self.read_line()? {
            let is_blank = |line: &RawLine| {
                line.as_ref()
                    .is_some_and(|line| line.trim_ascii().is_empty())
            };
            if !is_blank(&self.lines[0]) {
                let line = self.number;
                let (lines, fields) = match self.read_record()? {
                    Ok((lines, fields)) => (lines, Ok(fields)),
                    // The fault is in the first line; the next may begin a record.
                    Err(reason) => (1, Err(Rejection::malformed(reason))),
                };
                self.skip(lines);
                return Ok(Some(CsvRow { line, fields }));
            }
            self.skip(1);
        }
        Ok(None)
    }

    /// Reads lines until their quotation marks are balanced. Returns their number and their fields.
    fn read_record(&mut self) -> io::Result<Result<(usize, StringRecord), String>> {
        let mut text = Vec::new();
        for count in 1..=MAX_LINES {
            if self.lines.len() < count && !self.read_line()? {
                return Ok(Err(unclosed_quote("the end of the file")));
            }
            match &self.lines[count - 1] {
                Some(line) if (text.len() + line.len()) as u64 <= MAX_USER_BYTES => {
                    text.extend(line);
                }
                _ if count == 1 => return Ok(Err("The line is longer than 1 MiB.".to_owned())),
                _ => return Ok(Err(unclosed_quote("1 MiB"))),
            }
            if text.iter().filter(|byte| **byte == b'"').count() % 2 == 0 {
                return Ok(self.parse(&text).map(|fields| (count, fields)));
            }
        }
        Ok(Err(unclosed_quote(&format!("{MAX_LINES} lines"))))
    }

    fn parse(&self, text: &[u8]) -> Result<StringRecord, String> {
        let text = std::str::from_utf8(text).map_err(|_| "The line is not UTF-8.".to_owned())?;
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut fields = StringRecord::new();
        reader
            .read_record(&mut fields)
            .map_err(|error| format!("Not CSV: {error}."))?;
        if !is_strict(text, &fields) {
            return Err(
                "A quotation mark is misplaced: a field that contains one is quoted, with each quotation mark doubled."
                    .to_owned(),
            );
        }
        match self.columns {
            Some(columns) if columns != fields.len() => Err(format!(
                "The record has {} columns, the header has {columns}.",
                fields.len()
            )),
            _ => Ok(fields),
        }
    }

    /// Reads one more line; `false` at the end of the file.
    fn read_line(&mut self) -> io::Result<bool> {
        let mut line = Vec::new();
        let limit = MAX_USER_BYTES + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut line)?;
        let is_cut = read as u64 == limit && line.last() != Some(&b'\n');
        if is_cut {
            skip_line(&mut self.input)?;
        }
        if read > 0 {
            self.lines.push_back((!is_cut).then_some(line));
        }
        Ok(read > 0)
    }

    fn skip(&mut self, lines: usize) {
        self.lines.drain(..lines);
        self.number += lines as u64;
    }
}

/// Returns `true` if the text is exactly these fields, each bare and without a quotation mark, or quoted.
fn is_strict(text: &str, fields: &StringRecord) -> bool {
    let mut rest = text.trim_end_matches(['\r', '\n']);
    let mut fields = fields.iter().peekable();
    while let Some(field) = fields.next() {
        let written = match rest.starts_with('"') {
            true => format!("\"{}\"", field.replace('"', "\"\"")),
            false if field.contains('"') => return false,
            false => field.to_owned(),
        };
        let Some(after) = rest.strip_prefix(&written) else {
            return false;
        };
        rest = match fields.peek() {
            Some(_) => match after.strip_prefix(',') {
                Some(next) => next,
                None => return false,
            },
            None => after,
        };
    }
    rest.is_empty()
}

fn unclosed_quote(until: &str) -> String {
    format!("A quotation mark in this line is not closed up to {until}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line of each record, and the lengths of its fields or the rejection.
    fn read(text: &str) -> Vec<(u64, Result<Vec<usize>, String>)> {
        read_columns(text, None)
    }

    fn read_columns(text: &str, columns: Option<usize>) -> Vec<(u64, Result<Vec<usize>, String>)> {
        // Small pieces, as a pipe returns them.
        let mut rows = CsvReader::new(io::BufReader::with_capacity(7, text.as_bytes()));
        rows.columns = columns;
        let mut read = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let lengths = row
                .fields
                .map(|fields| fields.iter().map(str::len).collect());
            read.push((row.line, lengths.map_err(|rejection| rejection.detail)));
            let buffered: usize = rows.lines.iter().flatten().map(Vec::len).sum();
            assert!(buffered as u64 <= 2 * MAX_USER_BYTES + 2);
        }
        read
    }

    #[test]
    fn each_record_has_the_line_number_of_its_start() {
        let whole = [
            (1, Ok(vec![2, 1])),
            (3, Ok(vec![1, 7])),
            (6, Ok(vec![1, 0])),
        ];
        for end in ["\n", "\r\n"] {
            let text = ["id,x", "", "1,\"a,\"\"b", "", "c\"", "2,"].join(end);
            let mut expected = whole.to_vec();
            expected[1].1 = Ok(vec![1, 5 + 2 * end.len()]);
            assert_eq!(read(&text), expected, "{end:?}");
            assert_eq!(read(&(text + end)), expected, "{end:?}");
        }
        assert_eq!(read(""), []);
    }

    #[test]
    fn a_record_of_one_mebibyte_is_read_and_a_longer_one_is_rejected() {
        let most = usize::try_from(MAX_USER_BYTES).unwrap();
        let (whole, over) = ("x".repeat(most - 4), "x".repeat(most - 3));
        let huge = "x".repeat(3 * most);
        let read = read(&format!("a,b\n12,{whole}\n34,{over}\n5,{huge}\n5,6\n"));
        assert_eq!(read[1], (2, Ok(vec![2, most - 4])));
        for number in [2, 3] {
            let rejected = read[number].1.as_ref().unwrap_err();
            assert!(rejected.contains("longer than 1 MiB"), "{rejected}");
        }
        assert_eq!(read[4], (5, Ok(vec![1, 1])));
        assert_eq!(read.len(), 5);
    }

    #[test]
    fn a_misplaced_quotation_mark_rejects_its_line_only() {
        let many = "1,2\n".repeat(500);
        let long = format!("1,{}\n", "x".repeat(100_000)).repeat(50);
        for (odd, rest) in [
            ("3,\"4", many.as_str()),
            ("3,\"4", &long),
            ("3,\"4", ""),
            ("3,\"4", "1,\"2\"\n"),
            ("3,4\"", &many),
            ("3,\"4\"5", &many),
            ("3\",\"4", &many),
            ("\"3,4", "1,2\n1,\"\n\"\n1,2\n"),
            ("3,\"4", "\"1\",2\n"),
            ("3,4,5", &many),
            ("3", &many),
            ("\"3\n4\",5,6", ""),
        ] {
            let read = read_columns(&format!("a,b\n1,2\n{odd}\n{rest}5,6\n"), Some(2));
            let rejected: Vec<_> = read.iter().filter(|(_, fields)| fields.is_err()).collect();
            assert_eq!(rejected[0].0, 3, "{odd}");
            let breaks = read_columns(rest, Some(2)).len() + odd.matches('\n').count();
            assert_eq!(read.len(), 4 + breaks, "{odd}: {rejected:?}");
            assert_eq!(read.last().unwrap().1, Ok(vec![1, 1]), "{odd}");
            assert_eq!(rejected.len(), 1 + odd.matches('\n').count(), "{odd}");
        }
    }
}

//! Records of CSV, one at a time and none longer than a user may be: what is longer, such as the rest of
//! a file behind a quotation mark too many, is passed over without being kept.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader};

use super::Rejection;
use super::source::MAX_USER;

/// One more, for a buffer counts as full when its last byte is taken.
const ROOM: usize = MAX_USER as usize + 1;
/// No table has so many.
const MAX_COLUMNS: usize = 4096;

/// A file of records.
pub(super) struct Rows<R> {
    input: R,
    parser: Reader,
    /// The fields of the record, one behind the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// A record.
pub(super) struct Row<'a> {
    /// The line it begins in, from one.
    pub(super) line: u64,
    /// Its fields, or why it cannot be read.
    pub(super) fields: Result<Vec<&'a str>, Rejection>,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            parser: Reader::new(),
            text: vec![0; 4096],
            ends: vec![0; 64],
        }
    }

    /// The next; none at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        self.skip_line_breaks()?;
        let line = self.parser.line();
        let (mut length, mut columns) = (0, 0);
        let mut is_too_long = false;
        loop {
            let input = self.input.fill_buf()?;
            let (text, ends) = (&mut self.text[length..], &mut self.ends[columns..]);
            let (result, read, written, ended) = self.parser.read_record(input, text, ends);
            self.input.consume(read);
            length += written;
            columns += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() < ROOM => {
                    let more = (2 * self.text.len()).min(ROOM);
                    self.text.resize(more, 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_COLUMNS => {
                    self.ends.resize(2 * self.ends.len(), 0);
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    is_too_long = true;
                    (length, columns) = (0, 0);
                }
                ReadRecordResult::Record if is_too_long => {
                    let fields = Err(too_long(line, self.parser.line()));
                    return Ok(Some(Row { line, fields }));
                }
                ReadRecordResult::Record => {
                    let fields = fields(&self.text, &self.ends[..columns]);
                    return Ok(Some(Row { line, fields }));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// So that a record begins in its own line, whatever stands before it.
    fn skip_line_breaks(&mut self) -> io::Result<()> {
        loop {
            let input = self.input.fill_buf()?;
            let breaks = input.iter().take_while(|byte| b"\r\n".contains(byte));
            let breaks = breaks.count();
            let lines = input[..breaks].iter().filter(|byte| **byte == b'\n');
            let lines = lines.count() as u64;
            let is_over = breaks < input.len() || input.is_empty();
            self.input.consume(breaks);
            self.parser.set_line(self.parser.line() + lines);
            if is_over {
                return Ok(());
            }
        }
    }
}

fn too_long(from: u64, to: u64) -> Rejection {
    Rejection::malformed(format!(
        "The record that begins in line {from} goes on to line {to}, and is longer than 1 MiB or has more than {MAX_COLUMNS} columns; perhaps a quotation mark in it is not closed."
    ))
}

fn fields<'a>(text: &'a [u8], ends: &[usize]) -> Result<Vec<&'a str>, Rejection> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let fields = starts.zip(ends).map(|(from, to)| {
        std::str::from_utf8(&text[from..*to])
            .map_err(|_| Rejection::malformed("The line is not UTF-8."))
    });
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each record the line and its fields' lengths, or what is said.
    fn read(text: &str) -> Vec<(u64, Result<Vec<usize>, String>)> {
        // Small pieces, as a pipe gives them.
        let mut rows = Rows::new(io::BufReader::with_capacity(7, text.as_bytes()));
        let mut read = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let lengths = row
                .fields
                .map(|fields| fields.iter().map(|field| field.len()).collect());
            read.push((row.line, lengths.map_err(|rejection| rejection.detail)));
        }
        read
    }

    #[test]
    fn a_record_begins_in_its_own_line() {
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
    fn a_record_of_one_mebibyte_is_read_and_one_that_is_longer_is_said() {
        let most = usize::try_from(MAX_USER).unwrap();
        let (whole, over) = ("x".repeat(most - 2), "x".repeat(most - 1));
        let read = read(&format!("a,b\n12,{whole}\n34,{over}\n5,6\n"));
        assert_eq!(read[1], (2, Ok(vec![2, most - 2])));
        let said = read[2].1.as_ref().unwrap_err();
        assert!(said.contains("longer than 1 MiB"), "{said}");
        assert_eq!(read[3], (4, Ok(vec![1, 1])));
        assert_eq!(read.len(), 4);
    }

    #[test]
    fn behind_a_quotation_mark_too_many_nothing_is_kept_and_it_is_said_where_it_began() {
        let many = "1,2\n".repeat(700_000);
        let read = read(&format!("a,b\n1,2\n3,\"4\n{many}5,6\n"));
        assert_eq!(read.len(), 3);
        assert_eq!(read[2].0, 3);
        let said = read[2].1.as_ref().unwrap_err();
        assert!(
            said.contains("begins in line 3 goes on to line 700005"),
            "{said}"
        );
    }

    #[test]
    fn a_record_of_nothing_but_commas_is_not_kept_either() {
        let read = read(&format!("{}\n1,2\n", ",".repeat(100_000)));
        assert!(read[0].1.is_err());
        assert_eq!(read[1], (2, Ok(vec![1, 1])));
    }
}

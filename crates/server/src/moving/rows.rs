//! Records of CSV, one at a time, and strictly: a program that writes a table quotes every column that
//! has a quotation mark in it. A lenient reader takes the rest of a file for one column where a mark is
//! missing, and nobody hears of those who stood there.
//!
//! A record that cannot be one costs the line it begins in; the next line is a beginning again. No more
//! is kept than one record may have, and the line behind it.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use super::Rejection;
use super::source::{MAX_USER, skip_line};

/// No user has so many line breaks in their texts.
const MAX_LINES: usize = 100;
/// No table has so many.
const MAX_COLUMNS: usize = 4096;

/// A file of records.
pub(super) struct Rows<R> {
    input: R,
    /// How many columns each has, where that is known.
    pub(super) columns: Option<usize>,
    /// Lines that were looked at; the first of them is `number`.
    lines: VecDeque<Line>,
    number: u64,
    record: Record,
}

/// A record.
pub(super) struct Row<'a> {
    /// The line it begins in, from one.
    pub(super) line: u64,
    /// Its fields, or why it cannot be read.
    pub(super) fields: Result<Vec<&'a str>, Rejection>,
}

/// A line with its end; none where it is too long to be kept.
struct Line(Option<Vec<u8>>);

impl<R: BufRead> Rows<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            columns: None,
            lines: VecDeque::new(),
            number: 1,
            record: Record::default(),
        }
    }

    /// The next; none at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        loop {
            if self.lines.is_empty() && !self.look_on()? {
                return Ok(None);
            }
            if !self.lines[0].is_blank() {
                break;
            }
            self.pass(1);
        }
        let line = self.number;
        let read = self.read()?;
        // Whatever is wrong began in this line; what follows may be whole.
        self.pass(*read.as_ref().unwrap_or(&1));
        let fields = match read {
            Ok(_) => self.record.fields(),
            Err(why) => Err(Rejection::malformed(why)),
        };
        Ok(Some(Row { line, fields }))
    }

    /// How many lines the record has, or what is wrong with it.
    fn read(&mut self) -> io::Result<Result<usize, String>> {
        self.record = Record::default();
        let mut length = 0;
        for count in 1..=MAX_LINES {
            if self.lines.len() < count && !self.look_on()? {
                return Ok(Err(unclosed("the end of the file")));
            }
            let Line(Some(line)) = &self.lines[count - 1] else {
                return Ok(Err(too_long(count)));
            };
            length += line.len() as u64;
            if length > MAX_USER {
                return Ok(Err(too_long(count)));
            }
            match self.record.take(line) {
                Ok(Taken::Whole) => return Ok(self.counted(count)),
                Ok(Taken::Part) => {}
                Err(why) => return Ok(Err(why.to_owned())),
            }
        }
        Ok(Err(unclosed(&format!("{MAX_LINES} lines"))))
    }

    fn counted(&self, lines: usize) -> Result<usize, String> {
        let found = self.record.ends.len();
        match self.columns {
            Some(wanted) if found != wanted => {
                let mut why = format!("It has {found} columns, and the header {wanted}.");
                if lines > 1 {
                    why += &format!(
                        " It goes on for {lines} lines; perhaps a quotation mark in the first is not closed."
                    );
                }
                Err(why)
            }
            _ => Ok(lines),
        }
    }

    /// One more line; none at the end of the file.
    fn look_on(&mut self) -> io::Result<bool> {
        let mut line = Vec::new();
        let most = MAX_USER + 1;
        let read = (&mut self.input).take(most).read_until(b'\n', &mut line)?;
        let is_cut = read as u64 == most && line.last() != Some(&b'\n');
        if is_cut {
            skip_line(&mut self.input)?;
        }
        self.lines
            .extend((read > 0).then_some(Line((!is_cut).then_some(line))));
        Ok(read > 0)
    }

    fn pass(&mut self, lines: usize) {
        self.lines.drain(..lines);
        self.number += lines as u64;
    }
}

impl Line {
    fn is_blank(&self) -> bool {
        let text = self.0.as_deref();
        text.is_some_and(|text| text.iter().all(|byte| b"\r\n".contains(byte)))
    }
}

fn too_long(lines: usize) -> String {
    match lines {
        1 => "It is longer than 1 MiB.".to_owned(),
        _ => unclosed("1 MiB"),
    }
}

fn unclosed(until: &str) -> String {
    format!("A quotation mark in this line is not closed up to {until}.")
}

/// The columns of a record, one behind the other, and where each ends.
#[derive(Default)]
struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
    at: At,
}

/// Where in a column.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    Beginning,
    Bare,
    Quoted,
    /// Behind a quotation mark that ends it, or is the first of two.
    Mark,
}

enum Taken {
    Whole,
    Part,
}

impl Record {
    fn take(&mut self, line: &[u8]) -> Result<Taken, &'static str> {
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let body = body.strip_suffix(b"\r").unwrap_or(body);
        for byte in body {
            self.at = match (self.at, byte) {
                (At::Beginning, b'"') => At::Quoted,
                (At::Quoted, b'"') => At::Mark,
                (At::Bare, b'"') => {
                    return Err("There is a quotation mark in a column that is not quoted.");
                }
                (At::Beginning | At::Bare | At::Mark, b',') => self.end_column()?,
                (At::Mark, b'"') | (At::Quoted, _) => self.keep(*byte, At::Quoted),
                (At::Mark, _) => {
                    return Err(
                        "There is something between a closing quotation mark and the comma; a quotation mark in a column is written twice.",
                    );
                }
                (At::Beginning | At::Bare, _) => self.keep(*byte, At::Bare),
            };
        }
        if self.at == At::Quoted {
            self.text.extend(&line[body.len()..]);
            return Ok(Taken::Part);
        }
        self.end_column()?;
        Ok(Taken::Whole)
    }

    fn keep(&mut self, byte: u8, at: At) -> At {
        self.text.push(byte);
        at
    }

    fn end_column(&mut self) -> Result<At, &'static str> {
        self.ends.push(self.text.len());
        match self.ends.len() > MAX_COLUMNS {
            true => Err("It has more than 4096 columns."),
            false => Ok(At::Beginning),
        }
    }

    fn fields(&self) -> Result<Vec<&str>, Rejection> {
        let starts = std::iter::once(&0).chain(&self.ends);
        let fields = starts.zip(&self.ends).map(|(from, to)| {
            std::str::from_utf8(&self.text[*from..*to])
                .map_err(|_| Rejection::malformed("The line is not UTF-8."))
        });
        fields.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each record the line and its fields' lengths, or what is said.
    fn read(text: &str) -> Vec<(u64, Result<Vec<usize>, String>)> {
        read_columns(text, None)
    }

    fn read_columns(text: &str, columns: Option<usize>) -> Vec<(u64, Result<Vec<usize>, String>)> {
        // Small pieces, as a pipe gives them.
        let mut rows = Rows::new(io::BufReader::with_capacity(7, text.as_bytes()));
        rows.columns = columns;
        let mut read = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let lengths = row
                .fields
                .map(|fields| fields.iter().map(|field| field.len()).collect());
            read.push((row.line, lengths.map_err(|rejection| rejection.detail)));
            let kept: usize = rows
                .lines
                .iter()
                .flat_map(|line| &line.0)
                .map(Vec::len)
                .sum();
            assert!(kept as u64 <= 2 * MAX_USER + 2);
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
        let (whole, over) = ("x".repeat(most - 4), "x".repeat(most - 3));
        let huge = "x".repeat(3 * most);
        let read = read(&format!("a,b\n12,{whole}\n34,{over}\n5,{huge}\n5,6\n"));
        assert_eq!(read[1], (2, Ok(vec![2, most - 4])));
        for number in [2, 3] {
            let said = read[number].1.as_ref().unwrap_err();
            assert!(said.contains("longer than 1 MiB"), "{said}");
        }
        assert_eq!(read[4], (5, Ok(vec![1, 1])));
        assert_eq!(read.len(), 5);
    }

    #[test]
    fn a_quotation_mark_too_many_costs_its_line_and_nothing_else() {
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
            ("3,4,5", &many),
            ("3", &many),
            ("\"3\n4\",5,6", ""),
        ] {
            let read = read_columns(&format!("a,b\n1,2\n{odd}\n{rest}5,6\n"), Some(2));
            let odd_ones: Vec<_> = read.iter().filter(|(_, fields)| fields.is_err()).collect();
            assert_eq!(odd_ones[0].0, 3, "{odd}");
            let breaks = read_columns(rest, Some(2)).len() + odd.matches('\n').count();
            assert_eq!(read.len(), 4 + breaks, "{odd}: {odd_ones:?}");
            assert_eq!(read.last().unwrap().1, Ok(vec![1, 1]), "{odd}");
            assert_eq!(odd_ones.len(), 1 + odd.matches('\n').count(), "{odd}");
        }
    }

    #[test]
    fn a_record_of_nothing_but_commas_is_not_kept_either() {
        let read = read(&format!("{}\n1,2\n", ",".repeat(100_000)));
        assert!(read[0].1.is_err());
        assert_eq!(read[1], (2, Ok(vec![1, 1])));
    }
}

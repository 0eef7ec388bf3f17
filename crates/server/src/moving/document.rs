//! One large JSON document: the users in it, one at a time.
//!
//! The text of each is taken out first, by its brackets and quotation marks alone, and parsed by itself:
//! so a user that no parser takes (half a character, 200 levels, a bad escape, bytes that are no UTF-8)
//! costs nobody else, and one that is too long is passed over without being kept. Where a quotation
//! mark stands where none can, nobody knows any more where a user ends, and the reading ends there.

use std::io::{BufRead, Error, ErrorKind};

use anyhow::{Context, bail};
use serde_json::Value;

use super::source::{MAX_USER, Place, Sink};
use super::{Rejection, unquoted};

/// What is in no user: what the parser takes has fewer.
const MAX_DEPTH: usize = 100_000;

/// What a value of the document is.
#[derive(Clone, Copy)]
pub(super) enum Nested {
    /// An object that has `users`, or a list of such.
    Document,
    /// The list of users.
    Users,
}

/// Hands over every user of it, in order.
pub(super) fn read_document(
    input: impl BufRead,
    nested: Nested,
    sink: Sink<'_>,
) -> anyhow::Result<()> {
    let mut reading = Reading {
        input,
        sink,
        items: 0,
        lists: 0,
        is_over: false,
    };
    let walked = match nested {
        Nested::Document => reading.document(),
        Nested::Users => reading.users(),
    };
    let walked = walked.and_then(|()| reading.end());
    if walked.is_err() && reading.is_over {
        return Ok(());
    }
    let count = reading.items;
    walked.with_context(|| format!("the file is broken after {count} users"))?;
    if reading.lists == 0 {
        bail!("there is no `users` in the file");
    }
    Ok(())
}

struct Reading<'a, R> {
    input: R,
    sink: Sink<'a>,
    items: u64,
    lists: u64,
    is_over: bool,
}

impl<R: BufRead> Reading<'_, R> {
    /// An object, or a list of them.
    fn document(&mut self) -> anyhow::Result<()> {
        if self.look()? == b'{' {
            return self.object();
        }
        self.list(Self::object)
    }

    fn object(&mut self) -> anyhow::Result<()> {
        self.want(b'{', "an object that has `users`")?;
        if self.look()? == b'}' {
            return self.want(b'}', "");
        }
        loop {
            let key = self.raw()?;
            let key: String = match key.whole() {
                Some(text) => {
                    serde_json::from_slice(text).map_err(|_| not("the name of a field"))?
                }
                None => return Err(not("the name of a field")),
            };
            self.want(b':', "a colon")?;
            match key.as_str() {
                "users" => self.users()?,
                _ => _ = self.pass()?,
            }
            if !self.goes_on(b'}')? {
                return Ok(());
            }
        }
    }

    fn users(&mut self) -> anyhow::Result<()> {
        if self.look()? != b'[' {
            return Err(not("a list of users"));
        }
        self.lists += 1;
        self.list(Self::user)
    }

    fn user(&mut self) -> anyhow::Result<()> {
        let raw = self.raw()?;
        self.items += 1;
        let value = match raw.whole() {
            None => Err(Rejection::malformed("It is longer than 1 MiB.")),
            Some(text) => serde_json::from_slice::<Value>(text).map_err(|error| {
                Rejection::malformed(format!("It is not JSON: {}.", unquoted(&error)))
            }),
        };
        if (self.sink)(Place::Item(self.items), value).is_break() {
            self.is_over = true;
            bail!("nobody wants more");
        }
        Ok(())
    }

    fn list(&mut self, mut one: impl FnMut(&mut Self) -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.want(b'[', "a list")?;
        if self.look()? == b']' {
            return self.want(b']', "");
        }
        loop {
            one(self)?;
            if !self.goes_on(b']')? {
                return Ok(());
            }
        }
    }

    /// Whether a comma follows, rather than the end.
    fn goes_on(&mut self, end: u8) -> anyhow::Result<bool> {
        let next = self.look()?;
        if next != b',' && next != end {
            return Err(not("a comma or the end of the list"));
        }
        self.input.consume(1);
        Ok(next == b',')
    }

    fn want(&mut self, byte: u8, what: &str) -> anyhow::Result<()> {
        if self.look()? != byte {
            return Err(not(what));
        }
        self.input.consume(1);
        Ok(())
    }

    /// The next byte that is no space; it stays.
    fn look(&mut self) -> anyhow::Result<u8> {
        self.next_token()?.ok_or_else(cut)
    }

    fn next_token(&mut self) -> std::io::Result<Option<u8>> {
        loop {
            let buffer = filled(&mut self.input)?;
            let token = buffer.iter().position(|byte| !byte.is_ascii_whitespace());
            let (spaces, is_empty) = (token.unwrap_or(buffer.len()), buffer.is_empty());
            let byte = token.map(|at| buffer[at]);
            self.input.consume(spaces);
            if byte.is_some() || is_empty {
                return Ok(byte);
            }
        }
    }

    fn end(&mut self) -> anyhow::Result<()> {
        match self.next_token()? {
            None => Ok(()),
            Some(_) => Err(not("the end")),
        }
    }

    /// A value's text, as far as it is kept.
    fn raw(&mut self) -> anyhow::Result<Raw> {
        self.scan(MAX_USER)
    }

    /// A value that nobody wants.
    fn pass(&mut self) -> anyhow::Result<Raw> {
        self.scan(0)
    }

    fn scan(&mut self, most: u64) -> anyhow::Result<Raw> {
        self.look()?;
        let mut scan = Scan::default();
        let mut raw = Raw {
            text: Vec::new(),
            length: 0,
        };
        loop {
            let buffer = filled(&mut self.input)?;
            if buffer.is_empty() {
                return Err(cut());
            }
            let (taken, is_over) = scan.take(buffer)?;
            raw.length += taken as u64;
            if raw.length <= most {
                raw.text.extend_from_slice(&buffer[..taken]);
            }
            self.input.consume(taken);
            if is_over {
                return Ok(raw);
            }
        }
    }
}

fn filled(input: &mut impl BufRead) -> std::io::Result<&[u8]> {
    // Twice, for the borrow of the first cannot be given away from within a loop.
    while let Err(error) = input.fill_buf() {
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
    input.fill_buf()
}

fn not(what: &str) -> anyhow::Error {
    Error::new(
        ErrorKind::InvalidData,
        format!("expected {what}, and found something else"),
    )
    .into()
}

fn cut() -> anyhow::Error {
    anyhow::anyhow!("it ends before its time; was it cut, or is a quotation mark not closed?")
}

/// A value as it is written; the beginning alone where it is longer than was wanted.
struct Raw {
    text: Vec<u8>,
    length: u64,
}

impl Raw {
    fn whole(&self) -> Option<&[u8]> {
        (self.text.len() as u64 == self.length).then_some(&self.text)
    }
}

/// Where in a value: its brackets and its texts, nothing more.
#[derive(Default)]
struct Scan {
    /// What closes each bracket that is open.
    open: Vec<u8>,
    at: Token,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Token {
    /// Where a text may begin: at the beginning, behind a bracket, a comma or a colon.
    #[default]
    Ahead,
    Text,
    /// Behind a backslash.
    Escape,
    /// Behind a text.
    TextOver,
    /// A number or a word, or behind a bracket that closed.
    Other,
}

impl Scan {
    /// How many bytes of these are the value's, and whether it is over there.
    fn take(&mut self, bytes: &[u8]) -> anyhow::Result<(usize, bool)> {
        for (at, byte) in bytes.iter().enumerate() {
            let is_outside = !matches!(self.at, Token::Text | Token::Escape);
            // A text, a number or a word by itself ends where something else begins.
            let is_end = b",:]}".contains(byte) || byte.is_ascii_whitespace();
            if is_outside && self.open.is_empty() && self.at != Token::Ahead && is_end {
                return Ok((at, true));
            }
            self.at = self.step(*byte)?;
            if self.open.is_empty() && b"}]".contains(byte) && self.at == Token::Other {
                return Ok((at + 1, true));
            }
        }
        Ok((bytes.len(), false))
    }

    fn step(&mut self, byte: u8) -> anyhow::Result<Token> {
        Ok(match (self.at, byte) {
            (Token::Text, b'\\') => Token::Escape,
            (Token::Text, b'"') => Token::TextOver,
            (Token::Text | Token::Escape, _) => Token::Text,
            (Token::Ahead, b'"') => Token::Text,
            (at, b' ' | b'\t' | b'\r' | b'\n') => at,
            (_, b'}' | b']') => match self.open.pop() == Some(byte) {
                true => Token::Other,
                false => bail!("a bracket is closed that is not open"),
            },
            (_, b',' | b':') => Token::Ahead,
            (Token::TextOver, _) | (Token::Other, b'"') => {
                bail!(
                    "a quotation mark is where none can be, so that nobody knows where the next user ends"
                )
            }
            (_, b'{' | b'[') => {
                if self.open.len() == MAX_DEPTH {
                    bail!("it is more than {MAX_DEPTH} levels deep");
                }
                // An opening bracket and the one that closes it are two apart in ASCII.
                self.open.push(byte + 2);
                Token::Ahead
            }
            _ => Token::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;
    use std::ops::ControlFlow;

    use super::*;

    /// The lengths of the users' names, none where one was rejected; in small pieces, as of a pipe.
    fn names(text: impl AsRef<[u8]>) -> (Vec<Option<usize>>, Option<String>) {
        let mut lengths = Vec::new();
        let input = BufReader::with_capacity(7, text.as_ref());
        let read = read_document(input, Nested::Document, &mut |place, value| {
            let name = |user: Value| Some(user["name"].as_str()?.len());
            lengths.push(value.ok().and_then(name));
            assert_eq!(place, Place::Item(lengths.len() as u64));
            ControlFlow::Continue(())
        });
        (lengths, read.err().map(|error| format!("{error:#}")))
    }

    fn user(length: u64) -> String {
        let rest = r#"{"name":""}"#.len();
        let name = "x".repeat(usize::try_from(length).unwrap() - rest);
        format!("{{\"name\":\"{name}\"}}")
    }

    #[test]
    fn a_user_of_one_mebibyte_is_read_and_one_that_is_longer_costs_nobody_else() {
        let [small, whole, over, large] = [100, MAX_USER, MAX_USER + 1, 9 * MAX_USER].map(user);
        let text = format!("{{\"users\":[{small}, {whole},\n{over},{large},{small}]}}");
        let whole = Some(whole.len() - 11);
        let expected = vec![Some(89), whole, None, None, Some(89)];
        assert_eq!(names(text), (expected, None));
    }

    #[test]
    fn a_user_whom_no_parser_takes_costs_nobody_else() {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        for odd in [
            r#"{"name":"\ud83d"}"#,
            r#"{"name":"\x"}"#,
            r#"{"name":"a	b"}"#,
            r#"{"name":nobody}"#,
            r#"{"name":"a",}"#,
            r#"{"name":1e999}"#,
            r#"{"name":["}]\"\\"]}"#,
            "7",
            "null",
            "\"text\"",
            "[]",
            &deep,
        ] {
            let text = format!(
                "{{\"users\" : [{} ,{odd}, {odd} ,{}]}}\n",
                user(50),
                user(60)
            );
            let expected = vec![Some(39), None, None, Some(49)];
            assert_eq!(names(text), (expected, None), "{odd}");
        }
        let text = b"{\"users\":[{\"name\":\"\xff\"},{\"name\":\"x\"}]}";
        assert_eq!(names(text), (vec![None, Some(1)], None));
    }

    #[test]
    fn a_quotation_mark_too_many_or_too_few_ends_it_with_a_sentence() {
        for odd in [
            r#"{"name":"a"b"}"#,
            r#"{"name":"a"b"c"}"#,
            r#"{"name":"a}"#,
            r#"{"name":a"}"#,
            r#"{"name:"a"}"#,
            r#"{"name":"a\"}"#,
            r#"{"name":"a]}"#,
            r#"{"name":["a"}]"#,
            r#"{"name":""a"}"#,
        ] {
            let many = vec![user(60); 9].join(",");
            let text = format!(
                "{{\"a\":[],\"users\":[{},{odd},{many}],\"z\":{{}}}}",
                user(50)
            );
            let (read, error) = names(text);
            assert_eq!(read, [Some(39)], "{odd}");
            let error = error.expect(odd);
            assert!(
                error.starts_with("the file is broken after 1 users"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_document_that_is_none_is_said_to_be_broken() {
        for text in [
            "{",
            "[",
            "{}x",
            "{}",
            "[{}]",
            "[7]",
            "7",
            "{\"users\"",
            "{\"users\":",
            "{\"users\":{}}",
            "{\"users\":[",
            "{\"users\":[{}",
            "{\"users\":[{}]",
            "{\"users\":[{} {}]}",
            "{\"users\":[],}",
            "{\"users\":[{},]}",
            "{\"users\":[]}{}",
            "{users:[]}",
            "{\"a\" \"b\",\"users\":[]}",
        ] {
            assert!(names(text).1.is_some(), "{text}");
        }
        for text in [
            "{\"users\":[]}",
            " [ { \"users\" : [ ] } ] ",
            "{\"a\":7 ,\"users\":[],\"b\":\"c\"}",
        ] {
            assert_eq!(names(text), (Vec::new(), None), "{text}");
        }
    }

    #[test]
    fn what_is_not_users_may_be_of_any_length() {
        let text = "x".repeat(usize::try_from(9 * MAX_USER).unwrap());
        let text = format!("{{\"realm\":\"{text}\",\"users\":[{}]}}", user(50));
        assert_eq!(names(text), (vec![Some(39)], None));
    }
}

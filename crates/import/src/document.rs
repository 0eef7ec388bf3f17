//! One large JSON document: the users in it, one at a time.
//!
//! `serde_json` walks the document; each user is first read as raw text and parsed on its own, so that a user
//! it cannot represent (half a surrogate pair, too many levels) is rejected alone. Text that is not JSON ends
//! the reading with an error that contains its position.

use std::cell::Cell;
use std::fmt;
use std::io::BufRead;

use anyhow::{Context, bail};
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use crate::json_fields;
use crate::source::{Location, Sink};

/// Kind of the document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum DocumentShape {
    /// An object with a field `users`, or a list of such objects.
    Document,
    /// The list of users.
    Users,
}

/// Passes every user to `sink`, in order.
pub(super) fn read_document(
    input: impl BufRead,
    nested: DocumentShape,
    sink: Sink<'_>,
) -> anyhow::Result<()> {
    let state = ReadState::default();
    let mut walk = Walk {
        nested,
        sink,
        state: &state,
    };
    let mut input = Deserializer::from_reader(input);
    let read = (&mut walk).deserialize(&mut input);
    let read = read.and_then(|()| input.end());
    if state.is_stopped.get() {
        return Ok(());
    }
    let users = state.users.get();
    read.with_context(|| format!("the file is not valid JSON after {users} users"))?;
    if !state.has_list.get() {
        bail!("the file contains no `users`");
    }
    Ok(())
}

#[derive(Default)]
struct ReadState {
    users: Cell<u64>,
    has_list: Cell<bool>,
    is_stopped: Cell<bool>,
}

/// Walks a value of the document.
struct Walk<'a, 's> {
    nested: DocumentShape,
    sink: Sink<'s>,
    state: &'a ReadState,
}

impl<'de> DeserializeSeed<'de> for &mut Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        match self.nested {
            DocumentShape::Document => input.deserialize_any(self),
            DocumentShape::Users => input.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for &mut Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.nested {
            DocumentShape::Document => "an object with a field `users`",
            DocumentShape::Users => "a list of users",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "users" {
                map.next_value_seed(&mut Walk {
                    nested: DocumentShape::Users,
                    sink: &mut *self.sink,
                    state: self.state,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.nested == DocumentShape::Document {
            while list.next_element_seed(&mut *self)?.is_some() {}
            return Ok(());
        }
        self.state.has_list.set(true);
        while let Some(raw) = list.next_element::<Box<RawValue>>()? {
            let number = self.state.users.get() + 1;
            self.state.users.set(number);
            let user = json_fields::parse(raw.get().as_bytes());
            if (self.sink)(Location::Item(number), user).is_break() {
                self.state.is_stopped.set(true);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;
    use std::ops::ControlFlow;

    use serde_json::Value;

    use super::*;

    /// The users' names, `None` for a rejected one; and the error, if any.
    fn names(text: impl AsRef<[u8]>) -> (Vec<Option<String>>, Option<String>) {
        let mut names = Vec::new();
        let input = BufReader::with_capacity(7, text.as_ref());
        let read = read_document(input, DocumentShape::Document, &mut |location, value| {
            let name = |user: Value| Some(user["name"].as_str()?.to_owned());
            names.push(value.ok().and_then(name));
            assert_eq!(location, Location::Item(names.len() as u64));
            ControlFlow::Continue(())
        });
        (names, read.err().map(|error| format!("{error:#}")))
    }

    fn named(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    #[test]
    fn a_user_that_cannot_be_represented_does_not_affect_others() {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        for odd in [
            r#"{"name":"\ud83d"}"#,
            r#"{"name":1e999}"#,
            r#"{"name":["}]\"\\"]}"#,
            "7",
            "null",
            "\"text\"",
            "[]",
            &deep,
        ] {
            let text =
                format!("{{\"users\" : [{{\"name\":\"a\"}} ,{odd}, {odd} ,{{\"name\":\"b\"}}]}}\n");
            let expected = vec![named("a"), None, None, named("b")];
            assert_eq!(names(text), (expected, None), "{odd}");
        }
    }

    #[test]
    fn invalid_json_is_an_error_with_its_position() {
        for odd in [
            &br#"{"name":"a"b"}"#[..],
            br#"{"name":"a}"#,
            br#"{"name":a"}"#,
            br#"{"name":"\x"}"#,
            b"{\"name\":\"a\tb\"}",
            b"{\"name\":\"\xff\"}",
            br#"{"name":["a"}]"#,
            br#"{"name":"a",}"#,
            br#"{"name":ben}"#,
        ] {
            let text = [
                &b"{\"a\":[],\"users\":[{\"name\":\"a\"},"[..],
                odd,
                b",{\"name\":\"b\"}],\"z\":{}}",
            ];
            let (read, error) = names(text.concat());
            assert_eq!(read, [named("a")], "{odd:?}");
            let error = error.unwrap();
            let expected = "the file is not valid JSON after 1 users: ";
            assert!(error.starts_with(expected), "{error}");
            assert!(error.contains("at line 1 column "), "{error}");
        }
    }

    #[test]
    fn a_document_of_another_shape_is_an_error() {
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
    fn reading_stops_when_the_callback_returns_break() {
        let mut users = 0;
        let text = "{\"users\":[{},{},\"not read";
        read_document(text.as_bytes(), DocumentShape::Document, &mut |_, _| {
            users += 1;
            ControlFlow::Break(())
        })
        .unwrap();
        assert_eq!(users, 1);
    }
}

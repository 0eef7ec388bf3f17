//! One large JSON document: the users in it, one at a time.
//!
//! A user who is too long is passed over and said; one who is longer still, such as the rest of a file
//! behind a quotation mark too many, is where the reading ends: a parser holds a text until it is
//! whole.

use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

use anyhow::bail;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

use super::source::{MAX_USER, Place, Sink};
use super::{Rejection, unquoted};

/// What is longer is not even read to its end.
const MAX_READ: u64 = 4 * MAX_USER;

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
    input: impl Read,
    nested: Nested,
    sink: Sink<'_>,
) -> anyhow::Result<()> {
    let meter = Rc::new(Meter::default());
    meter.unlimited();
    let mut reading = Reading {
        sink,
        items: 0,
        lists: 0,
        is_over: false,
        meter: meter.clone(),
    };
    let fence = Fence {
        inner: input,
        meter,
    };
    let mut deserializer = serde_json::Deserializer::from_reader(fence);
    let walk = Walk {
        nested,
        reading: &mut reading,
    };
    let walked = walk
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    match walked {
        _ if reading.is_over => Ok(()),
        Err(error) => {
            let count = reading.items;
            bail!(
                "the file is broken after {count} users: {}",
                unquoted(&error)
            )
        }
        Ok(()) if reading.lists == 0 => bail!("there is no `users` in the file"),
        Ok(()) => Ok(()),
    }
}

struct Reading<'a> {
    sink: Sink<'a>,
    items: u64,
    lists: u64,
    is_over: bool,
    meter: Rc<Meter>,
}

/// Goes down to the users and hands each over as soon as it is read.
struct Walk<'r, 'a> {
    nested: Nested,
    reading: &'r mut Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self.nested {
            Nested::Document => "an object that has `users`",
            Nested::Users => "a list of users",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if matches!(self.nested, Nested::Users) {
            return Err(A::Error::custom(
                "expected a list of users, and found an object",
            ));
        }
        loop {
            self.reading.meter.begin();
            let key = map.next_key::<String>()?;
            self.reading.meter.unlimited();
            let Some(key) = key else {
                return Ok(());
            };
            if key == "users" {
                map.next_value_seed(Walk {
                    nested: Nested::Users,
                    reading: &mut *self.reading,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if matches!(self.nested, Nested::Document) {
            loop {
                let one = Walk {
                    nested: Nested::Document,
                    reading: &mut *self.reading,
                };
                if items.next_element_seed(one)?.is_none() {
                    return Ok(());
                }
            }
        }
        self.reading.lists += 1;
        let meter = self.reading.meter.clone();
        while let Some(value) = items.next_element_seed(Element(&meter))? {
            self.reading.items += 1;
            let place = Place::Item(self.reading.items);
            if (self.reading.sink)(place, value).is_break() {
                self.reading.is_over = true;
                return Err(A::Error::custom("nobody wants more"));
            }
        }
        Ok(())
    }
}

/// A user, or why they are not taken.
struct Element<'m>(&'m Meter);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Result<Value, Rejection>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.begin();
        let value = <Value as serde::Deserialize>::deserialize(deserializer)?;
        // Its first byte was looked at before.
        let length = self.0.taken.get() + 1;
        self.0.unlimited();
        Ok(match length > MAX_USER {
            true => Err(Rejection::malformed("It is longer than 1 MiB.")),
            false => Ok(value),
        })
    }
}

/// How many bytes the parser has taken since the beginning of something, and how many it may.
#[derive(Default)]
struct Meter {
    taken: Cell<u64>,
    most: Cell<u64>,
}

impl Meter {
    fn begin(&self) {
        self.taken.set(0);
        self.most.set(MAX_READ);
    }

    /// Nothing of what comes is kept.
    fn unlimited(&self) {
        self.most.set(u64::MAX);
    }
}

/// Ends the input where something is too long. The parser takes one byte at a time.
struct Fence<R> {
    inner: R,
    meter: Rc<Meter>,
}

impl<R: Read> Read for Fence<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.meter.taken.get() >= self.meter.most.get() {
            return Err(std::io::Error::other(
                "what follows is longer than 4 MiB; perhaps a quotation mark is not closed",
            ));
        }
        let count = self.inner.read(buffer)?;
        self.meter.taken.set(self.meter.taken.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    /// The lengths of the users' names, none where one was too long.
    fn names(text: &str) -> (Vec<Option<usize>>, Option<String>) {
        let mut lengths = Vec::new();
        let read = read_document(text.as_bytes(), Nested::Document, &mut |place, value| {
            lengths.push(value.ok().map(|user| user["name"].as_str().unwrap().len()));
            assert_eq!(place, Place::Item(lengths.len() as u64));
            ControlFlow::Continue(())
        });
        (lengths, read.err().map(|error| error.to_string()))
    }

    fn user(length: u64) -> String {
        let rest = r#"{"name":""}"#.len();
        let name = "x".repeat(usize::try_from(length).unwrap() - rest);
        format!("{{\"name\":\"{name}\"}}")
    }

    #[test]
    fn a_user_of_one_mebibyte_is_read_and_one_that_is_longer_costs_nobody_else() {
        let [small, whole, over, large] = [100, MAX_USER, MAX_USER + 1, MAX_READ - 1].map(user);
        let text = format!("{{\"users\":[{small}, {whole},\n{over},{large},{small}]}}");
        let whole = Some(whole.len() - 11);
        let expected = vec![Some(89), whole, None, None, Some(89)];
        assert_eq!(names(&text), (expected, None));
    }

    #[test]
    fn a_quotation_mark_too_many_ends_it_with_a_sentence() {
        let rest = "x".repeat(usize::try_from(MAX_READ + 10).unwrap());
        let before = format!("{{\"users\":[{},", user(50));
        for text in [
            format!("{before}{}]}}", user(MAX_READ + 10)),
            format!("{before}{{\"name\":\"{rest}"),
        ] {
            let (read, error) = names(&text);
            assert_eq!(read, [Some(39)]);
            let error = error.unwrap();
            assert!(
                error.starts_with("the file is broken after 1 users"),
                "{error}"
            );
            assert!(error.contains("longer than 4 MiB"), "{error}");
        }
        let key = format!("{{\"{rest}\":1}}");
        let error = names(&key).1.unwrap();
        assert!(error.contains("longer than 4 MiB"), "{error}");
    }

    #[test]
    fn what_is_not_users_may_be_of_any_length() {
        let text = "x".repeat(usize::try_from(2 * MAX_READ).unwrap());
        let text = format!("{{\"realm\":\"{text}\",\"users\":[{}]}}", user(50));
        assert_eq!(names(&text), (vec![Some(39)], None));
    }
}

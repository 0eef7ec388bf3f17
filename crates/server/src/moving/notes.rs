//! What is said of one user on the way: each part is parsed by the rules, and left out only where the
//! operator has it so, with a word in the report.

use doorward_domain::passwords;
use doorward_domain::values::{Invalid, Secret};

use super::{Note, Part, Rejection, Terms};

/// What is said of one user.
pub struct Notes<'a> {
    pub terms: &'a Terms,
    notes: Vec<Note>,
}

impl<'a> Notes<'a> {
    /// Nothing yet.
    pub fn new(terms: &'a Terms) -> Self {
        Self {
            terms,
            notes: Vec::new(),
        }
    }

    /// All of it.
    pub fn into_notes(self) -> Vec<Note> {
        self.notes
    }

    /// One more.
    pub fn add(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// The hash, unless it cannot be read and may be left out. What can be read is for the domain
    /// to say again.
    pub fn password(&mut self, hash: Option<Secret<String>>) -> Option<Secret<String>> {
        let hash = hash?;
        match passwords::check_readable(hash.expose()) {
            Err(unreadable) if self.terms.without.contains(&Part::Password) => {
                self.left_out(
                    Part::Password,
                    &format!("It cannot be verified here: {unreadable}."),
                );
                None
            }
            _ => Some(hash),
        }
    }

    fn left_out(&mut self, part: Part, why: &str) {
        let detail = format!("{} was left out: {why}", part.name());
        self.add(Note::new(format!("{}-left-out", part.name()), detail));
    }

    /// The part, where it can be taken; none where it is not there, or may be left out.
    pub fn part<T, V>(
        &mut self,
        part: Part,
        value: Option<V>,
        parse: impl FnOnce(V) -> Result<T, Invalid>,
    ) -> Result<Option<T>, Rejection> {
        match value.map(parse) {
            None => Ok(None),
            Some(Ok(parsed)) => Ok(Some(parsed)),
            Some(Err(invalid)) if self.terms.without.contains(&part) => {
                self.left_out(part, &invalid.detail);
                Ok(None)
            }
            Some(Err(invalid)) => Err(Rejection::part(part, &invalid)),
        }
    }
}

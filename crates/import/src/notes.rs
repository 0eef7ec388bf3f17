//! The notes on one user of a file. Each field is parsed by the rules of the domain and dropped only if the
//! operator allows it, with a note in the report.

use doorward_domain::passwords::hashing;
use doorward_domain::values::{Invalid, Secret};

use crate::options::{ImportOptions, UserField};
use crate::translation::{ImportNote, Rejection};

/// Notes on one user.
pub struct Notes<'a> {
    pub options: &'a ImportOptions,
    notes: Vec<ImportNote>,
}

impl<'a> Notes<'a> {
    /// Begins without notes.
    pub fn new(options: &'a ImportOptions) -> Self {
        Self {
            options,
            notes: Vec::new(),
        }
    }

    /// Returns all notes.
    pub fn into_notes(self) -> Vec<ImportNote> {
        self.notes
    }

    /// Adds a note.
    pub fn add(&mut self, note: ImportNote) {
        self.notes.push(note);
    }

    /// Returns the hash, unless it is unreadable and may be dropped. The domain rejects an unreadable one.
    pub fn password(&mut self, hash: Option<Secret<String>>) -> Option<Secret<String>> {
        let hash = hash?;
        match hashing::check_readable(hash.expose()) {
            Err(unreadable) if self.options.drop_invalid.contains(&UserField::Password) => {
                let reason = format!("the hash cannot be verified: {unreadable}.");
                self.add_dropped(UserField::Password, &reason);
                None
            }
            _ => Some(hash),
        }
    }

    fn add_dropped(&mut self, field: UserField, reason: &str) {
        let detail = format!("Dropped {}: {reason}", field.name());
        self.add(ImportNote::new(format!("{}-dropped", field.name()), detail));
    }

    /// Parses a field. Returns `None` if it is missing, or invalid and may be dropped.
    pub fn field<T, V>(
        &mut self,
        field: UserField,
        value: Option<V>,
        parse: impl FnOnce(V) -> Result<T, Invalid>,
    ) -> Result<Option<T>, Rejection> {
        match value.map(parse) {
            None => Ok(None),
            Some(Ok(parsed)) => Ok(Some(parsed)),
            Some(Err(invalid)) if self.options.drop_invalid.contains(&field) => {
                self.add_dropped(field, &invalid.detail);
                Ok(None)
            }
            Some(Err(invalid)) => Err(Rejection::invalid(field, &invalid)),
        }
    }
}

//! Users on their way in or out: what files look like, and what becomes of each user in them.
//!
//! It parses and translates, and decides no rule: what can be taken is `flows::import`'s to say. A
//! file is read on a thread of its own, one user at a time, whatever its size ([`source`]); a format
//! turns each into a [`Draft`], and [`Draft::finish`] makes it a typed user or says why not.
//!
//! To add a system: a file with its `draft`, an arm in each function of [`Format`], a fixture and
//! its sign-ins in `tests/it/e2e/moving`, a paragraph in `docs/IMPORT.md`.

mod django;
mod document;
pub mod doorward;
mod draft;
mod fields;
mod firebase;
mod firebase_csv;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod hash_config;
mod keycloak;
mod notes;
pub mod part;
pub mod progress;
pub mod report;
mod rows;
pub mod source;
mod supabase;

use std::fmt;

use doorward_domain::flows::import::{ImportedUser, Refusal};
use doorward_domain::passwords::FirebaseParameters;
use doorward_domain::values::{Invalid, Locale};
use jiff::Timestamp;
use serde_json::Value;

pub use draft::Draft;
use fields::{Fields, cut, wrong_type};
pub use hash_config::read as read_hash_config;

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// What `doorward export` writes
    Doorward,
    /// Django's `dumpdata auth.user`, or of a user model of your own
    Django,
    /// Supabase's table auth.users, as JSON, JSON lines or CSV
    Supabase,
    /// A Keycloak realm export with its users
    Keycloak,
    /// Firebase's `auth:export`, as JSON or CSV
    Firebase,
}

impl Format {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Doorward,
        Self::Django,
        Self::Supabase,
        Self::Keycloak,
        Self::Firebase,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Doorward => "doorward",
            Self::Django => "django",
            Self::Supabase => "supabase",
            Self::Keycloak => "keycloak",
            Self::Firebase => "firebase",
        }
    }

    /// What stands near the beginning of its files and of no other's.
    fn marks(self) -> &'static [&'static str] {
        match self {
            Self::Doorward => &["\"doorward-users\""],
            Self::Django => &["\"model\"", "\"fields\""],
            Self::Supabase => &["encrypted_password"],
            Self::Keycloak => &["\"realm\""],
            Self::Firebase => &["\"localId\""],
        }
    }

    /// One user of its file.
    pub fn translate(self, value: Value, terms: &Terms) -> Translation {
        let draft = match self {
            Self::Doorward => return doorward::read(value, terms),
            Self::Django => django::draft(value),
            Self::Supabase => supabase::draft(value, terms),
            Self::Keycloak => keycloak::draft(value),
            Self::Firebase => firebase::draft(value, terms),
        };
        draft?.finish(terms)
    }
}

/// What the operator wants done where another system's users do not fit.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Now.
    pub now: Timestamp,
    /// Whose addresses count as confirmed.
    pub emails: Emails,
    /// Whether who was an admin there is one here.
    pub admins: bool,
    /// What to leave out where it cannot be taken, rather than the user.
    pub without: Vec<Part>,
    /// The language of whoever has none there.
    pub locale: Locale,
    /// How a Firebase project hashes.
    pub firebase: Option<FirebaseParameters>,
}

/// Whose addresses count as confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Emails {
    /// As the other system has it; Django's all are, since it mails new passwords to them
    AsTold,
    /// Every one
    Confirmed,
    /// None: everybody confirms anew
    Unconfirmed,
}

/// A part that a user can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// A user name that cannot be one here
    Username,
    /// Something that is no e-mail address
    Email,
    /// A hash that cannot be verified here
    Password,
    /// A display name that is too long, or more than a line
    Name,
    /// Data beyond 16 KiB or 32 levels
    Data,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Password => "password",
            Self::Name => "name",
            Self::Data => "data",
        }
    }
}

/// What became of one user of a file before anybody asked the store.
pub type Translation = Result<Translated, Rejection>;

/// A user who may be taken, and what is not as it was there.
#[derive(Debug)]
pub struct Translated {
    /// Who.
    pub user: ImportedUser,
    /// What was changed or left behind.
    pub notes: Vec<Note>,
}

/// What is not as it was there.
#[derive(Debug)]
pub struct Note {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub detail: String,
    /// What it was, where that is worth keeping: an old id.
    pub was: Option<String>,
}

impl Note {
    fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            was: None,
        }
    }
}

/// Why one is not taken. It never holds a hash.
#[derive(Debug)]
pub struct Rejection {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub detail: String,
    /// A name, an address or an id, as far as one could be read.
    pub named: Option<String>,
    /// Whether this was nobody to begin with: another table's row, a deleted user.
    pub is_nobody: bool,
}

impl Rejection {
    fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            named: None,
            is_nobody: false,
        }
    }

    fn malformed(detail: impl Into<String>) -> Self {
        Self::new("malformed", detail)
    }

    fn nobody(code: &str, detail: &str) -> Self {
        Self {
            is_nobody: true,
            ..Self::new(code, detail)
        }
    }

    fn part(part: Part, invalid: &Invalid) -> Self {
        Self::new(format!("{}-invalid", part.name()), invalid.detail.clone())
    }

    fn refused(refusal: &Refusal) -> Self {
        Self::new(refusal.code(), sentence(refusal))
    }

    fn of(self, named: Option<&str>) -> Self {
        Self {
            named: named.map(str::to_owned),
            ..self
        }
    }
}

/// An error as a sentence.
pub fn sentence(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    let first = rest.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), rest.as_str())
}

/// What serde and the reader of times say, less any text of the file they quote: it could be a hash.
fn unquoted(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once('"') {
        Some((before, after)) => {
            let rest = after.rsplit_once('"').map_or("", |(_, rest)| rest);
            format!("{}{rest}", before.trim_end())
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-02: whatever stands where a time or a number belongs is not said back.
    #[test]
    fn no_text_of_the_file_is_quoted() {
        let hash = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlA";
        for wrong in [
            serde_json::from_value::<Timestamp>(format!("2026-01-01T00:00:00{hash}").into()).err(),
            serde_json::from_value::<Timestamp>(hash.into()).err(),
            serde_json::from_value::<i64>(format!("a\"{hash}\"b").into()).err(),
        ] {
            let told = unquoted(&wrong.unwrap());
            assert!(!told.contains("argon2") && told.len() > 10, "{told}");
        }
    }
}

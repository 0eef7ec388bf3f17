//! Readers and writers of files with users: Doorward's own format and those of other systems.
//!
//! They parse and translate; `flows::import` decides which users are accepted. A file of any size is read on a
//! separate thread, one user at a time ([`source`]). A format turns each user into a [`RawUser`], and
//! [`RawUser::finish`] into a typed user or a rejection.
//!
//! To add a system: a file with its `read`, an arm in each function of [`Format`], a fixture and its sign-ins
//! in `tests/it/e2e/import`, a section in `docs/IMPORT.md`.

mod django;
mod document;
pub mod doorward;
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
mod raw_user;
pub mod report;
mod rows;
pub mod source;
mod supabase;

use std::fmt;

use doorward_domain::flows::import::{ImportRejection, ImportedUser};
use doorward_domain::passwords::FirebaseParameters;
use doorward_domain::values::{Invalid, Locale};
use jiff::Timestamp;
use serde_json::Value;

use fields::{JsonFields, cut, wrong_type};
pub use hash_config::read as read_hash_config;
pub use raw_user::RawUser;

/// Format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Output of `doorward export`
    Doorward,
    /// Django's `dumpdata auth.user`, or of a custom user model
    Django,
    /// Supabase's table auth.users as JSON, JSON lines or CSV
    Supabase,
    /// A Keycloak realm export with its users
    Keycloak,
    /// Firebase's `auth:export`, as JSON or CSV
    Firebase,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [
        Self::Doorward,
        Self::Django,
        Self::Supabase,
        Self::Keycloak,
        Self::Firebase,
    ];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Doorward => "doorward",
            Self::Django => "django",
            Self::Supabase => "supabase",
            Self::Keycloak => "keycloak",
            Self::Firebase => "firebase",
        }
    }

    /// Text that only files of this format contain near their beginning.
    fn marks(self) -> &'static [&'static str] {
        match self {
            Self::Doorward => &["\"doorward-users\""],
            Self::Django => &["\"model\"", "\"fields\""],
            Self::Supabase => &["encrypted_password"],
            Self::Keycloak => &["\"realm\""],
            Self::Firebase => &["\"localId\""],
        }
    }

    /// Converts one user of a file.
    pub fn translate(self, value: Value, terms: &Terms) -> Translation {
        let user = match self {
            Self::Doorward => return doorward::read(value, terms),
            Self::Django => django::read(value),
            Self::Supabase => supabase::read(value, terms),
            Self::Keycloak => keycloak::read(value),
            Self::Firebase => firebase::read(value, terms),
        };
        user?.finish(terms)
    }
}

/// Options of an import.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Current time.
    pub now: Timestamp,
    /// Email status of imported users.
    pub email_status: EmailStatus,
    /// Whether admins of the other system stay admins.
    pub keep_admins: bool,
    /// Fields to drop if they are invalid, instead of rejecting the user.
    pub drop_invalid: Vec<UserField>,
    /// Language of users without one.
    pub default_locale: Locale,
    /// Hash parameters of a Firebase project.
    pub firebase: Option<FirebaseParameters>,
}

/// Email status of imported users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum EmailStatus {
    /// As in the other system; Django's addresses are confirmed, since it mails password resets to them
    Keep,
    /// All addresses are confirmed
    Confirmed,
    /// All users confirm their address again
    Unconfirmed,
}

/// An optional field of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum UserField {
    /// A username that breaks the rules
    Username,
    /// An invalid email address
    Email,
    /// A password hash that cannot be verified
    Password,
    /// A display name that is too long or has several lines
    Name,
    /// Data over 16 KiB or 32 levels
    Data,
}

impl UserField {
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

/// A user of a file, or the reason to reject it without querying the store.
pub type Translation = Result<Translated, Rejection>;

/// A user to import.
#[derive(Debug)]
pub struct Translated {
    /// The user.
    pub user: ImportedUser,
    /// Fields that were changed or not imported.
    pub notes: Vec<Note>,
}

/// A difference between the file and the imported user.
#[derive(Debug)]
pub struct Note {
    /// Stable code, for programs.
    pub code: String,
    /// Description.
    pub detail: String,
    /// The original value, of an id that was replaced.
    pub original: Option<String>,
}

impl Note {
    fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            original: None,
        }
    }
}

/// Rejection of a user. It never contains a hash.
#[derive(Debug)]
pub struct Rejection {
    /// Stable code, for programs.
    pub code: String,
    /// Description.
    pub detail: String,
    /// Username, email address or id, if one could be read.
    pub identifier: Option<String>,
    /// `true` if the record is not a user: a row of another table, a deleted user.
    pub is_skipped: bool,
}

impl Rejection {
    fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            identifier: None,
            is_skipped: false,
        }
    }

    fn malformed(detail: impl Into<String>) -> Self {
        Self::new("malformed", detail)
    }

    fn skipped(code: &str, detail: &str) -> Self {
        Self {
            is_skipped: true,
            ..Self::new(code, detail)
        }
    }

    fn invalid(field: UserField, invalid: &Invalid) -> Self {
        Self::new(format!("{}-invalid", field.name()), invalid.detail.clone())
    }

    fn refused(rejection: &ImportRejection) -> Self {
        Self::new(rejection.code(), sentence(rejection))
    }

    fn of(self, identifier: Option<&str>) -> Self {
        Self {
            identifier: identifier.map(str::to_owned),
            ..self
        }
    }
}

/// Formats an error as a sentence.
pub fn sentence(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    let first = rest.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), rest.as_str())
}

/// The message of an error without the text of the file that it quotes, which could be a hash.
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

    /// C-02: a hash in the place of a time or a number is not repeated.
    #[test]
    fn no_text_of_the_file_is_quoted() {
        let hash = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlA";
        for wrong in [
            serde_json::from_value::<Timestamp>(format!("2026-01-01T00:00:00{hash}").into()).err(),
            serde_json::from_value::<Timestamp>(hash.into()).err(),
            serde_json::from_value::<i64>(format!("a\"{hash}\"b").into()).err(),
        ] {
            let message = unquoted(&wrong.unwrap());
            assert!(
                !message.contains("argon2") && message.len() > 10,
                "{message}"
            );
        }
    }
}

//! Users on their way in or out: what files look like, and what becomes of each user in them.
//!
//! It parses and translates, and decides no rule: what can be taken is `flows::import`'s to say. A
//! file is read on a thread of its own, one user at a time, whatever its size ([`source`]); a format
//! turns each into a [`Draft`], and [`Draft::finish`] makes it a typed user or says why not.
//!
//! To add a system: a file with its `draft`, an arm in each function of [`Format`], a fixture and
//! its sign-ins in `tests/it/e2e/moving`, a paragraph in `docs/MOVING.md`.

mod django;
pub mod doorward;
mod draft;
mod firebase;
mod hash_config;
mod keycloak;
pub mod part;
pub mod progress;
pub mod report;
pub mod source;
mod supabase;

use std::fmt;

use doorward_domain::flows::import::{ImportedUser, Refusal};
use doorward_domain::passwords::FirebaseParameters;
use doorward_domain::values::{Invalid, Locale};
use jiff::Timestamp;
use serde_json::{Map, Value};

pub use draft::Draft;
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
            Self::Doorward => return doorward::read(value),
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

/// What serde says, less any text of the file it quotes: it could be a hash.
fn unquoted(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once("string \"") {
        Some((before, after)) => {
            let rest = after.rsplit_once('"').map_or("", |(_, rest)| rest);
            format!("{before}string{rest}")
        }
        None => text,
    }
}

/// Reads an object's fields one by one; what nobody asked for is left over.
struct Fields(Map<String, Value>);

impl Fields {
    fn of(value: Value) -> Result<Self, Rejection> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(Rejection::malformed("It is no JSON object.")),
        }
    }

    /// The value, unless it is `null`.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A text that is not empty. A number is taken for its digits: ids are spelled both ways.
    fn text(&mut self, name: &str) -> Result<Option<String>, Rejection> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(wrong_type(name, "a text")),
        }
    }

    /// `true` or `false`; CSV spells them as text.
    fn flag(&mut self, name: &str) -> Result<Option<bool>, Rejection> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(Value::String(text)) => match text.as_str() {
                "" => Ok(None),
                "true" | "t" => Ok(Some(true)),
                "false" | "f" => Ok(Some(false)),
                _ => Err(wrong_type(name, "true or false")),
            },
            Some(_) => Err(wrong_type(name, "true or false")),
        }
    }

    /// A moment; without an offset it is UTC.
    fn moment(&mut self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let moment = text.parse().ok().or_else(|| {
            let civil: jiff::civil::DateTime = text.parse().ok()?;
            let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(zoned.timestamp())
        });
        match moment.and_then(cut) {
            Some(moment) => Ok(Some(moment)),
            None => Err(wrong_type(name, "a time")),
        }
    }

    /// A moment in milliseconds since 1970, as a number or its digits.
    fn millis(&mut self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let moment = text.parse().ok().map(Timestamp::from_millisecond);
        match moment {
            Some(Ok(moment)) => Ok(Some(moment)),
            _ => Err(wrong_type(name, "a time in milliseconds")),
        }
    }

    /// An object, or the text of one.
    fn object(&mut self, name: &str) -> Result<Map<String, Value>, Rejection> {
        let value = match self.take(name) {
            None => return Ok(Map::new()),
            Some(Value::String(text)) if text.is_empty() => return Ok(Map::new()),
            Some(Value::String(text)) => serde_json::from_str(&text).ok(),
            Some(other) => Some(other),
        };
        match value {
            Some(Value::Object(map)) => Ok(map),
            Some(Value::Null) => Ok(Map::new()),
            _ => Err(wrong_type(name, "a JSON object")),
        }
    }

    /// The names of what is left and says anything.
    fn left_over(self) -> impl Iterator<Item = String> {
        let says_something = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
            Value::Bool(true) | Value::Number(_) => true,
        };
        let fields = self.0.into_iter();
        fields.filter_map(move |(name, value)| says_something(&value).then_some(name))
    }
}

fn wrong_type(name: &str, wanted: &str) -> Rejection {
    Rejection::malformed(format!("`{name}` is not {wanted}."))
}

/// To microseconds, which is what every store keeps.
fn cut(moment: Timestamp) -> Option<Timestamp> {
    Timestamp::from_microsecond(moment.as_microsecond()).ok()
}

//! The formats: their names, how each is detected, and the conversion of a user.

use serde_json::Value;

use crate::options::ImportOptions;
use crate::translation::Conversion;
use crate::{django, doorward_format, firebase, keycloak, supabase};

/// Format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Output of `doorward export`.
    Doorward,
    /// Django's `dumpdata auth.user`, or of a custom user model.
    Django,
    /// Supabase's table `auth.users` as JSON, JSON lines or CSV.
    Supabase,
    /// A Keycloak realm export with its users.
    Keycloak,
    /// Firebase's `auth:export` as JSON.
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

    /// Name on the command line and in the audit log.
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
    pub(crate) fn signatures(self) -> &'static [&'static str] {
        match self {
            Self::Doorward => &["\"doorward-users\""],
            Self::Django => &["\"model\"", "\"fields\""],
            Self::Supabase => &["encrypted_password"],
            Self::Keycloak => &["\"realm\""],
            Self::Firebase => &["\"localId\""],
        }
    }

    /// Converts one user of a file.
    pub fn convert(self, value: Value, options: &ImportOptions) -> Conversion {
        let user = match self {
            Self::Doorward => return doorward_format::read(value, options),
            Self::Django => django::read(value),
            Self::Supabase => supabase::read(value, options),
            Self::Keycloak => keycloak::read(value),
            Self::Firebase => firebase::read(value, options),
        };
        user?.finish(options)
    }
}

//! Enums whose variants have external names.

use crate::values::Invalid;

macro_rules! string_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$line:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$line])* $variant),+
        }

        impl $name {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name, wherever it is stored, shown or sent.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// The variant with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                let mut all = Self::ALL.iter().copied();
                all.find(|variant| variant.as_str() == name)
            }
        }
    };
}

pub(crate) use string_enum;

/// The variant with this name, of `all`.
pub(crate) fn parse_name<T: Copy>(
    text: &str,
    all: &[T],
    as_str: impl Fn(T) -> &'static str,
) -> Result<T, Invalid> {
    let mut variants = all.iter().copied();
    let named = variants.find(|variant| as_str(*variant) == text);
    named.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|variant| as_str(*variant)).collect();
        let detail = format!("Must be one of `{}`.", names.join("`, `"));
        Invalid::new("invalid", detail)
    })
}

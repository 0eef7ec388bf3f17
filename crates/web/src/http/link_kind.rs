//! The kinds of mailed links.

/// What a mailed link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkKind {
    Confirmation,
    Recovery,
    EmailUndo,
    FactorUndo,
    DeletionUndo,
}

impl LinkKind {
    /// Variant of the message `link-expired`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Recovery => "recovery",
            Self::EmailUndo => "email-undo",
            Self::FactorUndo => "factor-undo",
            Self::DeletionUndo => "deletion-undo",
        }
    }

    /// The page that sends a new link of this kind.
    pub(crate) fn request_page(self) -> Option<&'static str> {
        match self {
            Self::Confirmation => Some("/sign-up/sent"),
            Self::Recovery => Some("/recover"),
            Self::EmailUndo | Self::FactorUndo | Self::DeletionUndo => None,
        }
    }
}

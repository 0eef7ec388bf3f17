//! What can be wrong with the log: a stable word for programs, a sentence for people, and where it is.
//!
//! To add one: a variant, its word, its sentence, and a row in `docs/operations/audit-log.md`.

use std::fmt;

use crate::values::AuditEventId;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Seals are not there, from this position to the one before the next.
    SealsMissing,
    /// A seal stands where another belongs.
    SealOutOfOrder,
    /// A seal's digest is not of what it says.
    SealEdited,
    /// No key that is trusted has signed it, nor what follows upon it.
    SealForged,
    /// No key that is trusted has signed it, but one has signed what follows upon it: by an earlier master
    /// key it was made, or by a forger before that moment, and is as it was then.
    SealOfAnotherKey,
    /// It does not follow upon the seal before.
    ChainBroken,
    /// What it says of its events is not what was sealed.
    LeavesEdited,
    /// It says that its events were let go, and no key that is trusted has signed that.
    LetGoForged,
    /// An event that was sealed is not there.
    EventMissing,
    /// An event says something else than when it was sealed.
    EventEdited,
    /// Its address or user agent is another.
    PersonalEdited,
    /// Its address and user agent are gone, and nobody ordered that.
    ErasedWithoutOrder,
    /// An event says it belongs to a seal that does not hold it.
    EventAdded,
    /// An event waits for its seal in a file that was written after it should have had one.
    Unsealed,
    /// An event without a seal is of a time that is yet to come, when it would be sealed.
    EventAhead,
    /// An event's id is of another time than it says.
    EventMisdated,
    /// The log is empty, or begins later than a signing key that has its line in it.
    Emptied,
    /// What an exported log says of itself is not signed by a key that is trusted.
    HeadForged,
    /// Somebody has put a trigger, or another thing of its kind, on the log's tables.
    TriggerSet,
    /// A checkpoint that was written down has no seal: the end of the log was cut.
    TailCut,
    /// A checkpoint that was written down names another digest: the log was made anew from there.
    CheckpointDiffers,
}

impl Flaw {
    fn as_str(self) -> &'static str {
        match self {
            Self::SealsMissing => "seal-missing",
            Self::SealOutOfOrder => "seal-out-of-order",
            Self::SealEdited => "seal-edited",
            Self::SealForged => "seal-forged",
            Self::SealOfAnotherKey => "seal-of-another-key",
            Self::ChainBroken => "chain-broken",
            Self::LeavesEdited => "leaves-edited",
            Self::LetGoForged => "let-go-forged",
            Self::EventMissing => "event-missing",
            Self::EventEdited => "event-edited",
            Self::PersonalEdited => "event-address-edited",
            Self::ErasedWithoutOrder => "event-erased-without-order",
            Self::EventAdded => "event-added",
            Self::Unsealed => "event-unsealed",
            Self::EventAhead => "event-ahead",
            Self::EventMisdated => "event-misdated",
            Self::Emptied => "log-emptied",
            Self::HeadForged => "head-forged",
            Self::TriggerSet => "trigger-set",
            Self::TailCut => "tail-cut",
            Self::CheckpointDiffers => "checkpoint-differs",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::SealsMissing => "is missing",
            Self::SealOutOfOrder => "stands where another belongs",
            Self::SealEdited => "was edited: its digest is not of what it says",
            Self::SealForged => "is not signed by a key that is trusted",
            Self::SealOfAnotherKey => {
                "is not signed by a key that is trusted, and has not changed since one signed the next: give the key of before by --key, or it is a forgery of that time"
            }
            Self::ChainBroken => "does not follow upon the seal before it",
            Self::LeavesEdited => "was edited: its list of events is not the one that was sealed",
            Self::LetGoForged => {
                "says that its events were let go: too early, or not signed by a key that is trusted"
            }
            Self::EventMissing => "is missing from it",
            Self::EventEdited => "was edited",
            Self::PersonalEdited => "was edited: its address or user agent is another",
            Self::ErasedWithoutOrder => {
                "has lost its address and user agent, though no account of it was deleted"
            }
            Self::EventAdded => "was added: the seal does not hold it",
            Self::Unsealed => "has no seal, and had to have one when the file was written",
            Self::EventAhead => {
                "has no seal, and is of a time that is yet to come: it was added or edited, or a clock was wrong"
            }
            Self::EventMisdated => {
                "says another time than its id: it was added or edited before it was sealed"
            }
            Self::Emptied => {
                "the log has lost its beginning, or all of it: there are accounts or signing keys from before its first line"
            }
            Self::HeadForged => {
                "the first line of the file was edited, or is not signed by a key that is trusted: whether all events are in it cannot be told"
            }
            Self::TriggerSet => {
                "a trigger, rule, view, event or row security stands on the log's tables, by which lines can be kept out of it or hidden: Doorward makes none"
            }
            Self::TailCut => {
                "was written down as a checkpoint and is not there: the end of the log was cut"
            }
            Self::CheckpointDiffers => {
                "was written down as a checkpoint with another digest: the log was made anew"
            }
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub flaw: Flaw,
    /// In which seal, or from which on.
    pub position: Option<i64>,
    /// The last of them, where there are several.
    pub to: Option<i64>,
    /// In which event.
    pub event: Option<AuditEventId>,
}

impl Finding {
    /// What is wrong with all of it.
    pub fn of_log(flaw: Flaw) -> Self {
        Self {
            flaw,
            position: None,
            to: None,
            event: None,
        }
    }

    /// What is wrong with one seal.
    pub fn of_seal(flaw: Flaw, position: i64) -> Self {
        Self {
            flaw,
            position: Some(position),
            to: None,
            event: None,
        }
    }

    /// What is wrong with one event.
    pub fn of_event(flaw: Flaw, position: Option<i64>, event: AuditEventId) -> Self {
        Self {
            flaw,
            position,
            to: None,
            event: Some(event),
        }
    }

    /// What is wrong, as one stable word.
    pub fn word(&self) -> &'static str {
        self.flaw.as_str()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "seal {position}")?;
            if let Some(to) = self.to.filter(|to| *to != position) {
                write!(f, " to {to}")?;
            }
        }
        if let Some(event) = self.event {
            let joint = if self.position.is_some() { ", " } else { "" };
            write!(f, "{joint}event {event}")?;
        }
        let is_placed = self.position.is_some() || self.event.is_some();
        let joint = if is_placed { " " } else { "" };
        write!(f, "{joint}{}", self.flaw.sentence())
    }
}

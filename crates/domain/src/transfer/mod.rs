//! Exports and imports all users, and checks that the stored hashes can be verified. Only for the command line.

mod export;
mod import;
mod peppers;

pub use export::{ExportedUser, UserExport};
pub use import::{
    BatchPacer, DryRun, ImportDryRun, ImportOutcome, ImportRejection, ImportedUser, UserImport,
    derive_id,
};
pub use peppers::PepperCheck;

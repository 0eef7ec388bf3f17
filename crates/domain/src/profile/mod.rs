//! One account: view, update, activity and export.

mod activity;
mod export;
mod update;

pub use activity::{Activity, ActivityActor, RecentActivity};
pub(crate) use export::mails_about;
pub use export::{PasswordMetadata, PersonalData, PersonalExport};
pub use update::{Profile, ProfileUpdate, ViewedUser};

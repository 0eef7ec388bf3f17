//! The active admins, of whom one must stay.

use crate::error::Error;
use crate::model::{LastAdmin, Roster, User};
use crate::store::{Batch, ReadStore, Records};

/// The writes by which the roster of admins follows a change of a user; `None` is a user that does not exist. Fails
/// with [`Error::LastAdmin`] if no active admin would be left.
pub(crate) async fn roster_change(
    store: &dyn ReadStore,
    read: Option<&User>,
    changed: Option<&User>,
) -> Result<Batch, Error> {
    if !Roster::is_concerned(read, changed) {
        return Ok(Batch::new());
    }
    let added = changed
        .filter(|user| user.is_active_admin())
        .map(|user| user.id);
    let removed = read
        .filter(|user| user.is_active_admin())
        .map(|user| user.id);
    let roster = roster(store).await?;
    roster
        .changed(added, removed)
        .map_err(|LastAdmin| Error::LastAdmin)
}

/// The active admins.
pub(crate) async fn roster(store: &dyn ReadStore) -> Result<Roster, Error> {
    let roster = store.get(Roster::ADMINS).await?;
    Ok(roster.unwrap_or_default())
}

//! Checks that the record of the active admins agrees with the users.

use std::collections::BTreeSet;

use doorward_domain::diagnostics::Diagnostic;
use doorward_domain::model::{Roster, Status, User, UserFilter};
use doorward_domain::store::{Records, Store};
use doorward_domain::values::{Role, UserId};

const PART: &str = "admins";
/// Maximum number of admins that are compared.
const MAX_ADMINS: usize = 10_000;

/// Compares the roster with the users. `None` if the database cannot be read, which is a separate diagnostic.
pub(super) async fn diagnose(store: &dyn Store) -> Option<Diagnostic> {
    let roster: Option<Roster> = store.get(Roster::ADMINS).await.ok()?;
    let roster = roster.unwrap_or_default();
    let filter = UserFilter {
        role: Some(Role::Admin),
        status: Some(Status::Active),
        limit: MAX_ADMINS,
        ..UserFilter::default()
    };
    let users: Vec<User> = store.list(filter.query()).await.ok()?;
    let admins: BTreeSet<UserId> = users.iter().map(|user| user.id).collect();
    let differing: Vec<String> = admins
        .symmetric_difference(&roster.admins)
        .map(UserId::to_string)
        .collect();
    Some(match differing.is_empty() {
        true => Diagnostic::passed(PART, format!("{} active", admins.len())),
        false => Diagnostic::failed(
            PART,
            format!(
                "the record of the active admins differs from the users: {}",
                differing.join(", ")
            ),
            "For each of these users, run `doorward user set-role <USER> admin`, then set the role that the user should have",
        ),
    })
}

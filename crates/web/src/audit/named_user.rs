//! The users that the filters of the console's audit log name: as in the API, and also by a display name.

use doorward_domain::model::{UserFilter, UserPage};
use doorward_domain::values::UserId;

use crate::audit::api::UNKNOWN_USER;
use crate::html::console::AdminCaller;
use crate::http::problem::Problem;
use crate::users::admin::search_text;

/// Maximum number of users that a page offers to choose from.
const MAX_CHOICES: usize = 10;

/// The user that a filter names.
pub(super) enum NamedUser {
    /// The filter is empty.
    Any,
    /// The user with this id. It may be deleted.
    WithId(UserId),
    /// A search finds several users, or may find more than it has read.
    Several(UserPage),
    /// No user.
    Unknown,
}

impl NamedUser {
    /// Finds the user. A text that is no name of a user is searched for, as in the list of users, and with the same audit event.
    pub(super) async fn find(caller: &AdminCaller, named: Option<&str>) -> Result<Self, Problem> {
        let Some(named) = named else {
            return Ok(Self::Any);
        };
        let (ctx, doorward) = (&caller.ctx, caller.doorward());
        if let Some(id) = doorward.audit.find_user_id(ctx, named).await? {
            return Ok(Self::WithId(id));
        }
        let Ok(text) = search_text(named) else {
            return Ok(Self::Unknown);
        };
        let filter = UserFilter {
            text: Some(text),
            limit: MAX_CHOICES,
            ..UserFilter::default()
        };
        let page = doorward.user_list.list_users(ctx, &filter).await?;
        Ok(match (page.users.len(), &page.next) {
            (0, None) => Self::Unknown,
            (1, None) => Self::WithId(page.users[0].id),
            _ => Self::Several(page),
        })
    }

    /// The id for the filter of the events. No event has that of an unknown user.
    pub(super) fn id(&self) -> Option<UserId> {
        match self {
            Self::Any | Self::Several(_) => None,
            Self::WithId(id) => Some(*id),
            Self::Unknown => Some(UNKNOWN_USER),
        }
    }
}

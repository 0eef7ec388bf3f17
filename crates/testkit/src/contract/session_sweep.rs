//! Sessions that are stored until they are swept.

use std::sync::Arc;

use doorward_domain::model::Session;
use doorward_domain::ports::Sessions;
use jiff::Timestamp;

use crate::fixtures::{self, later, now};

fn ending(at: Timestamp) -> Session {
    Session {
        expires_at: at,
        ..fixtures::session(fixtures::user_id())
    }
}

pub async fn the_sweep_takes_what_expired(port: Arc<dyn Sessions>) {
    let sessions = [ending(later(9)), ending(later(10)), ending(later(11))];
    for session in &sessions {
        port.insert_session(session).await.unwrap();
    }
    port.sweep_sessions(later(10)).await.unwrap();
    // Queried at a time before they expired, so that only the sweep can have deleted them.
    for (session, stays) in sessions.iter().zip([false, false, true]) {
        let found = port.find_session(session.user_id, &session.digest, now());
        assert_eq!(found.await.unwrap().is_some(), stays);
    }
}

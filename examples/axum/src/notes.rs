//! The notes of each user. A handler with a [`Person`] argument runs for signed-in users, and uses only the notes of
//! that user.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::doorward::Person;

/// Notes by user id, which never changes and is never reused. An application has a database here.
#[derive(Default)]
pub struct Notes {
    by_user: Mutex<HashMap<String, Vec<Note>>>,
    /// Ids are never reused.
    last_id: AtomicU64,
}

#[derive(Clone, Serialize)]
pub struct Note {
    id: u64,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    text: String,
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Note>>> {
        self.by_user.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub async fn list(person: Person, State(notes): State<Arc<Notes>>) -> Json<Vec<Note>> {
    Json(notes.lock().get(&person.sub).cloned().unwrap_or_default())
}

pub async fn add(
    person: Person,
    State(notes): State<Arc<Notes>>,
    Json(new): Json<NewNote>,
) -> (StatusCode, Json<Note>) {
    let id = notes.last_id.fetch_add(1, Ordering::Relaxed) + 1;
    let mut notes = notes.lock();
    let own = notes.entry(person.sub).or_default();
    let note = Note { id, text: new.text };
    own.push(note.clone());
    (StatusCode::CREATED, Json(note))
}

pub async fn remove(
    person: Person,
    State(notes): State<Arc<Notes>>,
    Path(id): Path<u64>,
) -> StatusCode {
    let mut notes = notes.lock();
    let own = notes.entry(person.sub).or_default();
    let count = own.len();
    own.retain(|note| note.id != id);
    if own.len() < count {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}

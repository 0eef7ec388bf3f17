//! An API for notes: each user has their own. Doorward signs the users in.
//!
//! `doorward.rs` identifies the caller of a request, and `notes.rs` is the application.

mod doorward;
mod notes;

use std::env::var;
use std::sync::Arc;

use axum::extract::FromRef;
use axum::routing::{delete, get};
use axum::{Json, Router};
use doorward::{Admin, Doorward, Person};
use notes::Notes;
use serde_json::{Value, json};

/// What the handlers share.
#[derive(Clone)]
struct App {
    doorward: Arc<Doorward>,
    notes: Arc<Notes>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let url = var("DOORWARD_URL").unwrap_or_else(|_| "http://localhost:8000".to_owned());
    let audience = var("AUDIENCE").unwrap_or_else(|_| "https://api.example.com".to_owned());
    let port = var("PORT").unwrap_or_else(|_| "5000".to_owned());

    let api = Router::new()
        .route("/me", get(me))
        .route("/admin", get(admin))
        .route("/notes", get(notes::list).post(notes::add))
        .route("/notes/{id}", delete(notes::remove))
        .with_state(App {
            doorward: Arc::new(Doorward::new(&url, &audience)),
            notes: Arc::default(),
        });

    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, api).await
}

/// For signed-in users.
async fn me(person: Person) -> Json<Value> {
    Json(json!({"user": person.sub, "role": person.role, "session": person.sid}))
}

/// For admins.
async fn admin(Admin(person): Admin) -> Json<Value> {
    Json(json!({"message": "hello, admin", "user": person.sub}))
}

impl FromRef<App> for Arc<Doorward> {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.doorward)
    }
}

impl FromRef<App> for Arc<Notes> {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.notes)
    }
}

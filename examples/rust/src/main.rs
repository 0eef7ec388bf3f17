//! A small API that verifies Doorward's audience tokens with Doorward's public keys.
//!
//! Copy `doorward.rs`. This file is an API that uses it.

mod doorward;

use std::env::var;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::routing::get;
use doorward::{Admin, Doorward, Person};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let url = var("DOORWARD_URL").unwrap_or_else(|_| "http://localhost:8000".to_owned());
    let audience = var("AUDIENCE").unwrap_or_else(|_| "https://api.example.com".to_owned());
    let port = var("PORT").unwrap_or_else(|_| "5000".to_owned());

    let api = Router::new()
        .route("/me", get(me))
        .route("/admin", get(admin))
        .with_state(Arc::new(Doorward::new(&url, &audience)));

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

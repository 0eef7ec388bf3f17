//! Compiles in the templates.

#[path = "../messages/embed.rs"]
mod embed;

fn main() {
    embed::folder("templates", &["html", "txt"]);
}

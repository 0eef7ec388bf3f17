//! Compiles in the migrations.

#[path = "../messages/embed.rs"]
mod embed;

fn main() {
    embed::folder("migrations", &["sql"]);
}

//! Compiles in the languages.

mod embed;

fn main() {
    embed::folder("locales", &["ftl"]);
}

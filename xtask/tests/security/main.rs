//! The security model cannot get stale: the code that implements each requirement, and the tests that show it, are
//! read from the comments and compared with `docs/SECURITY-MODEL.md`.
//!
//! A test has the number of what it shows (`A-08`, `T-RACE`) in the comment above it, in its body, or for a whole
//! file in the `//!` at its top; code that implements a requirement has it in a comment. To add a requirement: a
//! row in the page with its number, meaning and source, then its tests, then `BLESS=1 cargo test -p xtask --test
//! security`, which fills the row's last two cells. It does not know what the requirements mean.

#![cfg(test)]

mod markers;
mod mutants;
mod page;
mod ways_in;

use doorward_testkit::repository::root;

use crate::markers::Markers;
use crate::page::{Page, Row};

const PAGE: &str = "docs/SECURITY-MODEL.md";

/// Requirements that are not built, so that no test can show them. An **Answered** in any other row describes a
/// deviation, and the rest is shown as usual.
const NOT_BUILT: [&str; 3] = ["W-07", "W-08", "C-08"];

/// The page in the working tree.
fn page() -> Page {
    let text = std::fs::read_to_string(root().join(PAGE)).unwrap();
    Page::parse(&text)
}

/// C-10: each requirement's code and tests are on the page; run with `BLESS=1` to write them.
#[test]
fn the_page_says_where_each_requirement_is_kept_and_shown() {
    let (page, markers) = (page(), Markers::of_repository());
    let wanted = page.filled_by(&markers);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(root().join(PAGE), &wanted).unwrap();
    }
    let found = std::fs::read_to_string(root().join(PAGE)).unwrap();
    assert!(
        found == wanted,
        "{PAGE} differs from the code's comments: run `BLESS=1 cargo test -p xtask --test security`"
    );
}

#[test]
fn every_requirement_is_shown_by_a_test_and_kept_by_code_or_is_not_built() {
    let markers = Markers::of_repository();
    let page = page();
    assert!(page.rows().count() >= 120, "the tables were not read");
    let is_built = |row: &&Row| {
        let is_missing = NOT_BUILT.contains(&row.number.as_str());
        assert!(!is_missing || row.differs(), "{}", row.number);
        !is_missing
    };
    let open: Vec<_> = page
        .rows()
        .filter(is_built)
        .filter(|row| !markers.is_shown(&row.number))
        .map(|row| format!("{} is shown by nothing", row.number))
        .chain(
            page.rows()
                .filter(is_built)
                .filter(|row| row.is_requirement() && markers.kept_in(&row.number).is_empty())
                .map(|row| format!("no code says that it keeps {}", row.number)),
        )
        .collect();
    assert!(open.is_empty(), "{}", open.join("\n"));
}

#[test]
fn no_comment_names_an_unknown_requirement() {
    let page = page();
    let unknown: Vec<_> = Markers::of_repository()
        .all()
        .filter(|(number, _)| page.rows().all(|row| row.number != *number))
        .map(|(number, place)| format!("{number} in {place}"))
        .collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn the_same_number_stands_in_one_row() {
    let mut numbers: Vec<_> = page().rows().map(|row| row.number.clone()).collect();
    let before = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), before);
}

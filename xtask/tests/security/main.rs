//! The security model cannot get stale: the code that implements each requirement, and the tests that show it, are
//! read from the comments and compared with `docs/SECURITY-MODEL.md`.
//!
//! A test has the number of what it shows (`A-08`, `T-RACE`) in the comment above it, in its body, or for a whole
//! file in the `//!` at its top; code that implements a requirement has it in a comment. To add a requirement: a
//! row in the page with its number, meaning and source, then its tests, then `cargo xtask bless`, which fills the
//! row's last two cells. It does not know what the requirements mean.

#![cfg(test)]

mod entry_points;
mod mutants;
mod page;
mod requirement_ids;

use doorward_testkit::repository::{assert_generated, root};

use crate::page::{Page, Row};
use crate::requirement_ids::RequirementIds;

const PAGE: &str = "docs/SECURITY-MODEL.md";

/// Requirements that are not built, so that no test can show them. A **Differs:** in any other row describes a
/// deviation; the rest of that row has tests.
const NOT_BUILT: [&str; 3] = ["W-07", "W-08", "C-08"];

/// The page in the working tree.
fn page() -> Page {
    let text = std::fs::read_to_string(root().join(PAGE)).unwrap();
    Page::parse(&text)
}

/// C-10: each requirement's code and tests are on the page.
#[test]
fn security_model_md_is_up_to_date() {
    let (page, ids) = (page(), RequirementIds::of_repository());
    assert_generated(PAGE, &page.filled_by(&ids));
}

#[test]
fn every_requirement_has_code_and_a_test_or_is_not_built() {
    let ids = RequirementIds::of_repository();
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
        .filter(|row| !ids.is_shown(&row.number))
        .map(|row| format!("{} has no test", row.number))
        .chain(
            page.rows()
                .filter(is_built)
                .filter(|row| row.is_requirement() && ids.kept_in(&row.number).is_empty())
                .map(|row| format!("no code has a comment that it implements {}", row.number)),
        )
        .collect();
    assert!(open.is_empty(), "{}", open.join("\n"));
}

#[test]
fn no_comment_names_an_unknown_requirement() {
    let page = page();
    let unknown: Vec<_> = RequirementIds::of_repository()
        .all()
        .filter(|(number, _)| page.rows().all(|row| row.number != *number))
        .map(|(number, place)| format!("{number} in {place}"))
        .collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn each_requirement_has_one_row() {
    let mut numbers: Vec<_> = page().rows().map(|row| row.number.clone()).collect();
    let before = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), before);
}

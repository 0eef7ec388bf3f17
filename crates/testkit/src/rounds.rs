//! How often over a race is run or a process killed: as often as each run of the tests has time for, or as
//! often as `cargo xtask rounds` asks.

/// As often as this, unless `DOORWARD_TEST_ROUNDS` says another number.
///
/// # Panics
/// Where that is no number.
pub fn rounds(usual: usize) -> usize {
    let Some(told) = crate::tools::variable("DOORWARD_TEST_ROUNDS") else {
        return usual;
    };
    let told = told.to_str().and_then(|told| told.parse().ok());
    told.filter(|told| *told > 0)
        .expect("DOORWARD_TEST_ROUNDS is a number")
}

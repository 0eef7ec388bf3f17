//! Number of repetitions of race and kill tests, which `cargo xtask repeat` raises.

/// Returns `DOORWARD_TEST_REPEAT` if it is set, else `default`.
///
/// # Panics
/// If the variable is not a positive number.
pub fn repetitions(default: usize) -> usize {
    let Some(value) = crate::tools::variable("DOORWARD_TEST_REPEAT") else {
        return default;
    };
    let value = value.to_str().and_then(|value| value.parse().ok());
    value
        .filter(|value| *value > 0)
        .expect("DOORWARD_TEST_REPEAT is a positive number")
}

//! The parts of a stored hash: numbers, base64, comparison in constant time.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq;

/// PHC's base64: the standard alphabet, with optional padding.
pub(super) const PHC: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A stored hash that cannot be verified.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("password hash: {0}")]
pub struct UnreadableHash(pub(super) &'static str);

pub(super) fn constant_time_eq(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Parses `name=number` pairs that have these names, in this order.
pub(super) fn numbers<const N: usize>(
    text: &str,
    names: [&str; N],
) -> Result<[u32; N], UnreadableHash> {
    let mut values = [0; N];
    let mut pairs = text.split(',');
    for (value, name) in values.iter_mut().zip(names) {
        let pair = pairs.next().and_then(|pair| pair.split_once('='));
        *value = match pair {
            Some((key, text)) if key == name => number(text)?,
            _ => return Err(UnreadableHash("parameters")),
        };
    }
    match pairs.next() {
        None => Ok(values),
        Some(_) => Err(UnreadableHash("parameters")),
    }
}

pub(super) fn number(text: &str) -> Result<u32, UnreadableHash> {
    match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse().map_err(|_| UnreadableHash("number")),
        false => Err(UnreadableHash("number")),
    }
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>, UnreadableHash> {
    PHC.decode(text).map_err(|_| UnreadableHash("base64"))
}

pub(super) fn decode_padded(text: &str) -> Result<Vec<u8>, UnreadableHash> {
    STANDARD.decode(text).map_err(|_| UnreadableHash("base64"))
}

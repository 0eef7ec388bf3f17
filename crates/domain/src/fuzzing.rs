//! x
/// x
pub fn link_tokens(data: &[u8]) {
    drop(crate::values::Token::parse(&String::from_utf8_lossy(data)));
}

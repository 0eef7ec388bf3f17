//! The previous release and this one on one database: `cargo xtask upgrade`.

//! Tasks that are run by hand, or as a step of `verify`. Each has its own file.

pub(crate) mod bench;
pub(crate) mod book;
pub(crate) mod common_passwords;
pub(crate) mod coverage;
pub(crate) mod flood;
pub(crate) mod fuzz;
pub(crate) mod fuzz_parsers;
pub(crate) mod mutants;
pub(crate) mod package;
pub(crate) mod repeat;
pub(crate) mod sbom;
pub(crate) mod screenshots;
pub(crate) mod timing;
pub(crate) mod upgrade;
pub(crate) mod zip;

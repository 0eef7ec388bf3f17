//! Stored and imported password hashes (P-09).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_domain::fuzzing::hashes);

//! Passwords and their normal form (P-03).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_domain::fuzzing::passwords);

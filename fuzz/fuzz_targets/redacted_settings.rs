//! Redacted output of a value that contains a password (C-02).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::redacted_settings);

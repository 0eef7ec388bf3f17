//! What is shown of a value with a password in it (C-02).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::redacted_settings);

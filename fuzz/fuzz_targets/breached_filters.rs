//! The file of breached passwords (P-05).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::breached_filters);

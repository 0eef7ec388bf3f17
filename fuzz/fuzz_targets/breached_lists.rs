//! The public list of breached passwords, as it is published (P-05).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::breached_lists);

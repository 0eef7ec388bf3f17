//! A user's own JSON, and patches to it.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_domain::fuzzing::data);

//! Session and audience tokens (J-09).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_domain::fuzzing::tokens);

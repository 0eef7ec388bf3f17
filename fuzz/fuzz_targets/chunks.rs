//! Where a body of chunks ends (H-13).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::chunks);

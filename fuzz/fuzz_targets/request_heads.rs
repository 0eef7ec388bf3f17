//! The head of a request, before hyper reads it (H-13).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::request_heads);

//! What of a conversation is handed on to hyper (H-13, H-05).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::conversations);

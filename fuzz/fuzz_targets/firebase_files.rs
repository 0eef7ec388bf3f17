//! Firebase's users.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::firebase_files);

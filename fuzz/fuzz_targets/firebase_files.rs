//! Firebase's users.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_import::fuzzing::firebase_files);

//! Hash parameters of a Firebase project.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_import::fuzzing::firebase_hashing);

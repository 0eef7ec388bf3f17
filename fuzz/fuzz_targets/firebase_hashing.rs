//! Hash parameters of a Firebase project.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::firebase_hashing);

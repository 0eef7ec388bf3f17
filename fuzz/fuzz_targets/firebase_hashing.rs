//! How a Firebase project hashes.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::firebase_hashing);

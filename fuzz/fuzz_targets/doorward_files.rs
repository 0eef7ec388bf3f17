//! Lines of `doorward export`.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_import::fuzzing::doorward_files);

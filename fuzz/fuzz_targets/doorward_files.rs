//! Lines of `doorward export`.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::doorward_files);

//! `doorward.toml`.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::config_files);

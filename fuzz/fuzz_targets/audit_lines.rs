//! Lines of an exported audit log.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward::fuzzing::audit_lines);

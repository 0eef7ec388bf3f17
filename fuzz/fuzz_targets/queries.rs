//! Pages of a list: limit and cursor.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_web::fuzzing::queries);

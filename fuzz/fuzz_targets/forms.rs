//! Forms and queries, which have the same encoding (H-04).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_web::fuzzing::forms);

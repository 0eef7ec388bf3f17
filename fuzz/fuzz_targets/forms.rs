//! Forms, and queries, which are written alike (H-04).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_web::fuzzing::forms);

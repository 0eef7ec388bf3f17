//! JSON bodies (H-04).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_web::fuzzing::json_bodies);

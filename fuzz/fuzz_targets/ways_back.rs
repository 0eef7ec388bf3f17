//! Where a sign-in leads back to (W-04).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_web::fuzzing::ways_back);

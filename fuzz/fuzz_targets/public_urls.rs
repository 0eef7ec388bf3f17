//! The host of a URL, and whether it is this machine (C-01).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_web::fuzzing::public_urls);

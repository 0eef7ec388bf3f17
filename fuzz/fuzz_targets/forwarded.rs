//! `X-Forwarded-For`, `Forwarded`, and whom they are believed.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_web::fuzzing::forwarded);

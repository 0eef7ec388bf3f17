//! `X-Forwarded-For`, `Forwarded`, and the trusted proxies.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_web::fuzzing::forwarded);

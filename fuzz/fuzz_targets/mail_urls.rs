//! Where mail goes.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_mail::fuzzing::mail_urls);

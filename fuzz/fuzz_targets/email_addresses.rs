//! Email addresses.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_domain::fuzzing::email_addresses);

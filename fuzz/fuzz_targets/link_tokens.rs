//! The tokens of mailed links (L-02).
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_domain::fuzzing::link_tokens);

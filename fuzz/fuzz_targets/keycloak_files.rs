//! Keycloak's users.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_import::fuzzing::keycloak_files);

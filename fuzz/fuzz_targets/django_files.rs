//! Django's users.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_import::fuzzing::django_files);

//! Where the database is.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_store_sql::fuzzing::database_urls);

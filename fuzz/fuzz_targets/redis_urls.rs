//! Where Redis is.
#![cfg_attr(fuzzing, no_main)]

doorward_fuzz::target!(doorward_store_redis::fuzzing::redis_urls);

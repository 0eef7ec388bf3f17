//! The data folder, and files with secrets: the master key, and how such files are written.

pub mod master_key;
pub mod private_file;

//! What surrounds the binary, held against the binary: the image, the compose files, the unit and the
//! manifests. No container runs here, so each file is read by the program that reads it in earnest
//! (`linters`), every setting in it is tried by the binary (`settings`), the numbers and names that
//! have to agree are compared (`agreement`), and what the image's file system offers is tried with
//! the kernel's own means (`image`), with real servers in the
//! place of the stack's (`stack`); and what the unit forbids is none of what the binary does (`unit`).
//!
//! To add a file: its linter, its variables in `settings`, its row in `agreement`.

#![cfg(test)]
mod agreement;
mod files;
mod image;
mod linters;
mod settings;
mod stack;
mod unit;

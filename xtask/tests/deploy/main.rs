//! Checks the deployment files against the binary: the image, the compose files, the unit and the manifests. No
//! container runs here. Each file is read by the program that uses it (`linters`), the binary checks every setting
//! (`settings`), numbers and names that must agree are compared (`consistency`), the image's file system is tested
//! with the kernel's means (`image`), the stack with real servers (`stack`), and the unit's restrictions with the
//! binary's system calls (`unit`). `install` runs the install script. `aws` compares the template of AWS with the binary, and
//! `aws_stack` deploys it into an emulator.
//!
//! To add a file: its linter, its variables in `settings`, its row in `consistency`.

#![cfg(test)]
mod aws;
mod aws_stack;
mod consistency;
mod files;
mod image;
mod install;
mod linters;
mod settings;
mod stack;
mod unit;

mod create;
mod delete;
mod email;
mod list;
mod role;
mod show;
mod status;
mod update;

//! What stands in the database that this release has not put there: by whoever has it and changes the
//! audit log, and by a newer release that runs beside. Done by SQL behind the store's back, on each
//! database. A file each for events, seals, rows that cannot be read, and words of tomorrow.

#![cfg(test)]

#[macro_use]
mod database;
mod events;
mod later_words;
mod seals;
mod spoilt;
mod tampered;

//! Stand-in: core types.
pub mod failure;
pub mod file_name;
pub mod language;
pub mod media;
pub mod processing;
mod sender_advice;

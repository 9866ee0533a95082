//! The attachment service: chat files from webhook to hash-checked link.

pub mod clock;
pub mod ids;

//! The attachment service: chat files from webhook to hash-checked link.

pub mod clock;
#[cfg(feature = "dev")]
pub mod dev;
pub mod ids;

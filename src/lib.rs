//! The attachment service: chat files from webhook to hash-checked link.

pub mod attachment;
pub mod blob;
pub mod clock;
pub mod db;
#[cfg(feature = "dev")]
pub mod dev;
pub mod ids;
pub mod proto;

//! The attachment service: chat files from webhook to hash-checked link.

pub mod attachment;
pub mod auth;
pub mod blob;
pub mod channel;
pub mod clock;
pub mod db;
#[cfg(feature = "dev")]
pub mod dev;
pub mod ids;
pub mod inspect;
pub mod proto;
pub mod queue;

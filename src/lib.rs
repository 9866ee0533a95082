//! The attachment service: chat files from webhook to hash-checked link.

pub mod attachment;
pub mod blob;
pub mod clock;
pub mod db;
pub mod ids;
pub mod proto;

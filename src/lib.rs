//! The attachment service: chat files from webhook to hash-checked link.

pub mod attachment;
pub mod blob;
pub mod channel;
pub mod clock;
pub mod db;
pub mod ids;
pub mod inspect;
pub mod proto;
pub mod queue;

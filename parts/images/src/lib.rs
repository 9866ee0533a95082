//! The pictures of the attachment service, apart.

pub mod attachment;
pub mod inspect;

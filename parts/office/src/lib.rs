//! Office documents and texts of the attachment service.

pub mod attachment;
pub mod inspect;

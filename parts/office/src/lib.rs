//! Office documents and texts of the attachment service.

/// The stand-ins of the core types.
pub mod attachment;
pub mod inspect;

//! What a file is.

pub mod extracted;
pub mod found;
pub mod image;

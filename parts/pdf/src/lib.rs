//! One part of inspection: PDF.

pub mod attachment;
pub mod inspect;

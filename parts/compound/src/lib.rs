//! Old Office files.

pub mod attachment;
pub mod inspect;

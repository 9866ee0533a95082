//! Proves what a file is.

pub mod clean;
pub mod extracted;
pub mod found;
pub mod pdf;

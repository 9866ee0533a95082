//! Stand-ins of the product's core types.

pub mod media;
pub mod processing;

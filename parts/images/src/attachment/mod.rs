//! Stand-in: types of the product's core.
pub mod media;
pub mod processing;

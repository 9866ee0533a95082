//! Stand-ins.
pub mod extracted;
pub mod facts;
pub mod media;
pub mod processing;

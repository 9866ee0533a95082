pub mod media;
pub mod processing;

//! What runs the service on one machine, for development, demos and tests.

pub mod token;

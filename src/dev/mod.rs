//! What `dev`, `demo` and the tests bring up by themselves, so that a machine needs nothing set up
//! before.

pub mod postgres;

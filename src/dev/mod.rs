//! What runs the service on one machine, for development, demos and tests.
//!
//! Everything here is real: a Postgres cluster of its own, an S3 server, the
//! providers' protocols on real sockets. None of it is in the container image.

pub mod bucket;
pub mod client;
pub mod command;
mod database;
pub mod demo;
pub mod gateway;
pub mod object_store;
pub mod postgres;
pub mod preflight;
pub mod providers;
pub mod ready;
pub mod secrets;
pub mod simulator;
pub mod stack;
pub mod token;

//! The attachment service: chat files from webhook to hash-checked link.

pub mod access;
pub mod admin;
pub mod app;
pub mod attachment;
pub mod audit;
pub mod auth;
pub mod blob;
pub mod channel;
pub mod clock;
pub mod config;
pub mod db;
#[cfg(feature = "dev")]
pub mod dev;
pub mod grpc;
pub mod http;
pub mod ids;
pub mod ingest;
pub mod inspect;
pub mod proto;
pub mod purge;
pub mod queue;
pub mod redrive;
pub mod register;
pub mod sweep;
pub mod telemetry;
pub mod watch;

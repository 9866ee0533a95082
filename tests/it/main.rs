//! The service from outside: over gRPC, HTTP, SQL and S3, on a real Postgres,
//! a real S3 protocol and simulated providers on real sockets.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test binary: it exports nothing, and a panic is a failed test"
)]

mod access;
mod admin;
mod audit;
mod content;
mod contract;
mod fairness;
#[path = "../ground/mod.rs"]
mod ground;
mod ingest;
mod model;
mod operate;
mod own_outage;
mod process;
mod replicas;
mod story;
mod support;
mod surface;
mod tables;
mod tenancy;
mod watching;

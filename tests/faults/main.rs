//! What survives what: real processes on a real Postgres, a real S3 protocol
//! and simulated providers, killed, stopped, cut off and lied to.
//!
//! `docs/faults.md` says which fault is proven by which test, and how to run
//! the long form.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test binary: it exports nothing, and a panic is a failed test"
)]

#[path = "../ground/mod.rs"]
mod ground;

mod between;
mod chaos;
mod clocks;
mod cluster;
mod connections;
mod control_group;
mod drain;
mod duplicates;
mod fairness;
mod figures;
mod fleet;
mod invariants;
mod kills;
mod leases;
mod limits;
mod mounts;
mod network;
mod outages;
mod poison;
mod postgres;
mod proxy;
mod renditions;
mod replicas;
mod rest;
mod tampering;

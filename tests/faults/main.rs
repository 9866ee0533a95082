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
mod clocks;
mod cluster;
mod fairness;
mod figures;
mod fleet;
mod invariants;
mod kills;
mod limits;
mod mounts;
mod outages;
mod proxy;
mod replicas;

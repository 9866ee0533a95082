//! The HTTP edge: probes and metrics on the admin listener.

mod probes;

pub use probes::{Probe, Probes, router};

//! The HTTP edge: probes and metrics on the admin listener.

mod listener;
mod probes;

pub use listener::AdminListener;
pub use probes::{Answer, Condition, Probes, Verdict};

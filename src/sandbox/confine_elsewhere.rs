//! What there is to confine a child with where the kernel is not Linux:
//! limits, and not all of them. Enough to develop with, and it says so.

use super::layers::{Layer, Layers};
use super::limits::Limits;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io;

/// Limits this process, for good.
pub(super) fn confine(_parent: u32, limits: Limits) -> io::Result<Layers> {
    let mut layers = Layers::default();
    let cpu_seconds = limits.cpu_seconds;
    for (layer, resource, soft, hard) in [
        (
            Some(Layer::Processor),
            Resource::Cpu,
            cpu_seconds,
            cpu_seconds.saturating_add(1),
        ),
        (Some(Layer::FileSize), Resource::Fsize, 0, 0),
        (None, Resource::Core, 0, 0),
        (Some(Layer::Descriptors), Resource::Nofile, 3, 3),
    ] {
        let limit = Rlimit {
            current: Some(soft),
            maximum: Some(hard),
        };
        setrlimit(resource, limit)?;
        if let Some(layer) = layer {
            layers.note(layer, true);
        }
    }
    Ok(layers)
}

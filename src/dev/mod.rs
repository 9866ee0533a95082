//! What stands in for production's surroundings on a developer's machine.

pub mod gateway;

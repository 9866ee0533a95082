//! What a file is, and what can be read out of it.
//!
//! Promises: the bytes decide, and not what a file is called; what is said of
//! a file was proved by walking or decoding it; whatever the bytes are, the
//! answer is a typed one, within bounds of memory and time. Nothing here does
//! any I/O. What parses runs in a child of the sandbox only; the service itself
//! counts, hashes and recognises ([`Intake`]).

pub mod archive;
pub mod av;
mod cell;
pub mod clean;
pub mod compound;
mod extract;
pub mod found;
mod grid;
pub mod image;
mod intake;
pub mod judge;
mod little_endian;
pub mod ooxml;
pub mod pdf;
pub mod reading;
pub mod recognize;
mod refused;
pub mod text;
mod transcript;

pub use extract::extract;
pub use found::{Flaw, Found};
pub use image::{Picture, Unshown, model, thumbnail};
pub use intake::{Announced, Arrived, Intake};
pub use judge::{Hints, Judgement, Refusal, judge};
pub use refused::Refused;

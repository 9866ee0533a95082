//! What the bytes are.

mod cell;
pub mod clean;
pub mod compound;
pub mod extracted;
pub mod found;
mod grid;
mod little_endian;
pub mod ooxml;
mod shared_strings;
pub mod text;
mod transcript;

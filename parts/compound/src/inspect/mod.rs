//! What the bytes are.
#![allow(dead_code, clippy::allow_attributes)]

mod cell;
pub mod clean;
pub mod compound;
pub mod found;
mod grid;
mod little_endian;
mod transcript;

//! Scratch crate: audio, video, recognition.
pub mod attachment;
pub mod inspect;
